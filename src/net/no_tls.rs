//! What stands in for TLS in a build without it: types of which there is no value, so that nobody above has to ask which build this is.

use super::{
    certificates::{AuthorityCertificate, Host, Source},
    socket::Socket,
    stream::Received,
};
use std::io;

/// The certificates in force: there are none.
#[derive(Debug)]
pub enum Tls {}

/// One peer's TLS: there is none.
#[derive(Debug)]
pub enum Session {}

#[expect(missing_docs, reason = "each is documented where it does something, in tls")]
#[expect(clippy::missing_errors_doc, reason = "likewise")]
impl Tls {
    pub fn start(_: &Source, _: &Host, _: u64) -> Result<Self, String> {
        Err("this suzu was built without TLS; allowed: tls = off".to_owned())
    }

    pub fn session(&self) -> Result<Session, String> {
        match *self {}
    }

    pub fn refresh(&mut self, _: &Host, _: u64) {
        match *self {}
    }

    pub fn reload(&mut self, _: &Host, _: u64) {
        match *self {}
    }

    pub fn not_after(&self) -> u64 {
        match *self {}
    }

    pub fn authority(&self) -> Option<AuthorityCertificate> {
        match *self {}
    }
}

#[expect(missing_docs, reason = "each is documented where it does something, in tls::session")]
#[expect(clippy::missing_errors_doc, reason = "likewise")]
impl Session {
    pub const BYTES_MAX: usize = 0;

    pub fn is_established(&self) -> bool {
        match *self {}
    }

    pub fn is_resumed(&self) -> bool {
        match *self {}
    }

    pub fn has_unsent(&self) -> bool {
        match *self {}
    }

    pub fn receive(&mut self, _: &mut Socket, _: &mut [u8]) -> io::Result<Option<Received>> {
        match *self {}
    }

    pub fn send(&mut self, _: &mut Socket, _: &[u8]) -> io::Result<Option<usize>> {
        match *self {}
    }

    pub fn flush(&mut self, _: &mut Socket) -> io::Result<bool> {
        match *self {}
    }

    pub fn finish(&mut self, _: &mut Socket) {
        match *self {}
    }
}
