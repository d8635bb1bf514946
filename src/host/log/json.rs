//! A JSON object a line, for whatever collects logs.

use super::{
    Event,
    fields::{self, Field},
};
use crate::host::timestamp::Timestamp;

/// Keys whose meaning does not change: no other is called so. The last of them are those of fields.
pub const KEYS: [&str; 9] =
    ["level", "target", "connection", "room", "client", "reason", "connection_id", "delay_ms", "repeats"];

/// The whole line.
pub(super) fn line(event: &Event<'_>, message_key: &str, timestamp_key: &str, unix_ms: u64) -> String {
    let mut json = String::with_capacity(event.message.len() + 160);
    json.push('{');
    string(&mut json, timestamp_key);
    json.push(':');
    string(&mut json, &Timestamp(unix_ms).to_string());
    for (key, value) in
        [("level", event.level.as_str()), ("target", event.target), (message_key, event.message)]
    {
        pair(&mut json, key, Field::Text(value));
    }
    fields::each(event.fields, &mut |key, field| pair(&mut json, key, field));
    json.push_str("}\n");
    json
}

fn pair(json: &mut String, key: &str, field: Field<'_>) {
    json.push(',');
    string(json, key);
    json.push(':');
    match field {
        Field::Number(value) => json.push_str(value),
        Field::Text(value) | Field::Other(value) => string(json, value),
    }
}

fn string(json: &mut String, text: &str) {
    // A string is always JSON.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
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
