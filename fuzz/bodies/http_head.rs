//! The head of a request, and what it gets.

use httparse::{EMPTY_HEADER, Response, Status};
use std::net::{IpAddr, Ipv4Addr};
use suzu::http::{
    asked::Asked,
    copied::Copied,
    gate::Gate,
    request::{HEAD_BYTES_MAX, Request, parse},
    routes::{Answer, Endpoint, Purpose, Site, Via, answer},
};

/// Every header that suzu says. Another one would be of somebody else's making.
const HEADERS: [&str; 21] = [
    "Allow",
    "Cache-Control",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Security-Policy",
    "Content-Type",
    "ETag",
    "Location",
    "Permissions-Policy",
    "Referrer-Policy",
    "Retry-After",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Upgrade",
    "Vary",
    "WWW-Authenticate",
    "X-Content-Type-Options",
    "X-Frame-Options",
];
/// At most so many beginnings of one head are tried.
const CUTS_MAX: usize = 64;

pub(super) fn run(bytes: &[u8]) {
    let whole = parse(bytes);
    let step = bytes.len().div_ceil(CUTS_MAX).max(1);
    for end in (0..bytes.len()).step_by(step) {
        match parse(&bytes[..end]) {
            Ok(None) => {}
            // What has been found does not change when more comes.
            found => assert_eq!(found, whole, "in the first {end} bytes"),
        }
    }
    let Ok(Some(head)) = whole else { return };
    assert!(head.bytes <= bytes.len() && head.bytes <= HEAD_BYTES_MAX);
    assert_eq!(
        parse(&bytes[..head.bytes]).as_ref(),
        Ok(&Some(head)),
        "what follows the head is no part of it"
    );
    let head = &bytes[..parse(bytes).ok().flatten().map_or(0, |head| head.bytes)];
    let Ok(Some(found)) = parse(head) else { return };
    for purpose in [Purpose::Public, Purpose::Metrics, Purpose::Admin] {
        for (is_tls, is_from_here) in [(false, false), (true, false), (false, true)] {
            let address = IpAddr::V4(Ipv4Addr::new(192, 168, 1, if is_from_here { 1 } else { 2 }));
            let via = Via { purpose, is_tls, is_from_here, address };
            check(head, &found.request, via);
        }
    }
}

fn check(head: &[u8], request: &Request<'_>, via: Via) {
    let site = site(via.is_from_here);
    let _ = Asked::of(request, &site);
    match answer(request, &site, via) {
        Answer::Reply { status, bytes, .. } => check_response(&bytes, status, request.method == "HEAD"),
        Answer::Upgrade { endpoint, bytes, wishes, address } => {
            assert!(via.purpose == Purpose::Public && endpoint < site.endpoints.len());
            assert_eq!(request.path, site.endpoints[endpoint].path);
            assert!(site.gate.is_proxy(via.address) || address == via.address, "nobody may say where it is");
            assert!(wishes.credential.as_deref() != Some(""), "an empty credential is none");
            check_response(&bytes, 101, false);
            check_copied(head, &site.copied_names);
        }
        Answer::Admin(_) => assert_eq!(via.purpose, Purpose::Admin),
        Answer::Metrics { is_head } => assert_eq!(is_head, request.method == "HEAD"),
    }
}

/// An answer is well-formed, ends the connection, and has no header that suzu does not say.
fn check_response(bytes: &[u8], status: u16, is_head: bool) {
    let mut headers = [EMPTY_HEADER; 32];
    let mut response = Response::new(&mut headers);
    let Ok(Status::Complete(length)) = response.parse(bytes) else {
        panic!("not a response: {}", String::from_utf8_lossy(bytes))
    };
    assert_eq!(response.code, Some(status));
    let value = |name| response.headers.iter().find(|header| header.name == name).map(|header| header.value);
    for header in &*response.headers {
        assert!(HEADERS.contains(&header.name), "{} is not said by suzu", header.name);
    }
    let body = bytes.len() - length;
    let said: Option<usize> =
        value("Content-Length").map(|value| String::from_utf8_lossy(value).parse().unwrap());
    assert!(said.map_or(body == 0, |said| said == body || (is_head && body == 0)), "{said:?} is not {body}");
    let connection = value("Connection").expect("every answer says what becomes of the connection");
    assert!(status == 101 || connection.ends_with(b"close"), "one request a connection");
}

/// What is handed on to others can be a header there.
fn check_copied(head: &[u8], names: &[String]) {
    for (name, value) in Copied::of(head, names).unwrap_or_default().iter() {
        assert!(names.iter().any(|known| known == name), "{name} is not to be handed on");
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{value:?}");
    }
}

/// With proxies, or without.
fn site(has_proxies: bool) -> Site {
    let endpoint = |path: &str, speaks| Endpoint { path: path.to_owned(), speaks };
    let mut gate = Gate::default();
    if has_proxies {
        gate.trusted_proxies = vec!["192.168.1.1".parse().unwrap()];
    }
    Site {
        endpoints: vec![endpoint("/signaling", "ayame"), endpoint("/mesh", "mesh")],
        is_full: false,
        trust: None,
        gate,
        requires_tls: has_proxies,
        has_default_https: has_proxies,
        copied_names: vec!["Cookie".to_owned(), "X-Copied".to_owned(), "User-Agent".to_owned()],
    }
}
