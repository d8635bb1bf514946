//! What stands in for [`Trust`] in a build without TLS: there is nothing to trust.

/// Where it would be.
pub const PATHS: [&str; 0] = [];

/// What is needed to trust this server's authority: there is none.
#[derive(Debug)]
pub enum Trust {}

#[expect(missing_docs, reason = "each is documented where it does something, in trust")]
impl Trust {
    pub fn new(_: String, _: Vec<u8>, _: String, _: [u8; 32]) -> Option<Self> {
        None
    }

    pub(super) fn has(&self, _: &str) -> bool {
        match *self {}
    }

    pub(super) fn answer(&self, _: &str, _: &str) -> Vec<u8> {
        match *self {}
    }
}
