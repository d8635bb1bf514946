//! What the hub counts: what only it knows.

use super::{Dialect, Hub, Kind, Refusal, ayame};

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// How many.
    pub messages: u64,
    /// How long they were together.
    pub bytes: u64,
}

/// Messages in one direction, by dialect and kind.
#[derive(Debug, Default)]
pub struct Traffic([[Volume; Kind::COUNT]; Dialect::ALL.len()]);

impl Traffic {
    /// Counts a message.
    pub fn count(&mut self, dialect: Dialect, kind: Kind, bytes: usize) {
        let volume = self.0.get_mut(dialect as usize).and_then(|kinds| kinds.get_mut(kind as usize));
        if let Some(volume) = volume {
            volume.messages += 1;
            volume.bytes += bytes as u64;
        }
    }

    /// What was counted.
    pub fn of(&self, dialect: Dialect, kind: Kind) -> Volume {
        self.0.get(dialect as usize).and_then(|kinds| kinds.get(kind as usize)).copied().unwrap_or_default()
    }
}

/// Why a client got no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Every seat of the room is taken.
    RoomFull,
    /// There are as many rooms as there may be.
    NoRoomLeft,
    /// No key or token, or none that opens the room.
    Unauthorized,
    /// Somebody else has its id.
    IdTaken,
    /// An id or key that is longer than it may be.
    TooLarge,
    /// The authority said no.
    Denied,
    /// The authority gave no verdict.
    Failed,
}

impl Rejection {
    /// How many there are.
    pub const COUNT: usize = Self::Failed as usize + 1;

    /// A word for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::RoomFull => Refusal::RoomFull.code(),
            Self::NoRoomLeft => Refusal::NoRoomLeft.code(),
            Self::Unauthorized => Refusal::Unauthorized.code(),
            Self::IdTaken => Refusal::IdTaken.code(),
            Self::TooLarge => Refusal::RoomNameTooLong.code(),
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized => Self::Unauthorized,
            Refusal::RoomFull => Self::RoomFull,
            Refusal::NoRoomLeft => Self::NoRoomLeft,
            Refusal::IdTaken => Self::IdTaken,
            Refusal::RoomNameTooLong => Self::TooLarge,
        }
    }
}

impl Dialect {
    /// How many seats its rooms have where others have so many; `None` if it has no rooms.
    pub fn seats(self, others: usize) -> Option<usize> {
        match self {
            Self::Ayame => Some(ayame::SEATS),
            Self::Mailbox | Self::Mesh | Self::Chat | Self::Relay => Some(others),
            Self::Echo => None,
        }
    }

    /// Why it rejects clients.
    pub fn rejections(self) -> &'static [Rejection] {
        use Rejection::{Denied, Failed, IdTaken, NoRoomLeft, RoomFull, TooLarge, Unauthorized};
        match self {
            Self::Ayame => &[RoomFull, NoRoomLeft, Unauthorized, TooLarge, Denied, Failed],
            Self::Mesh => &[RoomFull, NoRoomLeft, Unauthorized, IdTaken],
            Self::Mailbox | Self::Chat | Self::Relay => &[RoomFull, NoRoomLeft, Unauthorized, TooLarge],
            Self::Echo => &[Unauthorized],
        }
    }
}

/// Everything since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Messages that came.
    pub received: Traffic,
    /// Clients that got a seat.
    pub accepts: [u64; Dialect::ALL.len()],
    rejects: [[u64; Rejection::COUNT]; Dialect::ALL.len()],
    /// Seats of Ayame's that were taken from a client because it was silent.
    pub silent_evicted: u64,
    /// The same because the same client came again.
    pub returned_evicted: u64,
    /// Mesh clients that took their own seat over while an old connection of theirs still had it.
    pub replaced: u64,
    /// Mesh clients that got their seat back.
    pub resumes: u64,
    /// Absent mesh clients that lost their seat because too much was waiting for it.
    pub absent_overflows: u64,
}

impl Counts {
    /// How many clients of a dialect were rejected for a reason.
    pub fn rejects(&self, dialect: Dialect, why: Rejection) -> u64 {
        self.rejects.get(dialect as usize).and_then(|reasons| reasons.get(why as usize)).copied().unwrap_or(0)
    }

    pub(super) fn accept(&mut self, dialect: Dialect) {
        if let Some(count) = self.accepts.get_mut(dialect as usize) {
            *count += 1;
        }
    }

    pub(super) fn reject(&mut self, dialect: Dialect, why: Rejection) {
        let reasons = self.rejects.get_mut(dialect as usize);
        if let Some(count) = reasons.and_then(|reasons| reasons.get_mut(why as usize)) {
            *count += 1;
        }
    }
}

/// Who is there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Clients, seated or not, by dialect.
    pub clients: [u64; Dialect::ALL.len()],
    /// Rooms with somebody in them.
    pub rooms: [u64; Dialect::ALL.len()],
    /// Seats that are taken.
    pub seats: [u64; Dialect::ALL.len()],
    /// Mesh seats among these that are kept for a client whose connection is lost.
    pub absent: u64,
}

impl Hub {
    /// What was counted since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What the message was that was handled last, for whoever sends it on.
    pub fn arrived(&self) -> Kind {
        self.arrived
    }

    /// Counts who is there: a walk over all tables.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        let add = |counts: &mut [u64; Dialect::ALL.len()], dialect: Dialect, more: u64| {
            if let Some(count) = counts.get_mut(dialect as usize) {
                *count += more;
            }
        };
        for (_, session) in self.peers.iter() {
            add(&mut census.clients, session.dialect, 1);
        }
        for (room, dialect, _) in self.rooms.iter() {
            add(&mut census.rooms, dialect, 1);
            add(&mut census.seats, dialect, self.rooms.peers(room).count() as u64);
        }
        census.absent = self.mesh.iter().filter(|(_, seat)| seat.peer.is_none()).count() as u64;
        census
    }
}
