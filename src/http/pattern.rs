//! Hosts and origins, taken apart strictly (RFC 3986 section 3.2, RFC 6454), and the patterns of `allow_origin` that match them.

use std::{net::IpAddr, str::FromStr};

/// One entry of `allow_origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `*`: everything, whatever it is.
    Any,
    /// `*.example.com`: each host below this domain, on any port, over http or https.
    Below(String),
    /// `example.com`: this host, on any port, over http or https.
    Host(String),
    /// `https://example.com:8443`: this origin.
    Origin(String),
}

/// What stands where a host should.
#[derive(Clone, Copy, Debug)]
pub(super) enum Host<'a> {
    Address(IpAddr),
    /// In the letters in which it was written, perhaps with a dot at its end.
    Name(&'a str),
}

/// An origin in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: Host<'a>,
    pub(super) port: Option<u16>,
}

impl Host<'_> {
    /// Whether two hosts are the same, however they are written.
    fn is_same(self, other: Host<'_>) -> bool {
        match (self, other) {
            (Self::Address(a), Host::Address(b)) => a.to_canonical() == b.to_canonical(),
            (Self::Name(a), Host::Name(b)) => absolute(a).eq_ignore_ascii_case(absolute(b)),
            _ => false,
        }
    }

    /// Whether it is this host: a name, or an address with or without brackets.
    pub(super) fn is(self, text: &str) -> bool {
        let other = host(text).or_else(|| text.parse().ok().map(Host::Address));
        other.is_some_and(|other| self.is_same(other))
    }
}

impl Origin<'_> {
    /// Whether it is a page of a browser, rather than an application's or an extension's.
    pub(super) fn is_web(&self) -> bool {
        self.default_port().is_some()
    }

    fn default_port(&self) -> Option<u16> {
        match self.scheme {
            scheme if scheme.eq_ignore_ascii_case("http") => Some(80),
            scheme if scheme.eq_ignore_ascii_case("https") => Some(443),
            _ => None,
        }
    }

    fn is(&self, other: &str) -> bool {
        split_origin(other).is_some_and(|other| {
            self.scheme.eq_ignore_ascii_case(other.scheme)
                && self.port.or(self.default_port()) == other.port.or(other.default_port())
                && self.host.is_same(other.host)
        })
    }
}

impl Pattern {
    /// Whether it allows a host, whatever the port and scheme.
    pub(super) fn has_host(&self, host: Host<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Below(domain) => matches!(host, Host::Name(name) if is_below(absolute(name), domain)),
            Self::Host(own) => host.is(own),
            Self::Origin(own) => {
                let own = split_origin(own).filter(Origin::is_web);
                own.is_some_and(|own| host.is_same(own.host))
            }
        }
    }

    /// Whether it allows an origin.
    pub(super) fn has_origin(&self, origin: &Origin<'_>) -> bool {
        match self {
            Self::Origin(own) => origin.is(own),
            _ => origin.is_web() && self.has_host(origin.host),
        }
    }
}

impl FromStr for Pattern {
    type Err = String;

    /// Reads an entry of `allow_origin`.
    ///
    /// # Errors
    /// What was wrong, and what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            Err(format!(
                "{text:?} {what}; allowed: a host, *.example.com, an origin as https://example.com:8443, or *"
            ))
        };
        if text == "*" {
            return Ok(Self::Any);
        }
        if text == "null" || text.starts_with("file://") {
            return wrong("is an origin that any page can have");
        }
        if let Some(domain) = text.strip_prefix("*.") {
            return match host(domain) {
                Some(Host::Name(domain)) => Ok(Self::Below(absolute(domain).to_owned())),
                _ => wrong("has no domain after the star"),
            };
        }
        if text.contains('*') {
            return wrong("has a star in the wrong place");
        }
        if text.contains("://") {
            return match split_origin(text) {
                Some(_) => Ok(Self::Origin(text.to_owned())),
                None => wrong("is not an origin, which is scheme, host and perhaps port and no more"),
            };
        }
        match (host(text), authority(text)) {
            (Some(_), _) => Ok(Self::Host(text.to_owned())),
            (None, Some(_)) => wrong("has a port, which belongs to a whole origin"),
            (None, None) if text.parse::<IpAddr>().is_ok() => Ok(Self::Host(format!("[{text}]"))),
            (None, None) => wrong("is not a host"),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(domain) => write!(f, "*.{domain}"),
            Self::Host(text) | Self::Origin(text) => f.write_str(text),
        }
    }
}

/// An origin in its parts; `None` if there is more to it, or less.
pub(super) fn split_origin(text: &str) -> Option<Origin<'_>> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (host, port) = authority(rest).filter(|_| is_scheme)?;
    Some(Origin { scheme, host, port })
}

/// A host with or without a port, and nothing before or after it.
pub(super) fn authority(text: &str) -> Option<(Host<'_>, Option<u16>)> {
    let end = text.rfind(']').map_or_else(|| text.find(':'), |end| end.checked_add(1));
    let (name, rest) = end.map_or(Some((text, "")), |end| text.split_at_checked(end))?;
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(number(port)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((host(name)?, port))
}

/// A port as browsers write it.
fn number(port: &str) -> Option<u16> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    port.parse().ok().filter(|_| is_number)
}

/// A host: an IPv6 address in brackets, an IPv4 address of four decimal numbers, or a name of letters, digits, hyphens and underscores. A name
/// that ends in a number would be an IPv4 address to a browser, in octal or the like (URL standard, "ends in a number checker"): it is
/// written so in order to be taken for something else.
fn host(text: &str) -> Option<Host<'_>> {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']')?.parse().ok().map(|address| Host::Address(IpAddr::V6(address)));
    }
    let name = absolute(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return None;
    }
    let last = name.rsplit('.').next()?;
    let is_decimal = last.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    if is_decimal || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return text.parse().ok().map(|address| Host::Address(IpAddr::V4(address)));
    }
    Some(Host::Name(text))
}

/// A name without the dot that may end it.
fn absolute(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether a name ends in a dot and this domain.
fn is_below(name: &str, domain: &str) -> bool {
    let parts = name.len().checked_sub(domain.len()).and_then(|at| name.split_at_checked(at));
    parts.is_some_and(|(rest, end)| end.eq_ignore_ascii_case(domain) && rest.ends_with('.') && rest.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_shown_as_they_are_written() {
        for text in [
            "*",
            "*.example.com",
            "example.com",
            "203.0.113.7",
            "[2001:db8::1]",
            "https://example.com",
            "https://example.com:8443",
            "http://[2001:db8::1]:3000",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert_eq!(text.parse::<Pattern>().unwrap().to_string(), text);
        }
        assert_eq!("2001:db8::1".parse(), Ok(Pattern::Host("[2001:db8::1]".to_owned())));
        assert_eq!("*.example.com.".parse(), Ok(Pattern::Below("example.com".to_owned())));
    }

    #[test]
    fn what_is_no_pattern_says_what_would_be() {
        for (text, why) in [
            ("", "is not a host"),
            ("null", "is an origin that any page can have"),
            ("file://", "is an origin that any page can have"),
            ("*.", "has no domain after the star"),
            ("*.1", "has no domain after the star"),
            ("*.*.example.com", "has no domain after the star"),
            ("**", "has a star in the wrong place"),
            ("a.*.example.com", "has a star in the wrong place"),
            ("https://*.example.com", "has a star in the wrong place"),
            ("https://example.com/", "is not an origin"),
            ("https://example.com/page", "is not an origin"),
            ("https://", "is not an origin"),
            ("https://a@example.com", "is not an origin"),
            ("://example.com", "is not an origin"),
            ("example.com:443", "has a port"),
            ("example.com/", "is not a host"),
            ("a b", "is not a host"),
            ("0x7f.1", "is not a host"),
            ("b\u{fc}cher.example", "is not a host"),
            ("https://a.example, https://b.example", "is not an origin"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err();
            assert!(
                error.starts_with(&format!("{text:?} {why}")) && error.contains("; allowed: a host"),
                "{error}"
            );
        }
    }
}
