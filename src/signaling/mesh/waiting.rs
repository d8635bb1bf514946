//! What waits for an absent seat, oldest first.

use crate::signaling::Kind;

/// What a message takes while it waits, in bytes, besides its text. It counts in `max_queue_bytes`: a thousand short messages are more than their letters.
pub const WAITING_BYTES: usize = 2 * size_of::<(Kind, u32)>();

/// All texts are one piece of memory: many small ones, come and gone in their thousands, would leave holes that nothing else fits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    texts: String,
    messages: Vec<(Kind, u32)>,
}

impl Waiting {
    /// Keeps a message; false, and nothing changed, if all would be more than `bytes_max`.
    pub(super) fn push(&mut self, kind: Kind, text: &str, bytes_max: usize) -> bool {
        let needed = self.texts.len() + text.len();
        let Ok(length) = u32::try_from(text.len()) else { return false };
        if needed + WAITING_BYTES * (self.messages.len() + 1) > bytes_max {
            return false;
        }
        if needed > self.texts.capacity() {
            // It doubles, but not beyond what it may have.
            let capacity = (2 * self.texts.capacity()).min(bytes_max).max(needed);
            self.texts.reserve_exact(capacity - self.texts.len());
        }
        self.texts.push_str(text);
        self.messages.push((kind, length));
        true
    }

    /// All messages.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Kind, &str)> {
        let mut rest = self.texts.as_str();
        self.messages.iter().map(move |(kind, length)| {
            let (text, others) = rest.split_at_checked(*length as usize).unwrap_or_default();
            rest = others;
            (*kind, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_in_order_and_is_bounded() {
        let mut waiting = Waiting::default();
        let most = 10 + 3 * WAITING_BYTES;
        for (text, fits) in [("\u{e9}t\u{e9}", true), ("", true), ("12345", true), ("", false)] {
            assert_eq!(waiting.push(Kind::Other, text, most), fits, "{text}");
        }
        let all: Vec<_> = waiting.iter().map(|(_, text)| text).collect();
        assert_eq!(all, ["\u{e9}t\u{e9}", "", "12345"]);
        assert!(waiting.texts.capacity() <= most);
        assert!(!Waiting::default().push(Kind::Other, "1", WAITING_BYTES));
    }
}
