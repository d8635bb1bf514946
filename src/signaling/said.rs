//! What a message says, for whoever keeps a record of messages: its type, whom it names, and its text without secrets.

use super::Dialect;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, ops::Range};

/// What stands where a secret was.
const HIDDEN: &str = "\"(secret)\"";

/// A message as it may be kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// Its type; empty if it has none.
    pub kind: Cow<'a, str>,
    /// The room that it names, if messages of this dialect do.
    pub room: Cow<'a, str>,
    /// The client that it says it is from.
    pub client: Cow<'a, str>,
    /// The text. `None` if there may be secrets in it that cannot be told from the rest: it is no JSON object, and should be one.
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
        let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(text) else {
            let text = names.secrets.is_empty().then_some(Cow::Borrowed(text));
            return Said { text, ..Said::default() };
        };
        let string = |name: &str| {
            let value = members.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
            // Whatever is no string stands for nothing.
            value.and_then(|value| serde_json::from_str::<String>(value).ok()).unwrap_or_default().into()
        };
        let is_secret = |key: &str| names.secrets.contains(&key);
        let secrets = members.iter().filter(|(key, _)| is_secret(key)).map(|(_, value)| place(text, value));
        Said {
            kind: string("type"),
            room: string(names.room),
            client: string(names.client),
            text: Some(without(text, secrets)),
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
fn without<'a>(text: &'a str, parts: impl Iterator<Item = Range<usize>>) -> Cow<'a, str> {
    let mut kept = Cow::Borrowed(text);
    let mut from = 0;
    let mut is_first = true;
    for part in parts {
        if std::mem::take(&mut is_first) {
            kept = Cow::Owned(String::with_capacity(text.len()));
        }
        kept.to_mut().push_str(text.get(from..part.start).unwrap_or_default());
        kept.to_mut().push_str(HIDDEN);
        from = part.end;
    }
    if !is_first {
        kept.to_mut().push_str(text.get(from..).unwrap_or_default());
    }
    kept
}

/// The members of an object in their order, their values not read. Keys may be there twice: nothing depends on which counts.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Text(key), value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(Members(members))
    }
}

/// A string, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
            r#"{"type":"register","key":"hush","key":"hush"}"#,
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
