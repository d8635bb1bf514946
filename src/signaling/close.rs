//! Why a peer is let go: its close code, and the words for the client and the log.

/// Why the core lets a peer go. [`Close::code`], [`Close::reason`] and [`Close::label`] say the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It said something that the dialect answers by closing, without an error message.
    Misspoke(Misspoke),
    /// It sent a binary message to a dialect of text.
    Binary,
    /// It was told why in a `reject`.
    Rejected,
    /// It was refused, with this code of the dialect's error messages.
    Refused(Refusal),
    /// The other seat ended, and with it the room.
    RoomEnded,
    /// It said that it leaves.
    Left,
    /// Somebody else needed the seat, and it was silent or the same client came again.
    Evicted,
    /// It does not read, and its queue is full.
    Overflow,
    /// It did not register in time.
    RegisterTimeout,
    /// It answered no ping in time.
    PongTimeout,
    /// It sent nothing at all in time.
    ReadTimeout,
    /// Whoever looks after the server wants it gone.
    Dismissed,
    /// The server is stopping.
    Stopping,
}

impl Close {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Misspoke(Misspoke::NotAMessage),
        Self::Misspoke(Misspoke::UnknownType),
        Self::Misspoke(Misspoke::NotRegistered),
        Self::Misspoke(Misspoke::RegisteredTwice),
        Self::Misspoke(Misspoke::NoRoomId),
        Self::Binary,
        Self::Rejected,
        Self::Refused(Refusal::Unauthorized),
        Self::Refused(Refusal::RoomFull),
        Self::Refused(Refusal::NoRoomLeft),
        Self::Refused(Refusal::IdTaken),
        Self::Refused(Refusal::RoomNameTooLong),
        Self::RoomEnded,
        Self::Left,
        Self::Evicted,
        Self::Overflow,
        Self::RegisterTimeout,
        Self::PongTimeout,
        Self::ReadTimeout,
        Self::Dismissed,
        Self::Stopping,
    ];

    /// Which of [`Close::ALL`]: whoever adds one here adds it there.
    pub fn place(self) -> usize {
        match self {
            Self::Misspoke(how) => how as usize,
            Self::Binary => 5,
            Self::Rejected => 6,
            Self::Refused(refusal) => 7 + refusal as usize,
            Self::RoomEnded => 12,
            Self::Left => 13,
            Self::Evicted => 14,
            Self::Overflow => 15,
            Self::RegisterTimeout => 16,
            Self::PongTimeout => 17,
            Self::ReadTimeout => 18,
            Self::Dismissed => 19,
            Self::Stopping => 20,
        }
    }

    /// The WebSocket close code (RFC 6455 section 7.4.1; which one when: protocols.md section 1).
    pub fn code(self) -> u16 {
        match self {
            Self::Stopping => 1001,
            Self::Binary => 1003,
            Self::RegisterTimeout | Self::Refused(_) | Self::Overflow | Self::Dismissed => 1008,
            _ => 1000,
        }
    }

    /// The reason in the close frame. Empty where Ayame's is empty.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Stopping => "the server is stopping",
            Self::Dismissed => "dismissed",
            Self::Binary => "this endpoint takes text messages only",
            Self::RegisterTimeout => "no register in time",
            Self::Refused(refusal) => refusal.code(),
            _ => "",
        }
    }

    /// A word for logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Misspoke(how) => how.label(),
            Self::Binary => "binary message",
            Self::Rejected => "rejected",
            Self::Refused(refusal) => refusal.code(),
            Self::RoomEnded => "room ended",
            Self::Left => "left",
            Self::Evicted => "evicted",
            Self::Overflow => "queue full",
            Self::RegisterTimeout => "no register in time",
            Self::PongTimeout => "no pong in time",
            Self::ReadTimeout => "silent too long",
            Self::Dismissed => "dismissed",
            Self::Stopping => "server stopping",
        }
    }

    /// Whether the peer is to blame, which makes it worth a line in the log.
    pub fn is_fault(self) -> bool {
        match self {
            Self::Misspoke(_) | Self::Binary | Self::Refused(_) | Self::Overflow => true,
            Self::RegisterTimeout | Self::PongTimeout | Self::ReadTimeout | Self::Evicted => true,
            Self::Rejected | Self::RoomEnded | Self::Left | Self::Dismissed | Self::Stopping => false,
        }
    }
}

/// Why a peer cannot stay, in the words of protocols.md section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No key or token, or none that opens the room.
    Unauthorized,
    /// Every seat of the room is taken.
    RoomFull,
    /// There are as many rooms as there may be.
    NoRoomLeft,
    /// Somebody else has this id.
    IdTaken,
    /// The room's name is longer than it may be.
    RoomNameTooLong,
}

impl Refusal {
    /// The `code` of an error message, and the reason of the close frame.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::RoomFull => "room-full",
            Self::NoRoomLeft => "no-room-left",
            Self::IdTaken => "id-taken",
            Self::RoomNameTooLong => "too-large",
        }
    }

    /// The `message` of an error message.
    pub fn message(self) -> &'static str {
        match self {
            Self::Unauthorized => "this room takes a key or token, and the one given does not open it",
            Self::RoomFull => "every seat of this room is taken",
            Self::NoRoomLeft => "this server has as many rooms as it may have",
            Self::RoomNameTooLong => "the name of the room is too long (max_id_bytes)",
            Self::IdTaken => "another client in this room has this id, and the session given is not its own",
        }
    }
}

/// What was wrong with a message that is answered by closing (protocols.md section 1, point 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misspoke {
    /// Not JSON, or JSON that is not an object with a `type` string, or a field of the wrong type.
    NotAMessage,
    /// A `type` that this dialect does not have.
    UnknownType,
    /// A message that needs a seat, from a peer without one.
    NotRegistered,
    /// A second register.
    RegisteredTwice,
    /// A register without a room.
    NoRoomId,
}

impl Misspoke {
    fn label(self) -> &'static str {
        match self {
            Self::NotAMessage => "not a message: a JSON object with a type was expected",
            Self::UnknownType => "unknown message type",
            Self::NotRegistered => "a message before accept",
            Self::RegisteredTwice => "a second register",
            Self::NoRoomId => "a register without roomId",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_place_and_a_label_of_its_own() {
        for (place, close) in Close::ALL.into_iter().enumerate() {
            assert_eq!(close.place(), place, "{close:?}");
            assert!(
                Close::ALL.iter().filter(|other| other.label() == close.label()).count() == 1,
                "{close:?}"
            );
        }
    }
}
