//! Why a webhook failed.

use crate::http::reply::Wrong;
use std::fmt;

/// Why there is no answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The host's name has no address that we know of.
    Unresolved(String),
    /// None of the host's addresses takes a connection; why the last one did not.
    Unreachable(String),
    /// TLS failed: the certificate is not trusted, for instance.
    Tls(String),
    /// The connection broke.
    Broken(String),
    /// The answer is not as it must be.
    Answer(Wrong),
    /// The time was over; what was awaited.
    Late(&'static str),
}

impl Fault {
    /// A word for it, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unresolved(_) => "unresolved",
            Self::Unreachable(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Broken(_) => "broken",
            Self::Answer(_) => "answer",
            Self::Late(_) => "late",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(wrong) => write!(f, "its name cannot be resolved: {wrong}"),
            Self::Unreachable(wrong) => write!(f, "it takes no connection: {wrong}"),
            Self::Tls(wrong) => write!(f, "TLS: {wrong}"),
            Self::Broken(wrong) => write!(f, "the connection broke: {wrong}"),
            Self::Answer(wrong) => write!(f, "{wrong}"),
            Self::Late(awaited) => write!(f, "it took too long: {awaited} did not come"),
        }
    }
}
