//! Where a webhook is: `http://host[:port]/path?query`, or `https://`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// The most bytes of a URL.
const BYTES_MAX: usize = 2048;
/// The most bytes of a host name (RFC 1035 section 2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// The URL of a webhook. Shown without its query, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    origin: Origin,
    /// Path and query, beginning with `/`.
    target: String,
}

/// Whom connections go to: what URLs with the same scheme, host and port share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) is_https: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

impl Url {
    /// Whether it is `https://`.
    pub fn is_https(&self) -> bool {
        self.origin.is_https
    }

    /// The host, and the port if it is not the usual one: the `Host` header (RFC 9110 section 7.2).
    pub fn authority(&self) -> String {
        self.origin.authority()
    }

    /// Path and query as they are sent, beginning with `/`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Origin {
    fn default_port(is_https: bool) -> u16 {
        if is_https { 443 } else { 80 }
    }

    fn authority(&self) -> String {
        match self.port == Self::default_port(self.is_https) {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.authority())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

impl FromStr for Url {
    type Err = String;

    /// What is wrong, and what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("the URL has {} bytes; allowed: {BYTES_MAX}", text.len()));
        }
        if let Some(wrong) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(format!(
                "{wrong:?} cannot be in a URL; write it percent-encoded, and a host name in its xn-- form"
            ));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(
                "a webhook begins with http:// or https://, like http://127.0.0.1:3001/authn".to_owned()
            );
        }
        if is_https && !cfg!(feature = "tls") {
            return Err("this suzu was built without TLS; allowed: http://".to_owned());
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if target.contains('#') {
            return Err("what follows a # is never sent; leave it out".to_owned());
        }
        if authority.contains('@') {
            return Err(
                "a webhook URL has no user and password; put a secret in the query, which is never logged"
                    .to_owned(),
            );
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => Origin::default_port(is_https),
            Some(port) => match port.parse() {
                Ok(number @ 1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => number,
                _ => return Err(format!("{port:?} is no port; allowed: 1 to 65535")),
            },
        };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { origin: Origin { is_https, host: host_of(host)?, port }, target })
    }
}

/// Host and port of what is between `//` and the path (RFC 3986 section 3.2).
fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    if !authority.starts_with('[') {
        return match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                Err("an IPv6 address in a URL is in brackets, like http://[::1]:3001/authn".to_owned())
            }
            Some((host, port)) => Ok((host, Some(port))),
            None => Ok((authority, None)),
        };
    }
    let end = authority.find(']').ok_or("the bracket of the IPv6 address is not closed")?;
    let (host, rest) = authority.split_at(end + 1);
    match rest.strip_prefix(':') {
        port @ Some(_) => Ok((host, port)),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(format!("{rest:?} follows an IPv6 address; allowed: a colon and a port")),
    }
}

fn host_of(text: &str) -> Result<Host, String> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = inner.parse::<Ipv6Addr>();
        return address
            .map(|address| Host::Address(address.into()))
            .map_err(|_| format!("{inner:?} is no IPv6 address"));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Host::Address(address));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // What ends in a number is meant to be an IPv4 address, and system resolvers guess which one.
    let is_numeric =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if name.len() > HOST_BYTES_MAX || is_numeric || !name.split('.').all(is_label) {
        return Err(format!("{text:?} is neither a host name nor an address"));
    }
    Ok(Host::Name(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_shown_without_its_query() {
        for (text, authority, target, shown) in [
            ("http://box/authn", "box", "/authn", "http://box/authn"),
            ("HTTP://Box:80", "box", "/", "http://box/"),
            ("http://box:3001?k=v", "box:3001", "/?k=v", "http://box:3001/"),
            ("http://127.0.0.1:3001/a/b?c=d?e", "127.0.0.1:3001", "/a/b?c=d?e", "http://127.0.0.1:3001/a/b"),
            ("http://[0:0::1]:3001/", "[::1]:3001", "/", "http://[::1]:3001/"),
            ("http://[fd00::1]", "[fd00::1]", "/", "http://[fd00::1]/"),
            ("http://my_app.lan./x", "my_app.lan.", "/x", "http://my_app.lan./x"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.authority().as_str(), url.target()), (authority, target), "{text}");
            assert_eq!((url.to_string(), url.is_https()), (shown.to_owned(), false));
        }
    }

    #[test]
    fn https_needs_a_build_with_tls() {
        let url = "https://auth.example:8443/x".parse::<Url>();
        match cfg!(feature = "tls") {
            true => assert_eq!(url.unwrap().to_string(), "https://auth.example:8443/x"),
            false => assert!(url.unwrap_err().contains("http://")),
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_what_would_be_right() {
        let long = format!("http://a/{}", "x".repeat(BYTES_MAX));
        for (text, word) in [
            ("", "http://"),
            ("box:3001/authn", "http://"),
            ("ftp://box/", "http://"),
            ("http://", "neither"),
            ("http:///x", "neither"),
            ("http://user:pass@box/", "password"),
            ("http://box/#x", "never sent"),
            ("http://box/a b", "percent"),
            ("http://bücher/", "xn--"),
            ("http://box/\r\nX: y", "percent"),
            ("http://box:0/", "1 to 65535"),
            ("http://box:70000/", "1 to 65535"),
            ("http://box:+80/", "1 to 65535"),
            ("http://box:/", "1 to 65535"),
            ("http://::1/", "brackets"),
            ("http://[::1/", "bracket"),
            ("http://[::1]3001/", "colon"),
            ("http://[box]/", "IPv6"),
            ("http://1.2.3.4.5/", "neither"),
            ("http://127.1/", "neither"),
            ("http://a..b/", "neither"),
            ("http://a%20b/", "neither"),
            (long.as_str(), "2048"),
        ] {
            let wrong = text.parse::<Url>().unwrap_err();
            assert!(wrong.contains(word), "{text:?}: {wrong}");
        }
    }
}
