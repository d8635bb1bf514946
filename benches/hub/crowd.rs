//! Those who are there while others are measured.

use crate::{speech::Speech, stage::Stage};
use suzu::signaling::PeerId;

/// All who talk differently.
pub(crate) const SPEECHES: [Speech; 4] =
    [Speech::Ayame, Speech::MeshWithFrom, Speech::MeshWithoutFrom, Speech::Relay];
/// Those who come and go differently.
pub(crate) const DIALECTS: [Speech; 3] = [Speech::Ayame, Speech::MeshWithFrom, Speech::Relay];
/// How many are there.
pub(crate) const CLIENTS: [usize; 3] = [100, 1_000, 10_000];

/// So many clients, two a room, each with the ids `a` and `b`.
pub(crate) fn seat(stage: &mut Stage, speech: Speech, clients: usize) -> Vec<PeerId> {
    (0..clients)
        .map(|n| {
            let peer = stage.reserve();
            let id = if n % 2 == 0 { "a" } else { "b" };
            speech.join(stage, peer, &speech.entry(&format!("room {}", n / 2), id));
            peer
        })
        .collect()
}
