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
        for c in serde_json::to_string(text).unwrap_or_default().chars() {
            if is_unsafe(c) {
                // All of these have 16 bits.
                self.0.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                self.0.push(c);
            }
        }
    }
}

/// Whether some reader of lines, or a terminal, takes this for more than a letter: control characters (C1 as well, with the escapes of
/// terminals), other line ends, and what changes the direction of writing.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reader_of_lines_and_no_terminal_sees_more_than_letters() {
        let text = "a\u{85}b\u{2028}c\u{9b}31m\u{7f}\u{202e}鈴";
        let mut line = JsonLine::with_capacity(0);
        line.text("a", text);
        let line = line.finish();
        assert_eq!(line, "{\"a\":\"a\\u0085b\\u2028c\\u009b31m\\u007f\\u202e鈴\"}\n");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["a"], text);
    }

    #[test]
    fn members_come_in_order_and_nothing_ends_the_line_early() {
        let mut line = JsonLine::with_capacity(0);
        line.text("b", "a \"b\"\n\u{1}鈴");
        line.number("a", &7);
        assert_eq!(line.finish(), "{\"b\":\"a \\\"b\\\"\\n\\u0001鈴\",\"a\":7}\n");
        assert_eq!(JsonLine::with_capacity(0).finish(), "{}\n");
    }
}
