//! Which `Host` and `Origin` headers are believed to come from where they should.
//!
//! A web page on the internet can make its visitor's browser talk to this machine in two ways: it opens a WebSocket to an address of the local
//! network (then `Origin` is foreign: RFC 6455 section 10.2), or it has its own name lead here (DNS rebinding; then `Host` is foreign).
//! So both must be an address that is not public, a name that means nothing on the internet, one of this machine's own, or one that
//! `allow_origin` lists. A program that is no browser may say whatever it likes: this protects its user and not the server.

pub use super::pattern::Pattern;
use super::pattern::{Host, authority, split_origin};
use crate::lan;
use std::{error, fmt};

/// What a client may call this machine, and whose pages may connect to it.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The machine's own: its host name, also below `.local`, and those of its certificates; addresses, too.
    pub own: Vec<String>,
    /// Whatever else is allowed.
    pub allowed: Vec<Pattern>,
}

/// A header that comes from somewhere else. Its text, for the log, says which setting would allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign<'a> {
    /// `Host` or `Origin`.
    pub header: &'static str,
    value: &'a str,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It is well-formed and not allowed.
    NotListed,
    /// It is not what a browser would write.
    Malformed,
    /// It says that there is no origin, or none that means anything.
    Opaque,
}

impl<'a> Foreign<'a> {
    /// The value of `allow_origin` that would allow it; `*` if no other would.
    pub fn remedy(&self) -> &'a str {
        match (self.why, self.header) {
            (Why::Malformed | Why::Opaque, _) => "*",
            (Why::NotListed, "Host") => host_of(self.value),
            (Why::NotListed, _) => self.value,
        }
    }
}

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { header, why, .. } = self;
        let what = match why {
            Why::NotListed if *header == "Host" => "is no name of this machine",
            Why::NotListed => "is not of this network",
            Why::Malformed => "is not what a browser writes",
            Why::Opaque => "is that of a file or a frame without rights",
        };
        let value: String = self.value.chars().take(100).collect();
        let remedy: String = self.remedy().chars().take(100).collect();
        write!(f, "{header} {value:?} {what}; allow_origin = {remedy} would allow it")
    }
}

impl error::Error for Foreign<'_> {}

/// Judges both headers of a request.
///
/// # Errors
/// The first that is foreign.
pub fn verdict<'a>(host: Option<&'a str>, origin: Option<&'a str>, names: &Names) -> Result<(), Foreign<'a>> {
    host_verdict(host, names)?;
    origin_verdict(origin, names)
}

/// Judges a `Host` header (RFC 9110 section 7.2), with or without port. None at all is fine: each browser sends one.
///
/// # Errors
/// If it is foreign.
pub fn host_verdict<'a>(host: Option<&'a str>, names: &Names) -> Result<(), Foreign<'a>> {
    let Some(value) = host else { return Ok(()) };
    if names.allowed.contains(&Pattern::Any) {
        return Ok(());
    }
    let why = match authority(value) {
        None => Why::Malformed,
        // A page from there may connect to here; so it may as well call itself here.
        Some((host, _)) if is_ours(host, names) || names.allowed.iter().any(|p| p.has_host(host)) => {
            return Ok(());
        }
        Some(_) => Why::NotListed,
    };
    Err(Foreign { header: "Host", value, why })
}

/// Judges an `Origin` header (RFC 6454 section 7). None at all is fine: each browser sends one with an upgrade. `null` and `file://` can be had by
/// any page, by way of a frame without rights or a download: only `*` allows them.
///
/// # Errors
/// If it is foreign.
pub fn origin_verdict<'a>(origin: Option<&'a str>, names: &Names) -> Result<(), Foreign<'a>> {
    let Some(value) = origin else { return Ok(()) };
    if names.allowed.contains(&Pattern::Any) {
        return Ok(());
    }
    let why = match split_origin(value) {
        _ if value == "null" || value.starts_with("file://") => Why::Opaque,
        None => Why::Malformed,
        Some(origin) if origin.is_web() && is_ours(origin.host, names) => return Ok(()),
        Some(origin) if names.allowed.iter().any(|pattern| pattern.has_origin(&origin)) => return Ok(()),
        Some(_) => Why::NotListed,
    };
    Err(Foreign { header: "Origin", value, why })
}

/// Whether a host is this machine or another on the same network.
fn is_ours(host: Host<'_>, names: &Names) -> bool {
    let is_local = match host {
        Host::Address(address) => lan::is_local(address),
        Host::Name(name) => lan::is_local_name(name),
    };
    is_local || names.own.iter().any(|own| host.is(own))
}

/// The host before the port, as it was written.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_setting_that_would_allow_it_and_that_setting_does() {
        for (host, origin, remedy) in [
            (Some("Evil.example"), None, "Evil.example"),
            (Some("evil.example:3000"), None, "evil.example"),
            (Some("203.0.113.7:80"), None, "203.0.113.7"),
            (Some("[2001:db8::1]:80"), None, "[2001:db8::1]"),
            (Some("[2001:db8::1]"), None, "[2001:db8::1]"),
            (Some("ai."), None, "ai."),
            (Some(""), None, "*"),
            (Some("a@b"), None, "*"),
            (None, Some("https://evil.example:8443"), "https://evil.example:8443"),
            (None, Some("https://203.0.113.7"), "https://203.0.113.7"),
            (None, Some("capacitor://localhost"), "capacitor://localhost"),
            (None, Some("null"), "*"),
            (None, Some("file://"), "*"),
            (None, Some("http://a@b"), "*"),
        ] {
            let foreign = verdict(host, origin, &Names::default()).unwrap_err();
            assert_eq!(foreign.remedy(), remedy, "{foreign}");
            let names = Names { allowed: vec![remedy.parse().unwrap()], ..Names::default() };
            assert_eq!(verdict(host, origin, &names), Ok(()), "{foreign}");
        }
    }

    #[test]
    fn what_goes_into_the_log_is_one_short_line() {
        let long = format!("http://{}\n\u{1b}[31m", "x".repeat(5_000));
        let shown = origin_verdict(Some(&long), &Names::default()).unwrap_err().to_string();
        assert!(shown.len() < 250 && !shown.contains(['\n', '\u{1b}']), "{shown}");
        assert_eq!(
            host_verdict(Some("evil.example:3000"), &Names::default()).unwrap_err().to_string(),
            "Host \"evil.example:3000\" is no name of this machine; allow_origin = evil.example would allow it"
        );
    }
}
