//! What was asked, in two words of closed sets: for those who count requests.

use super::{request::Request, routes::Site};

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// Any other, or none that could be read.
    Other,
}

/// What a request was for, as far as an Ayame server has it as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where Ayame's protocol is spoken.
    Signaling,
    /// `/.ok`.
    Health,
    /// Everything else.
    Other,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How.
    pub method: Method,
    /// For what.
    pub place: Place,
}

impl Asked {
    /// A request that could not be read.
    pub const NOTHING: Self = Self { method: Method::Other, place: Place::Other };

    /// What this request asks for.
    pub fn of(request: &Request<'_>, site: &Site) -> Self {
        let method = match request.method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        let is_signaling = || {
            site.endpoints.iter().any(|endpoint| endpoint.path == request.path && endpoint.speaks == "ayame")
        };
        let place = match request.path {
            "/.ok" => Place::Health,
            _ if is_signaling() => Place::Signaling,
            _ => Place::Other,
        };
        Self { method, place }
    }
}
