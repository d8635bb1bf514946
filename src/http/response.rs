//! Answers as bytes. What is refused, with which status, headers and words, stands in one `match`.

use std::fmt::Write;

const TEXT: &str = "text/plain; charset=utf-8";

/// Why a request gets no page and no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not HTTP, or not enough of it; says what is wrong.
    BadRequest(&'static str),
    /// This header is there twice or is not text.
    BadHeader(&'static str),
    /// Only over TLS.
    TlsRequired,
    /// The credential that the upgrade carries opens nothing, or there is none where one is needed.
    Unauthorized,
    /// Too many connections from there, or too many wrong credentials: come again in so many seconds.
    TooMany(u64),
    /// Nothing is at that path.
    NotFound,
    /// The head did not arrive in time.
    Timeout,
    /// Only GET and HEAD are served.
    MethodNotAllowed,
    /// The path speaks WebSocket version 13 only.
    UpgradeRequired,
    /// More than 8 KiB or 64 headers.
    HeadTooLarge,
    /// As many clients as there may be.
    Full,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.parts().0
    }

    /// The answer. Its body says what was wrong and what would be right.
    pub fn response(self) -> Vec<u8> {
        let (status, headers, text) = self.parts();
        let text = match self {
            Self::BadHeader(name) => format!("the header {name} must be there once, as text\n"),
            _ => format!("{text}\n"),
        };
        if let Self::TooMany(seconds) = self {
            return response(status, &format!("Retry-After: {seconds}\r\n"), TEXT, text.as_bytes());
        }
        response(status, headers, TEXT, text.as_bytes())
    }

    fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest(text) => (400, "", text),
            Self::BadHeader(_) => (400, "", ""),
            Self::TlsRequired => (403, "", "this server wants TLS: use https:// or wss:// (require_tls)"),
            Self::Unauthorized => (
                401,
                "WWW-Authenticate: Bearer\r\n",
                "a key or token is needed: ?token=..., Authorization: Bearer, or in the first message",
            ),
            Self::TooMany(_) => {
                (429, "", "too many connections or wrong keys from your address, try again later")
            }
            Self::NotFound => (404, "", "nothing is here; / says what is"),
            Self::MethodNotAllowed => (405, "Allow: GET, HEAD\r\n", "only GET and HEAD are served"),
            Self::Timeout => (408, "", "the request did not arrive in time"),
            Self::UpgradeRequired => (
                426,
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                "this path speaks WebSocket, version 13 (RFC 6455)",
            ),
            Self::HeadTooLarge => (431, "", "the request head may have 8192 bytes and 64 headers"),
            Self::Full => (503, "Retry-After: 10\r\n", "all places are taken, try again later"),
        }
    }
}

/// A 200 with a page in HTML.
pub fn page(html: &str) -> Vec<u8> {
    resource("text/html; charset=utf-8", "", html.as_bytes())
}

/// A 200 with whatever it is. `headers` are whole lines.
pub fn resource(content_type: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    response(200, headers, content_type, body)
}

/// An answer in JSON. `headers` are whole lines.
pub fn json(status: u16, headers: &str, text: &str) -> Vec<u8> {
    response(status, headers, "application/json", format!("{text}\n").as_bytes())
}

/// What Prometheus asks for, in its text format.
pub fn metrics(text: &str) -> Vec<u8> {
    response(200, "", "text/plain; version=0.0.4; charset=utf-8", text.as_bytes())
}

/// A 307 to the same thing over https; `location` has no line ends in it.
pub fn redirect(location: &str) -> Vec<u8> {
    let text = format!("this server is reached at {location}\n");
    response(307, &format!("Location: {location}\r\n"), TEXT, text.as_bytes())
}

/// A 403 that says why.
pub fn forbidden(why: &str) -> Vec<u8> {
    response(403, "", TEXT, format!("{why}\n").as_bytes())
}

/// A 404 in the words of the caller, who knows what is there.
pub fn not_found(text: &str) -> Vec<u8> {
    let (status, headers, _) = Refusal::NotFound.parts();
    response(status, headers, TEXT, text.as_bytes())
}

/// A 200 that says only that the server is well.
pub fn ok() -> Vec<u8> {
    response(200, "", TEXT, b"")
}

/// Leaves only the head of a response: the answer to a HEAD request (RFC 9110 section 9.3.2).
pub fn head_only(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    bytes.truncate(end);
    bytes
}

/// The 101 that turns the connection into a WebSocket (RFC 6455 section 4.2.2).
pub fn switching_protocols(accept: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

/// What a page of ours may do (Content Security Policy level 3): load what is here, connect to here, and to https for finding out whether it is
/// trusted.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self' https:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The same for files that may stay in a browser's cache: no style of theirs is inline, and they need sound and pictures.
const ASSET_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; \
     connect-src 'self' ws: wss: https:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A file that browsers may keep, as long as they ask each time whether it is still the same.
#[derive(Debug)]
pub struct Cached {
    /// What it is.
    pub content_type: &'static str,
    /// Which state of it.
    pub etag: &'static str,
    /// Whether the body is packed.
    pub is_gzip: bool,
}

/// A 200 with such a file.
pub fn cached(file: &Cached, body: &[u8]) -> Vec<u8> {
    let encoding = if file.is_gzip { "Content-Encoding: gzip\r\n" } else { "" };
    let headers = format!(
        "Cache-Control: no-cache\r\nETag: {}\r\nVary: Accept-Encoding\r\n{encoding}\
         Permissions-Policy: camera=(self), microphone=(self), fullscreen=(self), screen-wake-lock=(self), display-capture=(), \
         geolocation=(), payment=(), usb=()\r\n\
         Content-Security-Policy: {ASSET_POLICY}\r\n",
        file.etag
    );
    write_response(200, &headers, file.content_type, body)
}

/// A 304: what the browser has is still it.
pub fn not_modified(file: &Cached) -> Vec<u8> {
    format!(
        "HTTP/1.1 304 Not Modified\r\nCache-Control: no-cache\r\nETag: {}\r\nVary: Accept-Encoding\r\nConnection: close\r\n\r\n",
        file.etag
    )
    .into_bytes()
}

fn response(status: u16, headers: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let headers = format!("{headers}Cache-Control: no-store\r\nContent-Security-Policy: {PAGE_POLICY}\r\n");
    write_response(status, &headers, content_type, body)
}

fn write_response(status: u16, headers: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(512 + headers.len() + body.len());
    let connection = if status == 426 { "Upgrade, close" } else { "close" };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "HTTP/1.1 {status} {reason}\r\n{headers}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Connection: {connection}\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\r\n",
        reason = reason_phrase(status),
        length = body.len(),
    );
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Refusal; 11] = [
        Refusal::Unauthorized,
        Refusal::TooMany(30),
        Refusal::TlsRequired,
        Refusal::BadRequest("the reason why"),
        Refusal::BadHeader("Host"),
        Refusal::NotFound,
        Refusal::MethodNotAllowed,
        Refusal::Timeout,
        Refusal::UpgradeRequired,
        Refusal::HeadTooLarge,
        Refusal::Full,
    ];

    #[test]
    fn every_refusal_is_a_whole_response_with_words() {
        for refusal in ALL {
            let bytes = refusal.response();
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut parsed = httparse::Response::new(&mut headers);
            let head = parsed.parse(&bytes).unwrap().unwrap();
            assert_eq!(parsed.code, Some(refusal.status()));
            assert_ne!(parsed.reason, Some(""), "{refusal:?} needs a reason phrase");
            let length = parsed.headers.iter().find(|h| h.name == "Content-Length").unwrap().value;
            assert_eq!(std::str::from_utf8(length).unwrap(), (bytes.len() - head).to_string());
            assert!(bytes.len() > head + 5, "{refusal:?} says nothing");
        }
    }

    #[test]
    fn a_head_request_gets_the_length_without_the_body() {
        let bytes = head_only(page("<p>"));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("Content-Length: 3\r\n") && text.ends_with("\r\n\r\n"));
    }
}
