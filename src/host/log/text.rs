//! A line to read: `INFO  [suzu::signaling::hub] closed with 1008 connection=3.1 room="a" client="b" reason="queue full"`.

use super::{
    Event,
    fields::{self, Field},
};
use crate::host::json_line::is_unsafe;
use std::fmt::Write;

/// The whole line.
pub(super) fn line(event: &Event<'_>) -> String {
    format!("{:<5} [{}] {}\n", event.level, event.target, said(event))
}

/// The message and its fields. Whatever is in them, it is one line.
pub(super) fn said(event: &Event<'_>) -> String {
    let mut text = String::with_capacity(event.message.len() + 64);
    for c in event.message.chars() {
        if is_unsafe(c) { text.extend(c.escape_default()) } else { text.push(c) }
    }
    // Writing to a String cannot fail.
    fields::each(event.fields, &mut |key, field| {
        let _ = match field {
            Field::Number(value) => write!(text, " {key}={value}"),
            Field::Other(value) if is_plain(value) => write!(text, " {key}={value}"),
            Field::Other(value) | Field::Text(value) => write!(text, " {key}={value:?}"),
        };
    });
    text
}

fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'\\=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::{
        Level,
        kv::{ToValue, Value},
    };

    fn shown(message: &str, fields: &[(&str, Value<'_>)]) -> String {
        line(&Event { level: Level::Info, target: "suzu::a", place: None, message, fields: &fields })
    }

    #[test]
    fn an_event_is_one_line_with_its_fields_behind_the_message() {
        let key = format_args!("3.1");
        let fields = [
            ("connection", Value::from_display(&key)),
            ("room", "鈴".to_value()),
            ("client", "a \"b\"\n".to_value()),
            ("count", 12u64.to_value()),
        ];
        assert_eq!(
            shown("closed with 1008", &fields),
            "INFO  [suzu::a] closed with 1008 connection=3.1 room=\"鈴\" client=\"a \\\"b\\\"\\n\" count=12\n"
        );
    }

    #[test]
    fn nothing_that_others_say_begins_a_line_or_a_field_of_its_own() {
        let error = format_args!("no\nERROR [suzu] room=x");
        let fields = [("reason", Value::from_display(&error))];
        assert_eq!(
            shown("a\r\nb\u{1b}[31m\u{2028}", &fields),
            "INFO  [suzu::a] a\\r\\nb\\u{1b}[31m\\u{2028} reason=\"no\\nERROR [suzu] room=x\"\n"
        );
    }
}
