//! What a message is by serde_json alone: what suzu reads of it must be the same.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::fmt;

/// The members of a JSON object in their order, keys read and values as they were written; those whose key comes again included.
pub(super) struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The members of `text`; `None` if serde_json does not take it for an object.
pub(super) fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str::<Members<'_>>(text).ok().map(|members| members.0)
}

/// The type of a message: it has one, once, and it is a string.
pub(super) fn kind(text: &str) -> Option<String> {
    let members = members(text)?;
    let mut types = members.iter().filter(|(key, _)| key == "type");
    let kind = serde_json::from_str(types.next()?.1.get()).ok()?;
    types.next().is_none().then_some(kind)
}

/// The string that the only member of this name is.
pub(super) fn string(text: &str, name: &str) -> Option<String> {
    let members = members(text)?;
    let mut values = members.iter().filter(|(key, _)| key == name);
    let value = serde_json::from_str(values.next()?.1.get()).ok()?;
    values.next().is_none().then_some(value)
}

/// Whether serde_json takes all of it for JSON, every string included: half of a surrogate pair is grammar, but no text.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
