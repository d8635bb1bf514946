//! The head of a request (RFC 9112 sections 2 to 5): found in what arrived, and only the fields that matter kept.

use super::response::Refusal;
use httparse::{EMPTY_HEADER, Error, Header, Status};

/// A head may have this many bytes.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// A head may have this many headers.
const HEADERS_MAX: usize = 64;

/// What a client asks for, borrowed from the bytes that it sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method, as it was sent.
    pub method: &'a str,
    /// The path, beginning with `/`, not decoded.
    pub path: &'a str,
    /// What followed the `?`; empty if nothing did.
    pub query: &'a str,
    /// Whether it speaks HTTP/1.1 rather than 1.0.
    pub is_http_1_1: bool,
    /// The `Host` header. An HTTP/1.1 request always has one.
    pub host: Option<&'a str>,
    /// Whether `Connection` lists `upgrade`.
    pub connection_upgrade: bool,
    /// Whether `Upgrade` lists `websocket`.
    pub upgrade_websocket: bool,
    /// `Sec-WebSocket-Version`.
    pub websocket_version: Option<&'a str>,
    /// `Sec-WebSocket-Key`.
    pub websocket_key: Option<&'a str>,
    /// Whether `Accept-Encoding` lists `gzip` (RFC 9110 section 12.5.3).
    pub accepts_gzip: bool,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// The token of `Authorization: Bearer` (RFC 6750 section 2.1).
    pub bearer: Option<&'a str>,
    /// The lines of `X-Forwarded-For`.
    pub x_forwarded_for: Vec<&'a str>,
    /// The lines of `Forwarded`.
    pub forwarded: Vec<&'a str>,
}

/// A head that is all there.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// What it says.
    pub request: Request<'a>,
    /// How many bytes it took; what follows belongs to the WebSocket.
    pub bytes: usize,
}

/// Looks for a head at the beginning of `bytes`; `None` if it is not all there yet.
///
/// # Errors
/// [`Refusal::HeadTooLarge`] past 8 KiB or 64 headers, [`Refusal::BadRequest`] if it is not HTTP.
pub fn parse(bytes: &[u8]) -> Result<Option<Head<'_>>, Refusal> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let window = bytes.get(..HEAD_BYTES_MAX).unwrap_or(bytes);
    match parsed.parse(window) {
        Ok(Status::Complete(bytes)) => {
            let request = extract(parsed.method, parsed.path, parsed.version, parsed.headers)?;
            Ok(Some(Head { request, bytes }))
        }
        Ok(Status::Partial) if window.len() == HEAD_BYTES_MAX => Err(Refusal::HeadTooLarge),
        Ok(Status::Partial) => Ok(None),
        Err(Error::TooManyHeaders) => Err(Refusal::HeadTooLarge),
        Err(_) => Err(Refusal::BadRequest("this port speaks HTTP/1.1 and WebSocket")),
    }
}

fn extract<'a>(
    method: Option<&'a str>,
    target: Option<&'a str>,
    version: Option<u8>,
    headers: &[Header<'a>],
) -> Result<Request<'a>, Refusal> {
    let (path, query) = split_target(target.unwrap_or_default())?;
    let is_http_1_1 = version == Some(1);
    let mut request = Request {
        method: method.unwrap_or_default(),
        path,
        query,
        is_http_1_1,
        host: None,
        connection_upgrade: false,
        upgrade_websocket: false,
        websocket_version: None,
        websocket_key: None,
        accepts_gzip: false,
        if_none_match: None,
        origin: None,
        bearer: None,
        x_forwarded_for: Vec::new(),
        forwarded: Vec::new(),
    };
    let mut authorization = None;
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("host") {
            set_once(&mut request.host, header, "Host")?;
        } else if is("connection") {
            request.connection_upgrade |= lists(header.value, "upgrade");
        } else if is("upgrade") {
            request.upgrade_websocket |= lists(header.value, "websocket");
        } else if is("sec-websocket-version") {
            set_once(&mut request.websocket_version, header, "Sec-WebSocket-Version")?;
        } else if is("sec-websocket-key") {
            set_once(&mut request.websocket_key, header, "Sec-WebSocket-Key")?;
        } else if is("accept-encoding") {
            request.accepts_gzip |= accepts_gzip(header.value);
        } else if is("if-none-match") {
            request.if_none_match = std::str::from_utf8(header.value).ok();
        } else if is("origin") {
            set_once(&mut request.origin, header, "Origin")?;
        } else if is("authorization") {
            set_once(&mut authorization, header, "Authorization")?;
            let parts = authorization.and_then(|value| value.split_once(' '));
            let token = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            request.bearer = token.map(|(_, token)| token.trim());
        } else if is("x-forwarded-for") {
            // Bytes that are no text are no address: whoever wrote them is not believed.
            request.x_forwarded_for.push(std::str::from_utf8(header.value).unwrap_or("?"));
        } else if is("forwarded") {
            request.forwarded.push(std::str::from_utf8(header.value).unwrap_or("?"));
        }
    }
    if is_http_1_1 && request.host.is_none() {
        return Err(Refusal::BadRequest("the Host header is missing"));
    }
    Ok(request)
}

/// Path and query of a request target in origin-form, or in the absolute-form that proxies send (RFC 9112 section 3.2).
fn split_target(target: &str) -> Result<(&str, &str), Refusal> {
    let origin = match target.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
        {
            match rest.find(['/', '?']).and_then(|at| rest.get(at..)) {
                Some(origin) if origin.starts_with('/') => origin,
                // No path is the path `/`.
                Some(query) => return Ok(("/", query.trim_start_matches('?'))),
                None => "/",
            }
        }
        _ => target,
    };
    if !origin.starts_with('/') {
        return Err(Refusal::BadRequest("the request target must be a path"));
    }
    Ok(origin.split_once('?').unwrap_or((origin, "")))
}

fn set_once<'a>(place: &mut Option<&'a str>, header: &Header<'a>, name: &'static str) -> Result<(), Refusal> {
    let value = std::str::from_utf8(header.value).ok().filter(|_| place.is_none());
    *place = Some(value.ok_or(Refusal::BadHeader(name))?.trim());
    Ok(())
}

/// Whether a list of encodings has gzip, with a weight that is not 0 (RFC 9110 section 12.4.2).
fn accepts_gzip(value: &[u8]) -> bool {
    String::from_utf8_lossy(value).split(',').any(|item| {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=');
        let is_refused = weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0);
        coding.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

/// Whether a comma-separated header value has this token, in any case (RFC 9110 section 5.6.1).
fn lists(value: &[u8], token: &str) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "GET /signaling?a=b HTTP/1.1\r\nHost: box:3000\r\nConnection: keep-alive, Upgrade\r\n\
        Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    #[test]
    fn a_head_is_found_wherever_it_is_cut() {
        let whole = format!("{UPGRADE}\u{1}\u{2}rest");
        for end in 0..UPGRADE.len() {
            assert_eq!(parse(&whole.as_bytes()[..end]), Ok(None), "{end} bytes are not a head");
        }
        let head = parse(whole.as_bytes()).unwrap().unwrap();
        assert_eq!(head.bytes, UPGRADE.len());
        let request = head.request;
        assert_eq!((request.method, request.path, request.query), ("GET", "/signaling", "a=b"));
        assert_eq!(request.host, Some("box:3000"));
        assert!(request.is_http_1_1 && request.connection_upgrade && request.upgrade_websocket);
        assert_eq!(request.websocket_version, Some("13"));
        assert_eq!(request.websocket_key, Some("dGhlIHNhbXBsZSBub25jZQ=="));
    }

    #[test]
    fn tokens_are_whole_words_in_any_header_of_the_name() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nconnection: x ,upgrade\r\nUpgrade: websocketx\r\n\r\n";
        let request = parse(head).unwrap().unwrap().request;
        assert!(request.connection_upgrade);
        assert!(!request.upgrade_websocket);
    }

    #[test]
    fn gzip_is_accepted_only_if_it_is_listed_and_not_refused() {
        for (header, expected) in [
            ("", false),
            ("Accept-Encoding: gzip, deflate, br\r\n", true),
            ("Accept-Encoding: br;q=1.0, GZIP;q=0.8\r\n", true),
            ("Accept-Encoding: gzip;q=0\r\n", false),
            ("Accept-Encoding: gzip; q=0.0\r\n", false),
            ("Accept-Encoding: xgzip\r\n", false),
            ("Accept-Encoding: identity\r\n", false),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n");
            assert_eq!(parse(head.as_bytes()).unwrap().unwrap().request.accepts_gzip, expected, "{header}");
        }
    }

    #[test]
    fn absolute_targets_are_cut_to_their_path() {
        for (target, path) in [
            ("http://box:3000/.ok", "/.ok"),
            ("HTTP://box/.ok", "/.ok"),
            ("http://box", "/"),
            ("http://box?x=/signaling", "/"),
            ("/a//b", "/a//b"),
        ] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: box\r\n\r\n");
            assert_eq!(parse(head.as_bytes()).unwrap().unwrap().request.path, path);
        }
    }

    #[test]
    fn what_is_not_a_head_is_refused_with_the_reason() {
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(64));
        let huge = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {}", "x".repeat(HEAD_BYTES_MAX));
        assert_eq!(parse(many.as_bytes()), Err(Refusal::HeadTooLarge));
        assert_eq!(parse(huge.as_bytes()), Err(Refusal::HeadTooLarge));
        for bad in [
            "\x16\x03\x01",
            "hello\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert!(matches!(parse(bad.as_bytes()), Err(Refusal::BadRequest(_))), "{bad:?}");
        }
        let no_host = parse(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(no_host, Err(Refusal::BadRequest("the Host header is missing")));
        let two_hosts = parse(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
        assert_eq!(two_hosts, Err(Refusal::BadHeader("Host")));
        let bytes = parse(b"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: \xff\r\n\r\n");
        assert_eq!(bytes, Err(Refusal::BadHeader("Sec-WebSocket-Key")));
    }
}
