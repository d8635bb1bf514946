//! The members of a JSON object whose keys must be unique, as those of signed things must: who checks and who uses it could otherwise read
//! different values.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};

/// An object, its values not read yet.
pub(super) struct Members<'a> {
    values: BTreeMap<String, &'a RawValue>,
    has_duplicates: bool,
}

/// Why there are no members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    NotAnObject,
    DuplicateKey,
}

impl<'a> Members<'a> {
    /// Reads an object, and nothing after it.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, Flaw> {
        let members: Self = serde_json::from_slice(json).map_err(|_| Flaw::NotAnObject)?;
        if members.has_duplicates { Err(Flaw::DuplicateKey) } else { Ok(members) }
    }

    /// Whether there is such a member, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// A value as it was written.
    pub(super) fn raw(&self, key: &str) -> Option<&'a RawValue> {
        self.values.get(key).copied()
    }

    /// A value; `None` if there is none or it is null, an error if it is of another type.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> serde_json::Result<Option<T>> {
        self.values.get(key).map_or(Ok(None), |value| serde_json::from_str(value.get()))
    }
}

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
        let mut members = Members { values: BTreeMap::new(), has_duplicates: false };
        while let Some((key, value)) = map.next_entry()? {
            members.has_duplicates |= members.values.insert(key, value).is_some();
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_when_they_are_asked_for() {
        let members = Members::read(br#" {"a":1.5,"b":null,"c":"\u0041","d":[{"a":1,"a":2}]} "#).unwrap();
        assert_eq!(members.get::<f64>("a").unwrap(), Some(1.5));
        assert_eq!(members.get::<f64>("b").unwrap(), None);
        assert_eq!(members.get::<String>("c").unwrap().as_deref(), Some("A"));
        assert_eq!(members.get::<String>("nothing").unwrap(), None);
        assert!(members.get::<String>("a").is_err() && members.get::<f64>("d").is_err());
        assert!(members.has("b") && !members.has("e"));
    }

    #[test]
    fn keys_are_unique_however_they_are_written() {
        for (json, expected) in [
            (r#"{"a":1,"a":1}"#, Flaw::DuplicateKey),
            (r#"{"a":1,"\u0061":2}"#, Flaw::DuplicateKey),
            (r#"{"a":1}{"b":1}"#, Flaw::NotAnObject),
            ("[]", Flaw::NotAnObject),
            ("null", Flaw::NotAnObject),
            ("", Flaw::NotAnObject),
            ("{\"a\":\"\u{1}\"}", Flaw::NotAnObject),
        ] {
            assert_eq!(Members::read(json.as_bytes()).err(), Some(expected), "{json}");
        }
        assert_eq!(Members::read(b"{\"a\":\"\xff\"}").err(), Some(Flaw::NotAnObject));
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(Members::read(deep.as_bytes()).err(), Some(Flaw::NotAnObject), "no stack is exhausted");
    }
}
