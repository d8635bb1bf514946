//! Clients over Unix sockets.

use super::{server::DEADLINE, wire::Wire};
use serde_json::Value;
use std::{os::unix::net::UnixStream, path::Path};

/// A connection on which nothing was said yet.
pub fn connect(path: &Path) -> Wire<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    Wire::over(stream)
}

/// Asks what those ask who look after the server, such as `GET /rooms`: the status and the answer.
pub fn ask(path: &Path, line: &str) -> (u16, Value) {
    let text = connect(path).exchange(format!("{line} HTTP/1.1\r\nHost: suzu\r\n\r\n").as_bytes());
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {text:?}"));
    assert!(head.contains("Content-Type: application/json"), "{line}: {head}");
    (
        head[9..12].parse().unwrap(),
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{line}: {error}: {body}")),
    )
}
