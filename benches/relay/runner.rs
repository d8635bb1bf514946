//! A server together with the crowd that it serves.

use super::{contender::Contender, load::Crowd};

pub(crate) struct Runner {
    // First, so that the clients are gone before the server is.
    pub(crate) crowd: Crowd,
    pub(crate) contender: Contender,
}

impl Runner {
    pub(crate) fn new(contender: Contender, clients: usize) -> Self {
        Self { crowd: Crowd::new(&contender, clients), contender }
    }
}
