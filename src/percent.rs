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
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = others.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = others.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).ok()
}

/// Decodes a value of the `application/x-www-form-urlencoded` format (URL standard section 5.1), in which a `+` is a space. A `%` without two
/// hexadecimal digits behind it is itself; bytes that are no text become a sign that says so.
pub fn decode_form(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (*first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            (first, _) => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
