//! The JSON of Ayame's webhooks (protocols.md section 1): what an authority is asked, what its answer means, and what is said when a
//! session ends.

use super::{
    Grant, IceServer, Question, Verdict,
    dialect::{parse_object, to_json},
    ids::Ulid,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An answer may have this many bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The most STUN and TURN servers in an answer, and the most URLs of all of them together.
const ICE_MAX: usize = 64;
/// The most that is kept of an answer, in bytes.
pub(super) const GRANT_BYTES_MAX: usize =
    ANSWER_BYTES_MAX + 2 * ICE_MAX * (size_of::<IceServer>() + size_of::<String>());

/// A session that had been accepted and is over (Ayame's disconnect webhook).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionEnd {
    /// The room that it sat in.
    pub room_id: String,
    /// The client's own id; without one, the connection's.
    pub client_id: String,
    /// The id that the server gave this connection (a ULID).
    pub connection_id: String,
}

impl SessionEnd {
    pub(super) fn new(room: &str, client: Option<&str>, connection: Ulid) -> Self {
        let connection_id = connection.to_string();
        Self {
            room_id: room.to_owned(),
            client_id: client.map_or_else(|| connection_id.clone(), str::to_owned),
            connection_id,
        }
    }

    /// The body of the webhook.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    room_id: &'a str,
    client_id: &'a str,
    connection_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signaling_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authn_metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ayame_client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    libwebrtc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
}

impl Question {
    /// The body of the webhook. What the client did not say is not in it; its metadata is in it as it was written.
    pub fn to_json(&self) -> String {
        let register = &self.register;
        to_json(&Asked {
            room_id: register.room_id(),
            client_id: register.client_id().unwrap_or(&self.connection_id),
            connection_id: &self.connection_id,
            signaling_key: register.key(),
            authn_metadata: register.authn_metadata.as_deref(),
            ayame_client: register.ayame_client.as_deref(),
            libwebrtc: register.libwebrtc.as_deref(),
            environment: register.environment.as_deref(),
        })
    }
}

/// A null is the same as an absent field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    allowed: bool,
    reason: Option<String>,
    #[serde(borrow)]
    ice_servers: Option<Vec<&'a RawValue>>,
    authz_metadata: Option<Box<RawValue>>,
}

/// What the authority's answer, the content of a 200, means.
///
/// # Errors
/// It means nothing: why, for the log.
pub fn read(answer: &[u8]) -> Result<Verdict, &'static str> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err("it is longer than 64 KiB");
    }
    let text = std::str::from_utf8(answer).map_err(|_| "it is not UTF-8")?;
    let Answer { allowed, reason, ice_servers, authz_metadata } =
        parse_object(text).map_err(|_| "it is not a JSON object with allowed, true or false")?;
    let ice_servers = read_ice_servers(&ice_servers.unwrap_or_default())?;
    match (allowed, reason) {
        (true, _) => Ok(Verdict::Allow(Grant { ice_servers, authz_metadata })),
        (false, Some(reason)) => Ok(Verdict::Deny { reason }),
        (false, None) => Err("it says false, and no reason"),
    }
}

fn read_ice_servers(list: &[&RawValue]) -> Result<Vec<IceServer>, &'static str> {
    let too_many = "its iceServers are more than 64, or have more than 64 urls";
    if list.len() > ICE_MAX {
        return Err(too_many);
    }
    let mut servers = Vec::with_capacity(list.len());
    let mut urls = 0;
    for server in list {
        let server: IceServer =
            parse_object(server.get()).map_err(|_| "its iceServers are not objects with an array of urls")?;
        urls += server.urls.len();
        if urls > ICE_MAX {
            return Err(too_many);
        }
        servers.push(server);
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a verdict is, in short; what the client would be given of it, as JSON.
    fn show(answer: &str) -> String {
        match read(answer.as_bytes()) {
            Ok(Verdict::Allow(grant)) => {
                let metadata = grant.authz_metadata.as_ref().map_or("none", |metadata| metadata.get());
                format!("allow {} {metadata}", to_json(&grant.ice_servers))
            }
            Ok(Verdict::Deny { reason }) => format!("deny {reason}"),
            Ok(Verdict::Failed) => "failed".to_owned(),
            Err(wrong) => format!("nonsense: {wrong}"),
        }
    }

    #[test]
    fn what_an_answer_means() {
        let object = "nonsense: it is not a JSON object with allowed, true or false";
        let ice = "nonsense: its iceServers are not objects with an array of urls";
        for (answer, expected) in [
            (r#"{"allowed":true}"#, "allow [] none"),
            (" \r\n{\"allowed\" : true}\n ", "allow [] none"),
            (r#"{"allowed":true,"reason":"ignored","more":[1]}"#, "allow [] none"),
            (r#"{"allowed":true,"reason":null,"iceServers":null,"authzMetadata":null}"#, "allow [] none"),
            (r#"{"allowed":true,"iceServers":[]}"#, "allow [] none"),
            (
                r#"{"allowed":true,"iceServers":[{"urls":["stun:a","stun:b"]}]}"#,
                r#"allow [{"urls":["stun:a","stun:b"]}] none"#,
            ),
            (
                r#"{"allowed":true,"iceServers":[{"urls":["turn:a"],"username":"u","credential":"c","x":1},{"urls":[]}]}"#,
                r#"allow [{"urls":["turn:a"],"username":"u","credential":"c"},{"urls":[]}] none"#,
            ),
            (
                r#"{"allowed":true,"iceServers":[{"urls":["stun:a"],"username":null}]}"#,
                r#"allow [{"urls":["stun:a"]}] none"#,
            ),
            (r#"{"allowed":true,"authzMetadata":{"b" : 1,"a":1.0}}"#, r#"allow [] {"b" : 1,"a":1.0}"#),
            (r#"{"allowed":true,"authzMetadata":"x"}"#, r#"allow [] "x""#),
            (r#"{"allowed":false,"reason":"no \"thanks\""}"#, r#"deny no "thanks""#),
            (r#"{"allowed":false,"reason":""}"#, "deny "),
            (r#"{"allowed":false}"#, "nonsense: it says false, and no reason"),
            (r#"{"allowed":false,"reason":null}"#, "nonsense: it says false, and no reason"),
            (r#"{"allowed":false,"reason":7}"#, object),
            (r#"{"allowed":true,"reason":7}"#, object),
            ("", object),
            ("null", object),
            ("true", object),
            ("[true]", object),
            (r#"[true,"r",[],null]"#, object),
            ("{}", object),
            ("<html>", object),
            (r#"{"allowed":null}"#, object),
            (r#"{"allowed":"true"}"#, object),
            (r#"{"allowed":1}"#, object),
            (r#"{"Allowed":true}"#, object),
            (r#"{"allowed":true,"allowed":true}"#, object),
            (r#"{"allowed":false,"reason":"r","allowed":true}"#, object),
            (r#"{"allowed":true} {}"#, object),
            (r#"{"allowed":true,}"#, object),
            (r#"{"allowed":true"#, object),
            ("\u{feff}{\"allowed\":true}", object),
            (r#"{"allowed":true,"iceServers":{"urls":["stun:a"]}}"#, object),
            (r#"{"allowed":true,"iceServers":"stun:a"}"#, object),
            (r#"{"allowed":true,"iceServers":[{"urls":"stun:a"}]}"#, ice),
            (r#"{"allowed":true,"iceServers":[{"urls":null}]}"#, ice),
            (r#"{"allowed":true,"iceServers":[{"urls":[1]}]}"#, ice),
            (r#"{"allowed":true,"iceServers":[{"username":"u"}]}"#, ice),
            (r#"{"allowed":true,"iceServers":[null]}"#, ice),
            (r#"{"allowed":true,"iceServers":[["stun:a"]]}"#, ice),
            (r#"{"allowed":true,"iceServers":[[["stun:a"],null,null]]}"#, ice),
            (r#"{"allowed":true,"iceServers":[{"urls":["stun:a"],"credential":{}}]}"#, ice),
            (r#"{"allowed":false,"reason":"r","iceServers":[{"urls":"stun:a"}]}"#, ice),
        ] {
            assert_eq!(show(answer), expected, "{answer}");
        }
        assert_eq!(read(b"{\"allowed\":true,\"x\":\"\xff\"}").err(), Some("it is not UTF-8"));
    }

    #[test]
    fn an_answer_has_its_limits() {
        let padded = |length: usize| format!("{{\"allowed\":true}}{:1$}", "", length - 16);
        assert!(read(padded(ANSWER_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(read(padded(ANSWER_BYTES_MAX + 1).as_bytes()).err(), Some("it is longer than 64 KiB"));
        let servers = |count: usize, urls: &str| {
            let list = vec![format!(r#"{{"urls":[{urls}]}}"#); count].join(",");
            read(format!(r#"{{"allowed":true,"iceServers":[{list}]}}"#).as_bytes()).is_ok()
        };
        assert!(servers(64, r#""stun:a""#) && !servers(65, "") && !servers(33, r#""stun:a","stun:b""#));
        let deep = format!(r#"{{"allowed":true,"authzMetadata":{}"#, "[".repeat(60_000));
        assert!(read(deep.as_bytes()).is_err(), "no stack is exhausted");
    }

    #[test]
    fn the_question_has_what_the_client_said_and_no_more() {
        let ask = |register: &str| {
            let question = Question {
                connection_id: "01J".to_owned(),
                register: serde_json::from_str(register).unwrap(),
            };
            question.to_json()
        };
        assert_eq!(
            ask(r#"{"type":"register","roomId":"r"}"#),
            r#"{"roomId":"r","clientId":"01J","connectionId":"01J"}"#
        );
        assert_eq!(
            ask(r#"{"roomId":"r","clientId":"","key":"k","authnMetadata":null,"environment":null}"#),
            r#"{"roomId":"r","clientId":"01J","connectionId":"01J","signalingKey":"k"}"#
        );
        assert_eq!(
            ask(
                r#"{"environment":"e","libwebrtc":"l","ayameClient":"a","authnMetadata":{"b" : [1.0],"a":"\u0041"},"key":"k","signalingKey":"s","clientId":"c","roomId":"r\"","standalone":true}"#
            ),
            r#"{"roomId":"r\"","clientId":"c","connectionId":"01J","signalingKey":"s","authnMetadata":{"b" : [1.0],"a":"\u0041"},"ayameClient":"a","libwebrtc":"l","environment":"e"}"#
        );
    }
}
