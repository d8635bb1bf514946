//! What a message says, for whoever keeps a record of messages: its type, whom it names, and its text without secrets.

use super::{Dialect, members::Members};
use serde_json::value::RawValue;
use std::{borrow::Cow, ops::Range};

/// What stands where a secret was.
const HIDDEN: &str = "\"(secret)\"";

/// A message as it may be kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// Its type; empty if it has none.
    pub kind: String,
    /// The room that it names, if messages of this dialect do.
    pub room: String,
    /// The client that it says it is from.
    pub client: String,
    /// The text. `None` if there may be secrets in it that cannot be told from the rest: it should be a JSON object, and is none, or has a key twice.
    pub text: Option<Cow<'a, str>>,
}

/// Which members of a dialect's messages mean what.
struct Names {
    room: &'static str,
    client: &'static str,
    secrets: &'static [&'static str],
}

impl Dialect {
    /// What a text message of this dialect says.
    pub fn said<'a>(self, text: &'a str) -> Said<'a> {
        let names = self.names();
        let Ok(members) = Members::read(text.as_bytes()) else {
            let text = names.secrets.is_empty().then_some(Cow::Borrowed(text));
            return Said { text, ..Said::default() };
        };
        // Whatever is no string stands for nothing.
        let string = |name: &str| members.get(name).ok().flatten().unwrap_or_default();
        let secrets = names.secrets.iter().filter_map(|name| members.raw(name));
        let secrets: Vec<_> = secrets.map(|value| place(text, value)).collect();
        Said {
            kind: string("type"),
            room: string(names.room),
            client: string(names.client),
            text: Some(without(text, &secrets)),
        }
    }

    fn names(self) -> Names {
        let (room, client, secrets): (_, _, &[&str]) = match self {
            // What the authority is given may well be a password.
            Self::Ayame => ("roomId", "clientId", &["signalingKey", "key", "authnMetadata"]),
            Self::Mesh => ("room", "id", &["token", "session"]),
            Self::Mailbox => ("", "id", &[]),
            Self::Echo | Self::Chat | Self::Relay => ("", "", &[]),
        };
        Names { room, client, secrets }
    }
}

/// Where a value stands within the text that it was borrowed from.
fn place(text: &str, value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    start..start.saturating_add(value.get().len())
}

/// The text without these parts of it.
fn without<'a>(text: &'a str, parts: &[Range<usize>]) -> Cow<'a, str> {
    let mut kept = String::new();
    let mut from = 0;
    // There are few, in any order.
    while let Some(part) = parts.iter().filter(|part| part.start > from).min_by_key(|part| part.start) {
        kept.push_str(text.get(from..part.start).unwrap_or_default());
        kept.push_str(HIDDEN);
        from = part.end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(dialect: Dialect, text: &str) -> Option<String> {
        dialect.said(text).text.map(Cow::into_owned)
    }

    #[test]
    fn a_register_is_kept_without_its_keys_and_otherwise_as_it_came() {
        let text = "{ \"type\":\"register\", \"roomId\" : \"door\",\"clientId\":\"a\\u0062\",\"key\":\"hush\",\
            \"signalingKey\" :\"hush\\\"\", \"authnMetadata\":{\"password\":[\"hush\"]},\"x\":1.50 }";
        let said = Dialect::Ayame.said(text);
        assert_eq!((&*said.kind, &*said.room, &*said.client), ("register", "door", "ab"));
        assert_eq!(
            said.text.as_deref(),
            Some(
                "{ \"type\":\"register\", \"roomId\" : \"door\",\"clientId\":\"a\\u0062\",\"key\":\"(secret)\",\
                 \"signalingKey\" :\"(secret)\", \"authnMetadata\":\"(secret)\",\"x\":1.50 }"
            )
        );
        let mesh = r#"{"type":"connect","room":"home","id":"pi","token":"a.b.c","session":null}"#;
        let said = Dialect::Mesh.said(mesh);
        assert_eq!((&*said.kind, &*said.room, &*said.client), ("connect", "home", "pi"));
        assert_eq!(
            said.text.unwrap(),
            r#"{"type":"connect","room":"home","id":"pi","token":"(secret)","session":"(secret)"}"#
        );
    }

    #[test]
    fn no_spelling_brings_a_key_through() {
        for text in [
            r#"{"type":"register","k\u0065y":"hush"}"#,
            r#"{"type":"regster","key":"hush"}"#,
            r#"{"key":"hush"}"#,
            r#"{"type":1,"key":["hush"]}"#,
        ] {
            let kept = text_of(Dialect::Ayame, text).unwrap();
            assert!(!kept.contains("hush") && kept.contains("(secret)"), "{kept}");
        }
        for text in [r#"{"type":"register","key":"hush""#, r#"["hush"]"#, "hush", r#"{"key":"hush"} {}"#, ""]
        {
            assert_eq!(Dialect::Ayame.said(text), Said::default(), "{text}");
            assert_eq!(Dialect::Mesh.said(text), Said::default(), "{text}");
        }
    }

    #[test]
    fn what_has_no_secrets_is_kept_as_it_is() {
        let offer = r#"{"type":"offer","sdp":"v=0\r\n"}"#;
        for dialect in Dialect::ALL {
            let said = dialect.said(offer);
            assert!(matches!(said.text, Some(Cow::Borrowed(text)) if text == offer), "{dialect:?}");
            assert_eq!(said.kind, "offer");
        }
        assert_eq!(text_of(Dialect::Chat, "hello").as_deref(), Some("hello"));
        assert_eq!(text_of(Dialect::Chat, r#"{"key":"C"}"#).as_deref(), Some(r#"{"key":"C"}"#));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(60_000), "]".repeat(60_000));
        assert_eq!(text_of(Dialect::Ayame, &deep), Some(deep), "no stack is exhausted");
    }
}
