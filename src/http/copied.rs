//! Headers of an upgrade that are handed on to others, as `copy_websocket_header_names` lists them.

use super::reply::OURS;
use httparse::{EMPTY_HEADER, Request};
use std::fmt;

/// The most names.
const NAMES_MAX: usize = 16;
/// The most that is kept of one upgrade, in bytes: a line for each header, `name:value` and its end.
pub const BYTES_MAX: usize = 4 * 1024;
/// As many headers as the head of a request may have.
const HEADERS_MAX: usize = 64;

/// Headers of one upgrade.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// `name:value`, each with a line feed, which neither of them can have in it.
    lines: Vec<u8>,
    /// How many found no room.
    pub left_out: usize,
}

/// Reads a list of names with commas.
///
/// # Errors
/// What was wrong with it.
pub fn parse_names(list: &str) -> Result<Vec<String>, String> {
    let names: Vec<_> = list.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() > NAMES_MAX {
        return Err(format!("{} names are too many", names.len()));
    }
    for (place, name) in names.iter().enumerate() {
        let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return Err(format!("{name:?} is not the name of a header"));
        }
        let is_ours = OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours));
        if is_ours && !name.eq_ignore_ascii_case("user-agent") {
            return Err(format!("{name:?} says something about the connection itself and cannot be copied"));
        }
        if names.iter().take(place).any(|other| name.eq_ignore_ascii_case(other)) {
            return Err(format!("{name:?} is there twice"));
        }
    }
    Ok(names)
}

impl Copied {
    /// Takes the headers with these names out of a head that is all there; `None` if it has none of them.
    pub fn of(head: &[u8], names: &[String]) -> Option<Self> {
        if names.is_empty() {
            return None;
        }
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = Request::new(&mut headers);
        // It was parsed before, so it is well-formed.
        parsed.parse(head).ok()?;
        let mut copied = Self::default();
        for header in parsed.headers {
            let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(header.name)) else {
                continue;
            };
            let parts = [name.as_bytes(), b":", header.value, b"\n"];
            if copied.lines.len() + parts.map(<[u8]>::len).iter().sum::<usize>() > BYTES_MAX {
                copied.left_out += 1;
                continue;
            }
            parts.iter().for_each(|part| copied.lines.extend_from_slice(part));
        }
        copied.lines.shrink_to_fit();
        (copied != Self::default()).then_some(copied)
    }

    /// Names and values, in the order of the request; a name as it is in the setting.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.split(|byte| *byte == b'\n').filter_map(|line| {
            let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
            Some((std::str::from_utf8(name).ok()?, value.get(1..)?))
        })
    }
}

/// Shows no values: there may be secrets among them.
impl fmt::Debug for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(headers: &str, names: &str) -> Vec<String> {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let copied = Copied::of(head.as_bytes(), &parse_names(names).unwrap()).unwrap_or_default();
        copied.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value))).collect()
    }

    #[test]
    fn headers_are_copied_as_they_came_under_the_name_of_the_setting() {
        let headers =
            "COOKIE: a=1; b:2\r\nX-Other: o\r\nCookie: c\r\nx-tab: \ta b \r\nX-Empty:\r\nX-High: \u{e9}\r\n";
        assert_eq!(
            copy(headers, "x-high, Cookie,X-Tab,X-Empty,Authorization"),
            ["Cookie=a=1; b:2", "Cookie=c", "X-Tab=a b", "X-Empty=", "x-high=\u{e9}"]
        );
        assert!(copy(headers, "Authorization").is_empty());
        assert_eq!(Copied::of(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: c\r\n\r\n", &[]), None);
    }

    #[test]
    fn what_finds_no_room_is_left_out_and_counted() {
        let head = |lengths: [usize; 3]| {
            let line = |length: &usize| format!("X: {}\r\n", "v".repeat(*length));
            let lines: String = lengths.iter().map(line).collect();
            let head = format!("GET / HTTP/1.1\r\n{lines}\r\n");
            let copied = Copied::of(head.as_bytes(), &["X".to_owned()]).unwrap();
            (copied.iter().count(), copied.left_out)
        };
        assert_eq!(head([2_000, 2_087, 1]), (2, 1));
        assert_eq!(head([2_000, 2_091, 1]), (2, 1), "the second found no room, the third did");
        assert_eq!(head([5_000, 5_000, 5_000]), (0, 3));
    }

    #[test]
    fn names_that_cannot_be_copied_are_refused() {
        for (list, wrong) in [
            ("", "\"\" is not the name of a header"),
            ("Cookie,,X", "\"\" is not the name of a header"),
            ("a b", "\"a b\" is not the name of a header"),
            ("Cookie:", "\"Cookie:\" is not the name of a header"),
            ("Host", "\"Host\" says something about the connection itself and cannot be copied"),
            ("a, A", "\"A\" is there twice"),
            ("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "17 names are too many"),
        ] {
            assert_eq!(parse_names(list).unwrap_err(), wrong);
        }
        assert_eq!(parse_names(" User-Agent ,x").unwrap(), ["User-Agent", "x"]);
    }

    #[test]
    fn no_value_is_ever_shown() {
        let copied = Copied::of(b"GET / HTTP/1.1\r\nCookie: hush\r\n\r\n", &["Cookie".to_owned()]).unwrap();
        assert_eq!(format!("{copied:?}"), r#"["Cookie"]"#);
    }
}
