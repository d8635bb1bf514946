//! What WebSockets need while something is under way on them, which is rarely: made when it is needed, and kept for the next one.
//!
//! tungstenite's buffers never shrink, and to make new ones for each message is dear where the allocator gives memory back at once (musl's: three system calls
//! for each 3 KB). So those of a few contexts go from one WebSocket to the next, and those that are silent have none.

use super::websocket::Limits;
use std::{cell::RefCell, fmt};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

/// tungstenite reads in pieces of this size.
const READ_BYTES: usize = 1024;
/// How many are kept. As many connections, and no more, are served in a turn, so that there is one for each that is written to.
pub const SPARE_MAX: usize = 32;
/// How many are kept while clients have nothing to say.
const SPARE_AT_REST: usize = 2;
/// Whoever had more than this to read or to write at a time has made its buffers too large to be kept.
const SPARE_BYTES_MAX: u32 = 4 * 1024;

/// tungstenite's state machine, while part of a message has come, or something waits to be written, or a close is under way.
#[derive(Debug)]
pub(super) struct Busy {
    pub(super) context: WebSocketContext,
    /// Bytes that tungstenite has taken in and of which no message has come out yet; never fewer than that. Of fragments it is more, for good.
    pub(super) pending: u32,
    /// Bytes that wait to be written, heads aside, if anything does.
    pub(super) queued: Option<u32>,
    /// That may be an answer for which there was no room in the queue: tungstenite keeps it until there is.
    pub(super) owes_answer: bool,
    is_large: bool,
}

impl Busy {
    /// So many bytes more went in.
    pub(super) fn take_in(&mut self, bytes: usize) {
        self.pending = self.pending.saturating_add(bytes_u32(bytes));
        self.is_large |= self.pending > SPARE_BYTES_MAX;
    }

    /// A message of so many bytes came out.
    pub(super) fn give_out(&mut self, payload: usize) {
        self.pending = self.pending.saturating_sub(bytes_u32(frame_bytes(payload)));
    }

    /// So many bytes more wait to be written.
    pub(super) fn queue(&mut self, payload: usize) {
        let queued = self.queued.unwrap_or_default().saturating_add(bytes_u32(payload));
        self.queued = Some(queued);
        self.is_large |= queued > SPARE_BYTES_MAX;
    }

    /// Whether there is nothing in it that another WebSocket would not begin with.
    pub(super) fn is_at_rest(&self) -> bool {
        self.pending == 0 && self.queued.is_none() && self.context.can_read() && self.context.can_write()
    }
}

/// The contexts that nobody needs at the moment, and how new ones are made.
pub struct Contexts {
    limits: Limits,
    // Boxed, because they move about.
    #[expect(clippy::vec_box, reason = "a WebSocket at rest is to be small")]
    spare: RefCell<Vec<Box<Busy>>>,
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Contexts {
    /// The most memory, in bytes, that those take which nobody needs.
    pub const SPARE_BYTES: usize =
        SPARE_MAX * (size_of::<Busy>() + 2 * READ_BYTES + 4 * SPARE_BYTES_MAX as usize + 256);

    /// The most memory, in bytes, that one takes while it is needed.
    pub(super) const fn bytes_max(limits: Limits) -> usize {
        // A frame being read and a message being put together, each in a buffer that doubles as it grows; and the
        // outgoing queue, likewise.
        size_of::<Busy>()
            + 2 * (READ_BYTES + limits.max_message_bytes)
            + 2 * limits.max_message_bytes
            + 2 * limits.max_queue_bytes
    }

    /// For WebSockets with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, spare: RefCell::new(Vec::with_capacity(SPARE_MAX)) }
    }

    /// How much one connection may keep.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The bound of the outgoing queue. tungstenite wants it to differ from the length at which it would write by itself.
    pub(super) fn queue_bound(&self) -> usize {
        self.limits.max_queue_bytes.saturating_add(1)
    }

    pub(super) fn take(&self) -> Box<Busy> {
        let one = self.spare.borrow_mut().pop();
        one.unwrap_or_else(|| self.make())
    }

    /// Takes back one that is at rest.
    pub(super) fn give_back(&self, busy: Box<Busy>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_MAX && !busy.is_large {
            spare.push(busy);
        }
    }

    /// Frees most of those that nobody needs: a tick that pings all clients at once leaves all that may be kept.
    pub fn trim(&self) {
        self.spare.borrow_mut().truncate(SPARE_AT_REST);
    }

    fn make(&self) -> Box<Busy> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(self.limits.max_queue_bytes)
            .max_write_buffer_size(self.queue_bound())
            .max_message_size(Some(self.limits.max_message_bytes))
            .max_frame_size(Some(self.limits.max_message_bytes));
        let context = WebSocketContext::new(Role::Server, Some(config));
        Box::new(Busy { context, pending: 0, queued: None, owes_answer: false, is_large: false })
    }
}

/// No more than the shared buffer or a message, which are far from this.
fn bytes_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What a message of so many bytes takes in one masked frame, at least.
fn frame_bytes(payload: usize) -> usize {
    let length = match payload {
        0..126 => 0,
        126..65_536 => 2,
        _ => 8,
    };
    6 + length + payload
}
