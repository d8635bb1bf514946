//! What those who look after the server may ask of it, over a socket that only they reach: method and path in, an [`Action`] out.

use super::{request::Request, response};
use crate::percent;
use serde_json::{Value, json};

/// What is there, for those who ask for something else.
const HELP: &str = "GET /rooms, GET /clients, DELETE /rooms/NAME, DELETE /clients/ID and POST /reload (names are percent-encoded)";

/// Something that is to be done or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Which rooms there are.
    Rooms,
    /// Which clients there are.
    Clients,
    /// End all rooms of this name, whatever their dialect.
    EndRoom(String),
    /// Let the client go whose connection has this id.
    EndClient(String),
    /// Read the configuration again.
    Reload,
}

/// Reads a request.
///
/// # Errors
/// The status and the answer for one that cannot be done.
pub fn read(request: &Request<'_>) -> Result<Action, (u16, Vec<u8>)> {
    let mut parts = request.path.strip_prefix('/').unwrap_or_default().splitn(2, '/');
    let (what, name) = (parts.next().unwrap_or_default(), parts.next());
    let (allowed, action) = match (what, name) {
        ("rooms", None) => ("GET", Action::Rooms),
        ("clients", None) => ("GET", Action::Clients),
        ("rooms", Some(name)) => ("DELETE", Action::EndRoom(decoded(name)?)),
        ("clients", Some(name)) => ("DELETE", Action::EndClient(decoded(name)?)),
        ("reload", None) => ("POST", Action::Reload),
        _ => {
            return Err((
                404,
                response::json(404, "", &error(&format!("nothing is here; there are {HELP}"))),
            ));
        }
    };
    if request.method == allowed {
        return Ok(action);
    }
    let text = error(&format!("this takes {allowed}; there are {HELP}"));
    Err((405, response::json(405, &format!("Allow: {allowed}\r\n"), &text)))
}

fn decoded(name: &str) -> Result<String, (u16, Vec<u8>)> {
    percent::decode(name).ok_or_else(|| {
        let text = "the name is not percent-encoded UTF-8: %20 is a space, %2F a slash, %25 a percent sign";
        (400, response::json(400, "", &error(text)))
    })
}

/// A JSON text that says what was wrong.
pub fn error(text: &str) -> String {
    to_json(&json!({ "error": text }))
}

/// An answer as it is sent. Not by its `Display`: that can indent, too, which costs a build 14 KB.
pub fn to_json(answer: &Value) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::parse;

    fn read_line(line: &str) -> Result<Action, u16> {
        let head = format!("{line} HTTP/1.1\r\nHost: suzu\r\n\r\n");
        read(&parse(head.as_bytes()).unwrap().unwrap().request).map_err(|(status, _)| status)
    }

    #[test]
    fn each_line_is_understood_or_refused_with_what_is_there() {
        for (line, expected) in [
            ("GET /rooms", Ok(Action::Rooms)),
            ("GET /rooms?x=1", Ok(Action::Rooms)),
            ("GET /clients", Ok(Action::Clients)),
            ("DELETE /rooms/front%20door", Ok(Action::EndRoom("front door".to_owned()))),
            ("DELETE /rooms/a/b+c", Ok(Action::EndRoom("a/b+c".to_owned()))),
            ("DELETE /rooms/", Ok(Action::EndRoom(String::new()))),
            ("DELETE /rooms/%E9%88%B4", Ok(Action::EndRoom("\u{9234}".to_owned()))),
            ("DELETE /clients/3v1", Ok(Action::EndClient("3v1".to_owned()))),
            ("POST /reload", Ok(Action::Reload)),
            ("DELETE /rooms/100%", Err(400)),
            ("DELETE /rooms/%ff", Err(400)),
            ("DELETE /rooms", Err(405)),
            ("GET /rooms/a", Err(405)),
            ("GET /reload", Err(405)),
            ("POST /reload/now", Err(404)),
            ("GET /", Err(404)),
            ("GET /signaling", Err(404)),
        ] {
            assert_eq!(read_line(line), expected, "{line}");
        }
    }
}
