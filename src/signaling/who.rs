//! Who a peer is to those who read logs, and the lines about how sessions begin and end: here its names are known until the last moment.

use super::{Close, Dialect, Hub, PeerId, Refusal, Register, ids::Ulid, roster::PeerEntry, session::State};
use std::{fmt, time::Duration};

/// The id that the server gave a session, shown as the ULID that it is; nothing while there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionId(Option<Ulid>);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |id| id.fmt(f))
    }
}

/// What is known of a peer; empty where nothing is. Borrowed: to ask costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Who<'a> {
    /// The protocol that it speaks; `None` if it is not there.
    pub dialect: Option<Dialect>,
    /// The room in which it has a seat or wants one.
    pub room: &'a str,
    /// What it calls itself there.
    pub client: &'a str,
    /// What it is called in `accept` and by webhooks.
    pub connection_id: ConnectionId,
}

impl<'a> Who<'a> {
    fn applicant(register: &'a Register, connection_id: Ulid) -> Self {
        Self { connection_id: ConnectionId(Some(connection_id)), ..Self::of(register) }
    }

    fn of(register: &'a Register) -> Self {
        let client = register.client_id().unwrap_or_default();
        Self {
            dialect: Some(Dialect::Ayame),
            room: register.room_id(),
            client,
            connection_id: ConnectionId::default(),
        }
    }
}

impl Hub {
    /// Who this peer is.
    pub fn who(&self, peer: PeerId) -> Who<'_> {
        let Some(session) = self.peers.get(peer) else { return Who::default() };
        if let State::ExpectVerdict { applicant } | State::ExpectSeat { applicant } = &session.state {
            return Who::applicant(&applicant.register, applicant.connection_id);
        }
        let PeerEntry { dialect, room, client, .. } = self.entry(peer, session);
        Who {
            dialect: Some(dialect),
            room: room.unwrap_or_default(),
            client: client.unwrap_or_default(),
            connection_id: ConnectionId(session.ayame_seat().map(|seat| seat.connection_id)),
        }
    }

    /// A peer has taken its seat.
    pub(super) fn log_joined(&self, peer: PeerId) {
        let Who { room, client, connection_id, .. } = self.who(peer);
        log::debug!(connection:% = peer, room, client, connection_id:%; "joined");
    }

    /// A peer is about to be let go, or its socket has ended. Its own fault is worth a line, unless there is one already.
    pub(super) fn log_end(&self, peer: PeerId, close: Option<Close>) {
        let Who { dialect: Some(_), room, client, connection_id } = self.who(peer) else { return };
        let Some(close) = close else {
            log::debug!(connection:% = peer, room, client, connection_id:%; "left");
            return;
        };
        let is_known = matches!(close, Close::Refused(Refusal::Unauthorized) | Close::Overflow);
        let level = if close.is_fault() && !is_known { log::Level::Info } else { log::Level::Debug };
        let (code, reason) = (close.code(), close.label());
        log::log!(level, connection:% = peer, room, client, reason, connection_id:%; "closed with {code}");
    }

    /// An Ayame client gets no seat, and hears so after `delay`.
    pub(super) fn log_rejected(
        &self,
        level: log::Level,
        peer: PeerId,
        register: &Register,
        reason: &str,
        delay: Duration,
    ) {
        let Who { room, client, .. } = Who::of(register);
        let delay_ms = Some(delay.as_millis() as u64).filter(|delay| *delay > 0);
        log::log!(level, connection:% = peer, room, client, reason, delay_ms; "rejected");
    }
}
