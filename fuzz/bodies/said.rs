//! What is read of a message by itself, for the record and by the dialect, held against serde_json.

use super::oracle;
use std::net::{IpAddr, Ipv4Addr};
use suzu::{
    config::Config,
    signaling::{Close, Dialect, Effect, Hub, Input, Misspoke, Mono, Now, Said},
    slots::Slots,
};

/// What stands where a secret was.
const HIDDEN: &str = "\"(secret)\"";

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for dialect in Dialect::ALL {
        check_record(dialect, text);
    }
    check_ayame(text);
    check_answered(Dialect::Mesh, text);
    check_answered(Dialect::Mailbox, text);
}

/// The record has what the message names, and all of its text but the secrets.
fn check_record(dialect: Dialect, text: &str) {
    let (room, client, secrets): (_, _, &[&str]) = match dialect {
        Dialect::Ayame => ("roomId", "clientId", &["signalingKey", "key", "authnMetadata"]),
        Dialect::Mesh => ("room", "id", &["token", "session"]),
        Dialect::Mailbox => ("", "id", &[]),
        Dialect::Echo | Dialect::Chat | Dialect::Relay => ("", "", &[]),
    };
    let said = dialect.said(text);
    let has_twice = |members: &[(String, _)]| {
        members.iter().enumerate().any(|(place, (key, _))| members[..place].iter().any(|(k, _)| k == key))
    };
    let Some(members) = oracle::members(text).filter(|members| !has_twice(members)) else {
        let kept = secrets.is_empty().then_some(text);
        assert_eq!((said.text.as_deref(), said.kind.as_str()), (kept, ""), "{dialect:?}: {text}");
        return;
    };
    let string = |name| oracle::string(text, name).unwrap_or_default();
    let Said { kind, room: said_room, client: said_client, text: kept } = said;
    assert_eq!((kind, said_room, said_client), (string("type"), string(room), string(client)), "{text}");
    let kept = kept.expect("an object is kept");
    let kept_members = oracle::members(&kept).expect("what is kept is an object, too");
    let expected: Vec<_> = members
        .iter()
        .map(|(key, value)| (&**key, if secrets.contains(&&**key) { HIDDEN } else { value.get() }))
        .collect();
    let found: Vec<_> = kept_members.iter().map(|(key, value)| (&**key, value.get())).collect();
    assert_eq!(found, expected, "{dialect:?}: {text}");
    let hidden = members.iter().filter(|(key, _)| secrets.contains(&&**key));
    let length = hidden.fold(text.len(), |length, (_, value)| length - value.get().len() + HIDDEN.len());
    assert_eq!(kept.len(), length, "nothing else was changed: {text}");
}

/// Says `text` first on a new connection; how it is let go if it is, and what it hears.
fn first(dialect: Dialect, text: &str) -> (Option<Close>, Vec<String>) {
    let config = Config { max_clients: 1, max_pending_connections: 1, max_rooms: 1, ..super::defaults() };
    let mut hub = Hub::new(config.signaling_limits(), [0; 32]);
    let peer = Slots::with_capacity(1).insert_with(|_| ()).unwrap();
    let now = Now { mono: Mono::START, unix_ms: 0 };
    let mut out = Vec::new();
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    hub.handle(Input::Open { peer, dialect, address, room: "", credential: None }, now, &mut out);
    hub.handle(Input::Text { peer, text }, now, &mut out);
    let mut heard = (None, Vec::new());
    for effect in out {
        match effect {
            Effect::Close { close, .. } => heard.0 = Some(close),
            Effect::Send { text, .. } => heard.1.push(text.into_owned()),
            effect => panic!("{effect:?} after {text}"),
        }
    }
    heard
}

/// Whoever says what serde_json does not take for a message is let go for that, and nobody else is.
fn check_ayame(text: &str) {
    let (close, heard) = first(Dialect::Ayame, text);
    let expected = match oracle::kind(text).as_deref() {
        None => Some(Close::Misspoke(Misspoke::NotAMessage)),
        Some("pong") => None,
        Some("bye") => Some(Close::Left),
        Some("offer" | "answer" | "candidate" | "connected") => {
            Some(Close::Misspoke(Misspoke::NotRegistered))
        }
        // What else is in it matters, too.
        Some("register") => return check_register(text, close, &heard),
        Some(_) => Some(Close::Misspoke(Misspoke::UnknownType)),
    };
    assert_eq!((close, heard), (expected, Vec::new()), "{text}");
}

fn check_register(text: &str, close: Option<Close>, heard: &[String]) {
    let is_accepted = heard.iter().any(|text| oracle::kind(text).as_deref() == Some("accept"));
    let room = oracle::string(text, "roomId").filter(|room| !room.is_empty());
    assert!(!is_accepted || room.is_some(), "accepted without a room: {text}");
    assert!(is_accepted || close.is_some() || heard.is_empty(), "{text}: {heard:?}");
}

/// The dialects with error messages tell what is no message from what is one, and what is no JSON from both.
fn check_answered(dialect: Dialect, text: &str) {
    let (close, heard) = first(dialect, text);
    let code = heard.first().and_then(|text| oracle::string(text, "code"));
    assert!(code.as_deref() != Some("bad-json") || !oracle::is_json(text), "{text} is JSON");
    match oracle::kind(text).as_deref() {
        None => {
            let is_told = matches!(code.as_deref(), Some("bad-json" | "bad-message"));
            assert!(is_told && heard.len() == 1 && close.is_none(), "{heard:?} to {text}");
        }
        Some("ping") if oracle::members(text).is_some_and(|members| members.len() == 1) => {
            let is_mesh = dialect == Dialect::Mesh;
            assert_eq!(heard.iter().any(|text| text == r#"{"type":"pong"}"#), is_mesh, "{text}");
        }
        Some(_) => {}
    }
}
