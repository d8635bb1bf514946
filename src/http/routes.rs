//! What is where: health, the page, and the WebSocket endpoints.

use super::{
    admin, assets,
    gate::Gate,
    pages,
    request::Request,
    response::{self, Refusal},
    trust::Trust,
    upgrade::{self, Wishes},
};
use std::{borrow::Cow, net::IpAddr};

/// What the server offers, and whether it has room.
#[derive(Debug)]
pub struct Site {
    /// The paths that speak WebSocket. An upgrade is reported by the index in this list.
    pub endpoints: Vec<Endpoint>,
    /// Whether as many clients are there as may be.
    pub is_full: bool,
    /// The authority that vouches for this server, if it is one of its own.
    pub trust: Option<Trust>,
    /// Who may speak to this server at all.
    pub gate: Gate,
    /// Whether other machines have to come over TLS.
    pub requires_tls: bool,
    /// Whether https has its default port here, 443.
    pub has_default_https: bool,
    /// Headers of upgrades that are handed on.
    pub copied_names: Vec<String>,
}

/// What a listener is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Clients and their pages.
    Public,
    /// Prometheus, and whoever looks after the server's health.
    Metrics,
    /// Those who look after the server: [`super::admin`].
    Admin,
}

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub struct Via {
    /// By a listener for this.
    pub purpose: Purpose,
    /// Over TLS.
    pub is_tls: bool,
    /// From this machine.
    pub is_from_here: bool,
    /// From this address.
    pub address: IpAddr,
}

/// A path that speaks WebSocket.
#[derive(Debug)]
pub struct Endpoint {
    /// The path, beginning with `/`.
    pub path: String,
    /// What it speaks, in a word.
    pub speaks: &'static str,
}

/// What a request gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// These bytes, then the end.
    Reply {
        /// For the log.
        status: u16,
        /// Head and body.
        bytes: Vec<u8>,
        /// What was wrong, for the log, where the status says too little.
        why: Option<String>,
    },
    /// A WebSocket: these bytes first.
    Upgrade {
        /// Which of [`Site::endpoints`].
        endpoint: usize,
        /// What else the request asks for.
        wishes: Wishes,
        /// Where the client is, whatever is between.
        address: IpAddr,
        /// The 101.
        bytes: Vec<u8>,
    },
    /// Whatever comes of this.
    Admin(admin::Action),
    /// What was counted.
    Metrics {
        /// Only the head of the answer.
        is_head: bool,
    },
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::reply(refusal.status(), refusal.response())
    }
}

impl Answer {
    fn reply(status: u16, bytes: Vec<u8>) -> Self {
        Self::Reply { status, bytes, why: None }
    }
}

/// Decides what a request gets.
pub fn answer(request: &Request<'_>, site: &Site, via: Via) -> Answer {
    if via.purpose == Purpose::Admin {
        // Who may open the socket is its file's business.
        return match admin::read(request) {
            Ok(action) => Answer::Admin(action),
            Err((status, bytes)) => Answer::reply(status, bytes),
        };
    }
    let answer = match site.gate.check(request, via) {
        Err(why) => Answer::Reply { status: 403, bytes: response::forbidden(&why), why: Some(why) },
        Ok(address) => {
            let via = Via { address, ..via };
            must_come_over_tls(request, site, via).unwrap_or_else(|| decide(request, site, via))
        }
    };
    match answer {
        Answer::Reply { status, bytes, why } if request.method == "HEAD" => {
            Answer::Reply { status, bytes: response::head_only(bytes), why }
        }
        answer => answer,
    }
}

/// Sends a plain request from another machine to https, but for what it needs in order to get there: the pages about trust. Whoever looks
/// after the server's health may ask as before.
fn must_come_over_tls(request: &Request<'_>, site: &Site, via: Via) -> Option<Answer> {
    let Request { method, path, query, .. } = *request;
    if !site.requires_tls || via.is_tls || via.is_from_here || path == "/.ok" {
        return None;
    }
    if site.trust.as_ref().is_some_and(|trust| trust.has(path)) {
        return None;
    }
    let host = pages::plain_host(request.host);
    match (method, host) {
        ("GET" | "HEAD", Some(host)) if !request.upgrade_websocket => {
            let mark = if query.is_empty() { "" } else { "?" };
            let host = https_host(host, site, via);
            let bytes = response::redirect(&format!("https://{host}{path}{mark}{query}"));
            Some(Answer::reply(307, bytes))
        }
        _ => Some(Refusal::TlsRequired.into()),
    }
}

/// Host and port of this server over https, as the client named it. Without a port, a plain request came to port 80, where https is spoken as
/// well, if it is not at home on its own port.
fn https_host<'a>(host: &'a str, site: &Site, via: Via) -> Cow<'a, str> {
    // A colon within brackets belongs to an IPv6 address.
    let has_port = host.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
    if has_port || via.is_tls || site.has_default_https { host.into() } else { format!("{host}:80").into() }
}

fn decide(request: &Request<'_>, site: &Site, via: Via) -> Answer {
    if request.path == "/metrics" {
        return metrics(request, site, via);
    }
    if via.purpose == Purpose::Metrics && request.path != "/.ok" {
        let bytes = response::not_found("nothing is here; there are /metrics and /.ok\n");
        return Answer::reply(Refusal::NotFound.status(), bytes);
    }
    let endpoint = site.endpoints.iter().position(|endpoint| endpoint.path == request.path);
    match (request.method, endpoint) {
        ("GET", Some(endpoint)) => match upgrade::check(request) {
            Err(refusal) => refusal.into(),
            Ok(_) if site.is_full => Refusal::Full.into(),
            Ok(accept) => Answer::Upgrade {
                endpoint,
                wishes: Wishes::read(request),
                address: via.address,
                bytes: response::switching_protocols(&accept),
            },
        },
        // Only GET can ask for an upgrade (RFC 6455 section 4.1).
        ("HEAD", Some(_)) => Refusal::UpgradeRequired.into(),
        (_, Some(_)) => Refusal::MethodNotAllowed.into(),
        (method, None) => match resource(request, site, via) {
            Some((status, bytes)) if matches!(method, "GET" | "HEAD") => Answer::reply(status, bytes),
            Some(_) => Refusal::MethodNotAllowed.into(),
            None => {
                let bytes = response::not_found(&pages::not_found(request.path, &site.endpoints));
                Answer::reply(Refusal::NotFound.status(), bytes)
            }
        },
    }
}

/// What was counted, for those who may know it.
fn metrics(request: &Request<'_>, site: &Site, via: Via) -> Answer {
    if let Err(why) = site.gate.check_scrape(via.address) {
        return Answer::Reply { status: 403, bytes: response::forbidden(&why), why: Some(why) };
    }
    match request.method {
        "GET" | "HEAD" => Answer::Metrics { is_head: request.method == "HEAD" },
        _ => Refusal::MethodNotAllowed.into(),
    }
}

/// What is at a path to be read: the status and the whole response.
fn resource(request: &Request<'_>, site: &Site, via: Via) -> Option<(u16, Vec<u8>)> {
    let path = request.path;
    let host = pages::plain_host(request.host).unwrap_or("localhost:3000");
    if path == "/.ok" {
        return Some((200, response::ok()));
    }
    if let Some(trust) = site.trust.as_ref().filter(|trust| trust.has(path)) {
        return Some((200, trust.answer(path, &https_host(host, site, via))));
    }
    // The intercom speaks mesh, and expects it there.
    let has_intercom = site.endpoints.iter().any(|at| at.path == "/mesh" && at.speaks == "mesh");
    if let Some(asset) = assets::find(path).filter(|_| has_intercom) {
        return Some(asset.answer(request.accepts_gzip, request.if_none_match));
    }
    matches!(path, "/" | "/about").then(|| {
        let scheme = if via.is_tls { "wss" } else { "ws" };
        (200, response::page(&pages::landing(host, scheme, &site.endpoints, site.trust.is_some())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::request::parse, networks::AllowFrom};
    use std::net::Ipv4Addr;

    const PLAIN: Via = Via {
        purpose: Purpose::Public,
        is_tls: false,
        is_from_here: false,
        address: IpAddr::V4(Ipv4Addr::new(192, 168, 1, 9)),
    };

    fn site() -> Site {
        Site {
            endpoints: vec![Endpoint { path: "/signaling".to_owned(), speaks: "ayame" }],
            is_full: false,
            trust: Trust::new("a".to_owned(), Vec::new(), String::new(), [0; 32]),
            gate: Gate::default(),
            requires_tls: false,
            has_default_https: false,
            copied_names: Vec::new(),
        }
    }

    fn status(head: &str, is_full: bool) -> u16 {
        status_on(head, &Site { is_full, ..site() }, PLAIN)
    }

    fn status_on(head: &str, site: &Site, via: Via) -> u16 {
        let head = format!("{head}\r\nHost: box:3000\r\n\r\n").replace(
            "WS",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        );
        match answer(&parse(head.as_bytes()).unwrap().unwrap().request, site, via) {
            Answer::Reply { status, .. } => status,
            Answer::Upgrade { endpoint: 0, .. } => 101,
            Answer::Metrics { .. } => 200,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_path_and_method_gets_its_answer() {
        for (head, expected) in [
            ("GET / HTTP/1.1", 200),
            ("HEAD / HTTP/1.1", 200),
            ("GET / HTTP/1.0", 200),
            ("GET /?room=1 HTTP/1.1", 200),
            ("GET /.ok HTTP/1.1", 200),
            ("GET /about HTTP/1.1", 200),
            ("POST /.ok HTTP/1.1", 405),
            ("DELETE / HTTP/1.1", 405),
            ("GET /nowhere HTTP/1.1", 404),
            ("POST /nowhere HTTP/1.1", 404),
            ("GET /signaling/ HTTP/1.1\r\nWS", 404),
            ("GET /signaling HTTP/1.1", 426),
            ("GET /signaling HTTP/1.1\r\nWS", 101),
            ("GET /signaling?key=1 HTTP/1.1\r\nWS", 101),
            ("HEAD /signaling HTTP/1.1\r\nWS", 426),
            ("POST /signaling HTTP/1.1\r\nWS", 405),
            ("GET /signaling HTTP/1.0\r\nWS", 400),
        ] {
            assert_eq!(status(head, false), expected, "{head}");
        }
    }

    #[test]
    fn a_full_server_still_answers_whatever_needs_no_place() {
        assert_eq!(status("GET /signaling HTTP/1.1\r\nWS", true), 503);
        assert_eq!(status("GET /.ok HTTP/1.1", true), 200);
        assert_eq!(status("GET / HTTP/1.1", true), 200);
    }

    #[cfg(feature = "web")]
    #[test]
    fn the_intercom_is_there_if_what_it_speaks_is() {
        let mut site = site();
        assert_eq!(status_on("GET /suzu.js HTTP/1.1", &site, PLAIN), 404);
        site.endpoints.push(Endpoint { path: "/mesh".to_owned(), speaks: "mesh" });
        assert_eq!(status_on("GET /suzu.js HTTP/1.1", &site, PLAIN), 200);
        assert_eq!(status_on("POST / HTTP/1.1", &site, PLAIN), 405);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn the_pages_about_trust_are_there() {
        assert_eq!(status("GET /trust HTTP/1.1", false), 200);
        assert_eq!(status("HEAD /ca.crt HTTP/1.1", false), 200);
        assert_eq!(status("POST /trust HTTP/1.1", false), 405);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn where_tls_is_required_other_machines_are_sent_there() {
        let site = Site { requires_tls: true, ..site() };
        for (head, plain, tls) in [
            ("GET / HTTP/1.1", 307, 200),
            ("HEAD /nowhere HTTP/1.1", 307, 404),
            ("POST / HTTP/1.1", 403, 405),
            ("GET /signaling HTTP/1.1\r\nWS", 403, 101),
            ("GET /trust HTTP/1.1", 200, 200),
            ("GET /ca.mobileconfig HTTP/1.1", 200, 200),
            ("GET /.ok HTTP/1.1", 200, 200),
        ] {
            assert_eq!(status_on(head, &site, PLAIN), plain, "{head}");
            assert_eq!(status_on(head, &site, Via { is_tls: true, ..PLAIN }), tls, "{head}");
            assert_eq!(status_on(head, &site, Via { is_from_here: true, ..PLAIN }), tls, "{head}");
        }
        let request = parse(b"GET /a?b=c HTTP/1.1\r\nHost: box:3000\r\n\r\n").unwrap().unwrap().request;
        let Answer::Reply { bytes, .. } = answer(&request, &site, PLAIN) else { panic!("an upgrade") };
        assert!(String::from_utf8(bytes).unwrap().contains("\r\nLocation: https://box:3000/a?b=c\r\n"));
    }

    #[test]
    fn metrics_are_for_this_machine_and_for_whom_it_is_configured() {
        let at = |address: &str, purpose| Via { address: address.parse().unwrap(), purpose, ..PLAIN };
        let mut site = site();
        site.gate.allow_from = AllowFrom::Any;
        for (allow, address, expected) in [
            ("lan", "192.168.1.9", 200),
            ("lan", "203.0.113.9", 403),
            ("203.0.113.0/24", "203.0.113.9", 200),
            ("203.0.113.0/24", "192.168.1.9", 403),
            ("203.0.113.0/24", "::ffff:127.0.0.1", 200),
            ("any", "203.0.113.9", 200),
        ] {
            site.gate.allow_metrics_from = allow.parse().unwrap();
            for (method, right) in [("GET", 200), ("HEAD", 200), ("POST", 405)] {
                let status =
                    status_on(&format!("{method} /metrics HTTP/1.1"), &site, at(address, Purpose::Public));
                assert_eq!(
                    status,
                    if expected == 200 { right } else { 403 },
                    "{method} from {address}, {allow}"
                );
            }
        }
        site.gate.allow_from = AllowFrom::Lan;
        for (head, expected) in [
            ("GET /metrics HTTP/1.1", 200),
            ("GET /.ok HTTP/1.1", 200),
            ("HEAD /.ok HTTP/1.1", 200),
            ("POST /.ok HTTP/1.1", 405),
            ("GET / HTTP/1.1", 404),
            ("GET /signaling HTTP/1.1\r\nWS", 404),
        ] {
            // allow_from is not asked there.
            assert_eq!(status_on(head, &site, at("203.0.113.9", Purpose::Metrics)), expected, "{head}");
        }
    }

    #[test]
    fn https_is_where_the_client_can_find_it() {
        let at_443 = Site { has_default_https: true, ..site() };
        let tls = Via { is_tls: true, ..PLAIN };
        for (host, site, via, expected) in [
            ("box:3000", &site(), PLAIN, "box:3000"),
            ("box", &site(), PLAIN, "box:80"),
            ("[fd00::1]", &site(), PLAIN, "[fd00::1]:80"),
            ("[fd00::1]:3000", &site(), PLAIN, "[fd00::1]:3000"),
            ("box", &at_443, PLAIN, "box"),
            ("box", &site(), tls, "box"),
        ] {
            assert_eq!(https_host(host, site, via), expected);
        }
    }
}
