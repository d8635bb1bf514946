//! The opening handshake of a WebSocket, server side (RFC 6455 section 4.2).

use super::{request::Request, response::Refusal};
use crate::percent::decode_form;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha1_smol::Sha1;
use std::fmt;

/// RFC 6455 section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Checks a handshake; returns the value of `Sec-WebSocket-Accept`.
///
/// # Errors
/// [`Refusal::UpgradeRequired`] if this is no upgrade to WebSocket version 13, [`Refusal::BadRequest`] if it is one and something
/// else is wrong with it.
pub fn check(request: &Request<'_>) -> Result<String, Refusal> {
    if !request.upgrade_websocket {
        return Err(Refusal::UpgradeRequired);
    }
    if !request.connection_upgrade || !request.is_http_1_1 {
        return Err(Refusal::BadRequest("an upgrade takes HTTP/1.1 and `Connection: Upgrade`"));
    }
    if request.websocket_version != Some("13") {
        return Err(Refusal::UpgradeRequired);
    }
    let key = request.websocket_key.ok_or(Refusal::BadRequest("the header Sec-WebSocket-Key is missing"))?;
    let mut nonce = [0; 18];
    if STANDARD.decode_slice(key, &mut nonce) != Ok(16) {
        return Err(Refusal::BadRequest("Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    Ok(accept_key(key))
}

/// What an upgrade asks for besides.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `?room=`: the room, empty if none is named.
    pub room: String,
    /// `?frames=binary`: all messages are to come in binary frames.
    pub wants_binary: bool,
    /// `Authorization: Bearer` or `?token=`: a key or token.
    pub credential: Option<String>,
}

impl fmt::Debug for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the credential.
        let Self { room, wants_binary, credential } = self;
        f.debug_struct("Wishes")
            .field("room", room)
            .field("wants_binary", wants_binary)
            .field("has_credential", &credential.is_some())
            .finish()
    }
}

impl Wishes {
    /// Reads the query of a request, and its credential. The header wins: it stands in no log.
    pub fn read(request: &Request<'_>) -> Self {
        let mut wishes = Self::of_query(request.query);
        let credential = request.bearer.map(str::to_owned).or(wishes.credential);
        // An empty one is none, as it is in a message.
        wishes.credential = credential.filter(|credential| !credential.is_empty());
        wishes
    }

    /// Reads a query (the `application/x-www-form-urlencoded` format of the URL standard). Other keys are ignored.
    pub fn of_query(query: &str) -> Self {
        let mut wishes = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "room" => wishes.room = decode_form(value),
                "token" => wishes.credential = Some(decode_form(value)),
                "frames" => wishes.wants_binary = value == "binary",
                _ => {}
            }
        }
        wishes
    }
}

/// The proof that the server has read the key (RFC 6455 section 4.2.2, step 5.4).
fn accept_key(key: &str) -> String {
    let mut digest = Sha1::new();
    digest.update(key.as_bytes());
    digest.update(GUID);
    let mut text = [0; 28];
    // 20 bytes are always 28 characters.
    let length = STANDARD.encode_slice(digest.digest().bytes(), &mut text).unwrap_or_default();
    String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::parse;

    const GOOD: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    fn checked(from: &str, to: &str) -> Result<String, Refusal> {
        check(&parse(GOOD.replace(from, to).as_bytes()).unwrap().unwrap().request)
    }

    #[test]
    fn the_rfcs_own_example_is_accepted() {
        assert_eq!(checked("", ""), Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned()));
    }

    #[test]
    fn wishes_are_decoded_and_anything_else_is_ignored() {
        let room = |query: &str| Wishes::of_query(query).room;
        assert_eq!(room("room=front%20door+1&x=y"), "front door 1");
        assert_eq!(room("a&room&room=%E9%88%B4"), "\u{9234}");
        assert_eq!(room("room=%ff"), "\u{fffd}", "bytes that are no text become a sign that says so");
        assert_eq!(room(""), "");
        assert!(
            Wishes::of_query("frames=binary&room=r").wants_binary
                && !Wishes::of_query("frames=text").wants_binary
        );
    }

    #[test]
    fn each_requirement_is_checked() {
        let upgrade = Err(Refusal::UpgradeRequired);
        assert_eq!(checked("Upgrade: websocket\r\n", ""), upgrade);
        assert_eq!(checked("Upgrade: websocket", "Upgrade: h2c"), upgrade);
        assert_eq!(checked("Version: 13", "Version: 8"), upgrade);
        assert_eq!(checked("Sec-WebSocket-Version: 13\r\n", ""), upgrade);
        for (from, to) in [
            ("Connection: Upgrade", "Connection: close"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
            ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="),
            ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZTEyMzQ1Njc4OTA="),
            ("dGhlIHNhbXBsZSBub25jZQ==", "no base64 at all!"),
        ] {
            assert!(matches!(checked(from, to), Err(Refusal::BadRequest(_))), "{to:?}");
        }
    }
}
