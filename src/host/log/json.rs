//! A JSON object a line, for whatever collects logs.

use super::{
    Event,
    fields::{self, Field},
};
use crate::{host::json_line::JsonLine, timestamp::Timestamp};

/// Keys whose meaning does not change: no other is called so. Those of the log, those of fields, and those of the signaling log, for which message
/// and time have the same names.
pub const KEYS: [&str; 18] = [
    "level",
    "target",
    "connection",
    "room",
    "client",
    "reason",
    "connection_id",
    "delay_ms",
    "repeats",
    "lost",
    "domain",
    "roomId",
    "clientId",
    "connectionId",
    "dialect",
    "type",
    "rawMessage",
    "bytes",
];

/// The whole line.
pub(super) fn line(event: &Event<'_>, message_key: &str, timestamp_key: &str, unix_ms: u64) -> String {
    let mut json = JsonLine::with_capacity(event.message.len() + 160);
    json.text(timestamp_key, &Timestamp(unix_ms).to_string());
    json.text("level", event.level.as_str());
    json.text("target", event.target);
    json.text(message_key, event.message);
    fields::each(event.fields, &mut |key, field| match field {
        Field::Number(value) => json.number(key, value),
        Field::Text(value) | Field::Other(value) => json.text(key, value),
    });
    json.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::{
        Level,
        kv::{ToValue, Value},
    };

    #[test]
    fn an_event_is_one_object() {
        let key = format_args!("3.1");
        let fields: &[(&str, Value<'_>)] = &[
            ("connection", Value::from_display(&key)),
            ("room", "a\"\n".to_value()),
            ("count", 12u64.to_value()),
        ];
        let event = Event {
            level: Level::Warn,
            target: "suzu::a",
            place: None,
            message: "two\nlines",
            fields: &fields,
        };
        assert_eq!(
            line(&event, "msg", "time", 1_700_000_000_123),
            "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"WARN\",\"target\":\"suzu::a\",\"msg\":\"two\\nlines\",\
             \"connection\":\"3.1\",\"room\":\"a\\\"\\n\",\"count\":12}\n"
        );
    }
}
