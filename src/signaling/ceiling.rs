//! The most memory that a hub can take: its tables, and all that it may keep for its peers.

use super::{
    Hub, Limits, PeerId, hub::seats_max, ice::ICE_BYTES_MAX, mailbox::MailboxSeat, mesh,
    rejections::Rejections, rooms::Rooms, session::Session, token::TOKEN_BYTES_MAX, verdict,
};
use crate::{deadlines::Deadlines, slots::SideTable};

impl Hub {
    /// The most memory, in bytes, that a hub with these limits takes: its tables, and all that its sessions may keep.
    pub fn bytes_max(limits: &Limits) -> usize {
        let tables = SideTable::<Session>::bytes(limits.max_peers)
            + Rooms::bytes(limits.max_rooms, seats_max(limits))
            + mesh::Seats::bytes(limits.max_peers)
            + Deadlines::bytes(limits.max_peers)
            + limits.max_peers * size_of::<PeerId>()
            + Rejections::BYTES;
        tables
            + limits.max_peers * kept_bytes_max(limits)
            // One mailbox message at a time is taken apart into a tree of values: {"":{}} is a node of 632 bytes for five, and the allocator's share.
            + 150 * limits.max_message_bytes
            // One seat's queue at a time is copied, when it grows and when its owner is back.
            + 2 * limits.max_queue_bytes
            + limits.max_rooms * limits.max_id_bytes
    }

    /// The most, in bytes, that may stand in the queue of one connection. A message that is made here may be longer than `max_queue_bytes`, and then it stands
    /// there alone; but what waited for an absent seat of the mesh comes behind the list of its peers.
    pub fn queue_bytes_max(limits: &Limits) -> usize {
        // Values and stored candidates of the mailbox, as strings in which every character may need a backslash.
        let mailbox = 2 * limits.max_message_bytes.max(limits.max_stored_bytes) + limits.max_id_bytes;
        // A name may be all control characters.
        let mesh_peer = mesh::META_BYTES_MAX + 6 * limits.max_id_bytes + mesh::ID_BYTES_MAX + 64;
        let mesh = limits.max_queue_bytes + limits.max_peers_per_room * mesh_peer + ICE_BYTES_MAX;
        // What an authority gives.
        let ayame = if limits.ask_verdict { verdict::ANSWER_BYTES_MAX } else { ICE_BYTES_MAX };
        mailbox.max(mesh).max(ayame) + 256
    }
}

/// The most that is kept for one peer besides its places in the tables, in bytes: whatever its dialect.
fn kept_bytes_max(limits: &Limits) -> usize {
    // A register that waits for a verdict is kept whole, and so is the question about it; afterwards what came with the verdict is.
    let asked = (4 * limits.max_message_bytes).max(verdict::GRANT_BYTES_MAX)
        + 3 * limits.max_id_bytes
        + 2 * ICE_BYTES_MAX;
    let ayame = if limits.ask_verdict { asked } else { 3 * limits.max_id_bytes };
    // Of a seat's queue, texts and their lengths may have grown at different times.
    let mesh =
        mesh::ID_BYTES_MAX + limits.max_id_bytes + mesh::META_BYTES_MAX + limits.max_queue_bytes / 2 * 3;
    let mailbox = size_of::<MailboxSeat>() + limits.max_id_bytes + 2 * limits.max_stored_bytes;
    // A key or token that came with the upgrade, until it is known for which room.
    let credential = TOKEN_BYTES_MAX;
    // A mesh seat may be absent, and its place taken by another client.
    mesh + ayame.max(mailbox) + credential
}
