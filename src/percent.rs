//! Percent-encoding (RFC 3986 section 2.1): any text within a URL.

use std::fmt::Write;

/// Encodes all but letters, digits and `-._~` (RFC 3986 section 2.3).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes a part of a path; `None` if it is not encoded as it should be, or is no text.
pub fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let (byte, after) = if *first == b'%' { escaped(others)? } else { (*first, others) };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// Decodes a value of the `application/x-www-form-urlencoded` format (URL standard section 5.1), in which a `+` is a space. A `%` without two
/// hexadecimal digits behind it is itself; bytes that are no text become a sign that says so.
pub fn decode_form(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => escaped(others).unwrap_or((b'%', others)),
            b'+' => (b' ', others),
            byte => (*byte, others),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that two hexadecimal digits behind a `%` stand for, and what follows them.
fn escaped(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(2)?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok().map(|byte| (byte, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        for text in ["front door+1", "100% & more?", "\u{9234}", "", "a-b._~c/d#e"] {
            assert_eq!(decode_form(&encode(text)), text);
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
        assert_eq!(encode("a b/\u{e9}~"), "a%20b%2F%C3%A9~");
    }

    #[test]
    fn a_part_of_a_path_is_decoded_or_refused() {
        for (part, expected) in [
            ("a+b", Some("a+b")),
            ("%2f%2F", Some("//")),
            ("100%", None),
            ("%4", None),
            ("%+1", None),
            ("%ff", None),
        ] {
            assert_eq!(decode(part).as_deref(), expected, "{part}");
        }
    }

    #[test]
    fn what_is_not_encoded_well_is_left_as_it_is() {
        for (value, expected) in
            [("100%", "100%"), ("%+1%zz%4", "% 1%zz%4"), ("%41%5A", "AZ"), ("%ff", "\u{fffd}")]
        {
            assert_eq!(decode_form(value), expected);
        }
    }
}
