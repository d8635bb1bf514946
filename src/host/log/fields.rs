//! The fields of an event, one by one. An empty one is left out: it is not known, or there is none.

use super::cut;
use log::kv::{Error, Key, Source, Value, VisitSource, VisitValue};

/// The most of a field, in bytes: what somebody else says may be long.
const BYTES_MAX: usize = 1024;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// A name or a sentence.
    Text(&'a str),
    /// A number or a truth.
    Number(&'a str),
    /// Something that has a written form.
    Other(&'a str),
}

/// Calls `each` with every field that is not empty.
pub(super) fn each(source: &dyn Source, each: &mut dyn FnMut(&str, Field<'_>)) {
    // Fails only if a visitor does, and these do not.
    let _ = source.visit(&mut Pairs(each));
}

/// The text of a field; empty if there is none.
pub(super) fn find(source: &dyn Source, name: &str) -> String {
    let mut found = String::new();
    each(source, &mut |key, field| {
        if key == name {
            let (Field::Text(text) | Field::Number(text) | Field::Other(text)) = field;
            found = text.to_owned();
        }
    });
    found
}

struct Pairs<'a>(&'a mut dyn FnMut(&str, Field<'_>));

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        value.visit(One { key: key.as_str(), each: self.0 })
    }
}

struct One<'a> {
    key: &'a str,
    each: &'a mut dyn FnMut(&str, Field<'_>),
}

impl One<'_> {
    fn give(&mut self, text: &str, make: fn(&str) -> Field<'_>) -> Result<(), Error> {
        if !text.is_empty() {
            (self.each)(self.key, make(cut(text, BYTES_MAX)));
        }
        Ok(())
    }
}

impl VisitValue<'_> for One<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.give(&value.to_string(), |text| Field::Other(text))
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        self.give(value, |text| Field::Text(text))
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.give(&value.to_string(), |text| Field::Number(text))
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.give(&value.to_string(), |text| Field::Number(text))
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.give(if value { "true" } else { "false" }, |text| Field::Number(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::kv::ToValue;

    #[test]
    fn fields_come_in_order_with_what_they_are_and_empty_ones_do_not() {
        let (shown, nothing) = (format_args!("3.1"), None::<&str>);
        let source: [(&str, Value<'_>); 6] = [
            ("connection", Value::from_display(&shown)),
            ("room", "a b".to_value()),
            ("client", "".to_value()),
            ("reason", nothing.to_value()),
            ("count", 7u16.to_value()),
            ("yes", true.to_value()),
        ];
        let mut seen = String::new();
        each(&source, &mut |key, field| seen.push_str(&format!("{key} {field:?}\n")));
        assert_eq!(
            seen,
            "connection Other(\"3.1\")\nroom Text(\"a b\")\ncount Number(\"7\")\nyes Number(\"true\")\n"
        );
        assert_eq!((find(&source, "room"), find(&source, "reason")), ("a b".to_owned(), String::new()));
    }
}
