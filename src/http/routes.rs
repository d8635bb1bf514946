//! What is where: health, the page, and the WebSocket endpoints.

use super::{
    pages,
    request::Request,
    response::{self, Refusal},
    upgrade::{self, Wishes},
};

/// What the server offers, and whether it has room.
#[derive(Debug)]
pub struct Site {
    /// The paths that speak WebSocket. An upgrade is reported by the index in this list.
    pub endpoints: Vec<Endpoint>,
    /// Whether as many clients are there as may be.
    pub is_full: bool,
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
    },
    /// A WebSocket: these bytes first.
    Upgrade {
        /// Which of [`Site::endpoints`].
        endpoint: usize,
        /// What else the URL asks for.
        wishes: Wishes,
        /// The 101.
        bytes: Vec<u8>,
    },
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Reply { status: refusal.status(), bytes: refusal.response() }
    }
}

/// Decides what a request gets.
pub fn answer(request: &Request<'_>, site: &Site) -> Answer {
    match decide(request, site) {
        Answer::Reply { status, bytes } if request.method == "HEAD" => {
            Answer::Reply { status, bytes: response::head_only(bytes) }
        }
        answer => answer,
    }
}

fn decide(request: &Request<'_>, site: &Site) -> Answer {
    let endpoint = site.endpoints.iter().position(|endpoint| endpoint.path == request.path);
    match (request.path, request.method, endpoint) {
        // Only GET can ask for an upgrade (RFC 6455 section 4.1).
        (_, "HEAD", Some(_)) => Refusal::UpgradeRequired.into(),
        (_, "GET", Some(endpoint)) => match upgrade::check(request) {
            Err(refusal) => refusal.into(),
            Ok(_) if site.is_full => Refusal::Full.into(),
            Ok(accept) => Answer::Upgrade {
                endpoint,
                wishes: Wishes::read(request.query),
                bytes: response::switching_protocols(&accept),
            },
        },
        ("/.ok", "GET" | "HEAD", None) => Answer::Reply { status: 200, bytes: response::ok() },
        ("/", "GET" | "HEAD", None) => {
            let page = pages::landing(request.host, &site.endpoints);
            Answer::Reply { status: 200, bytes: response::page("text/html; charset=utf-8", &page) }
        }
        ("/.ok" | "/", _, None) | (_, _, Some(_)) => Refusal::MethodNotAllowed.into(),
        (_, _, None) => {
            let bytes = response::not_found(&pages::not_found(request.path, &site.endpoints));
            Answer::Reply { status: Refusal::NotFound.status(), bytes }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::parse;

    fn status(head: &str, is_full: bool) -> u16 {
        let site =
            Site { endpoints: vec![Endpoint { path: "/signaling".to_owned(), speaks: "ayame" }], is_full };
        let head = format!("{head}\r\nHost: box:3000\r\n\r\n").replace(
            "WS",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        );
        match answer(&parse(head.as_bytes()).unwrap().unwrap().request, &site) {
            Answer::Reply { status, .. } => status,
            Answer::Upgrade { endpoint: 0, .. } => 101,
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
}
