//! What stands in for the pages in a build without them.

/// One file: there is none.
#[derive(Debug)]
pub enum Asset {}

/// Nothing is at any path.
pub fn find(_: &str) -> Option<&'static Asset> {
    None
}

impl Asset {
    /// The whole response and its status.
    pub fn answer(&self, _: bool, _: Option<&str>) -> (u16, Vec<u8>) {
        match *self {}
    }
}
