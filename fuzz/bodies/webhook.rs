//! What a webhook answers: the bytes of the answer, however they are cut, and what it means.

use serde_json::Value;
use suzu::{
    http::reply::{BODY_BYTES_MAX, Reader, Reply, Wrong, post},
    signaling::{Verdict, verdict},
};

/// A longer answer is not fed byte by byte.
const CRUMBS_MAX: usize = 2_048;

pub(super) fn run(bytes: &[u8]) {
    let whole = read(bytes, &[bytes.len()]);
    // The last bytes say where the answer is cut.
    let cuts: Vec<usize> = bytes.iter().rev().take(8).map(|byte| usize::from(*byte) % 61 + 1).collect();
    assert_eq!(read(bytes, &cuts), whole, "in pieces of {cuts:?}");
    if bytes.len() <= CRUMBS_MAX {
        assert_eq!(read(bytes, &[1]), whole, "byte by byte");
    }
    if let Ok(Reply { status, body }) = &whole {
        assert!((200..=999).contains(status) && body.len() <= BODY_BYTES_MAX);
        check_verdict(body);
    }
    check_verdict(bytes);
    check_post(bytes);
}

/// Reads an answer that comes in pieces of these lengths, over and over, and then ends.
fn read(mut bytes: &[u8], lengths: &[usize]) -> Result<Reply, Wrong> {
    let mut reader = Reader::default();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        if let Some(reply) = reader.feed(piece)? {
            return Ok(reply);
        }
        bytes = rest;
    }
    reader.end()
}

/// An answer means what serde_json reads in it, wherever both can read it.
fn check_verdict(body: &[u8]) {
    let verdict = verdict::read(body);
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    match verdict {
        Ok(Verdict::Allow(grant)) => {
            assert_eq!(value["allowed"], true);
            let servers = serde_json::to_value(&grant.ice_servers).unwrap();
            let said = value["iceServers"].as_array().map_or(&[][..], |said| said);
            assert_eq!(servers.as_array().unwrap().len(), said.len());
            for (server, said) in servers.as_array().unwrap().iter().zip(said) {
                for name in ["urls", "username", "credential"] {
                    assert_eq!(server[name], said[name], "{name}");
                }
            }
            let metadata = grant.authz_metadata.map(|raw| serde_json::from_str::<Value>(raw.get()).unwrap());
            assert_eq!(metadata.unwrap_or_default(), value["authzMetadata"]);
        }
        Ok(Verdict::Deny { reason }) => {
            assert_eq!((&value["allowed"], value["reason"].as_str()), (&Value::Bool(false), Some(&*reason)));
        }
        Ok(Verdict::Failed) => panic!("no answer says that it failed"),
        Err(_) => {
            let is_plain = value.as_object().is_some_and(|members| members.len() == 1);
            assert!(!is_plain || value["allowed"] != true, "{value}");
        }
    }
}

/// Whatever a client's headers are, a request to the authority is one request, with the body that it should have.
fn check_post(bytes: &[u8]) {
    let (name, value) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let name = String::from_utf8_lossy(name);
    let request = post("box", "/authn", [(&*name, value)], b"{}");
    let mut headers = [httparse::EMPTY_HEADER; 8];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = parsed.parse(&request).expect("a request").unwrap();
    assert_eq!(&request[length..], b"{}");
    let lengths: Vec<_> =
        parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-length")).collect();
    assert!(
        lengths.len() == 1 && lengths[0].value == b"2" && parsed.headers.len() <= 5,
        "{:?}",
        parsed.headers
    );
}
