//! Lines of JSON: one object each, its members in the order in which they are given.

use std::fmt::Display;

/// A line that is being written.
#[derive(Debug)]
pub struct JsonLine(String);

impl JsonLine {
    /// An empty object, with room for some `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push('{');
        Self(json)
    }

    /// Adds a string.
    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.string(value);
    }

    /// Adds something that is JSON as it is shown: a number, true or false.
    pub fn number(&mut self, key: &str, value: &(impl Display + ?Sized)) {
        self.key(key);
        self.0.push_str(&value.to_string());
    }

    /// The whole, with its line end.
    pub fn finish(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.string(key);
        self.0.push(':');
    }

    fn string(&mut self, text: &str) {
        // A string is always JSON.
        self.0.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_and_nothing_ends_the_line_early() {
        let mut line = JsonLine::with_capacity(0);
        line.text("b", "a \"b\"\n\u{1}鈴");
        line.number("a", &7);
        assert_eq!(line.finish(), "{\"b\":\"a \\\"b\\\"\\n\\u0001鈴\",\"a\":7}\n");
        assert_eq!(JsonLine::with_capacity(0).finish(), "{}\n");
    }
}
