//! What browsers and machines ask for by HTTP.

use crate::{door::Door, guest};
use rand::{RngExt, rngs::StdRng};

/// What is asked for, and the status of the answer.
const PAGES: [(&str, &str); 14] = [
    ("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n", "200"),
    ("GET / HTTP/1.1\r\nHost: a\r\n", "200"),
    ("GET /about HTTP/1.1\r\nHost: a\r\n", "200"),
    ("GET /suzu.js HTTP/1.1\r\nHost: a\r\n", "200"),
    ("GET /diagnostics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n", "200"),
    ("GET /trust HTTP/1.1\r\nHost: a\r\n", "200"),
    ("GET /metrics HTTP/1.1\r\nHost: a\r\n", "200"),
    ("GET /.ok HTTP/1.1\r\nHost: a\r\n", "200"),
    ("HEAD /.ok HTTP/1.1\r\nHost: a\r\n", "200"),
    ("GET /nowhere HTTP/1.1\r\nHost: a\r\n", "404"),
    ("GET /signaling HTTP/1.1\r\nHost: a\r\n", "426"),
    ("GET /mesh HTTP/1.1\r\nHost: evil.example\r\n", "403"),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n", "405"),
    ("nonsense\r\n", "400"),
];

pub(super) fn some(door: &Door, random: &mut StdRng, _: &str) {
    for _ in 0..random.random_range(1..6) {
        let (request, status) = PAGES[random.random_range(0..PAGES.len())];
        let is_secure = random.random();
        let mut wire = guest::connect(door, random, is_secure);
        wire.send(format!("{request}\r\n").as_bytes());
        let answer = wire.rest();
        let is_it = answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes());
        assert!(is_it, "{request:?}: {}", String::from_utf8_lossy(&answer));
    }
}
