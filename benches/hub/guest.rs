//! Clients that come for one sample, and are taken out again when its time is taken: divan drops what a benchmark returns after that.

use crate::{speech::Speech, stage::Stage};
use std::cell::RefCell;
use suzu::signaling::PeerId;

pub(crate) struct Guest<'a> {
    stage: &'a RefCell<Stage>,
    peer: PeerId,
}

impl<'a> Guest<'a> {
    /// Somebody who has not come yet.
    pub(crate) fn new(stage: &'a RefCell<Stage>) -> Self {
        let peer = stage.borrow_mut().reserve();
        Self { stage, peer }
    }

    pub(crate) fn join(&self, speech: Speech, entry: &str) {
        speech.join(&mut self.stage.borrow_mut(), self.peer, entry);
    }

    pub(crate) fn leave(&self, speech: Speech) {
        speech.leave(&mut self.stage.borrow_mut(), self.peer);
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.peer
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.stage.borrow_mut().release(self.peer);
    }
}
