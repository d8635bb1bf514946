//! What stands in for https in a build without TLS: types of which there is no value. An https URL is refused long before.

use super::url::Host;
use mio::net::TcpStream;
use std::{io, path::Path};

/// What all https connections share: nothing.
#[derive(Debug)]
pub(super) enum Secure {}

/// One connection's TLS: there is none.
#[derive(Debug)]
pub(super) enum Session {}

impl Secure {
    pub(super) fn load(_: Option<&Path>, _: u64) -> Result<Self, String> {
        Err("this suzu was built without TLS; allowed: http://".to_owned())
    }

    pub(super) fn set_time(&self, _: u64) {
        match *self {}
    }

    pub(super) fn session(&self, _: &Host) -> Result<Session, String> {
        match *self {}
    }
}

impl Session {
    pub(super) const BYTES_MAX: usize = 0;

    pub(super) fn is_handshaking(&self) -> bool {
        match *self {}
    }

    pub(super) fn receive(&mut self, _: &mut TcpStream, _: &mut [u8]) -> io::Result<Option<usize>> {
        match *self {}
    }

    pub(super) fn send(&mut self, _: &mut TcpStream, _: &[u8]) -> io::Result<Option<usize>> {
        match *self {}
    }

    pub(super) fn flush(&mut self, _: &mut TcpStream) -> io::Result<bool> {
        match *self {}
    }

    pub(super) fn finish(&mut self, _: &mut TcpStream) {
        match *self {}
    }
}
