//! One row of the loop's table: a connection, and what the loop remembers about it between two turns.

use super::handshakes::Greeting;
use crate::{
    addresses::Place,
    http::{copied::Copied, routes::Purpose},
    net::{connection::Connection, stream::Stream},
    signaling::{
        Dialect, Mono,
        rate::{Bucket, Rate},
    },
    slots::Key,
};
use std::{net::IpAddr, sync::Arc};
use tungstenite::Message;

/// A connection and its marks. Handlers only set marks; later steps of the turn act on them.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) connection: Connection,
    pub(super) address: IpAddr,
    /// Whether the hub knows it: from the upgrade until it is let go.
    pub(super) is_peer: bool,
    /// What it speaks, once it is a peer.
    pub(super) dialect: Option<Dialect>,
    /// It is being told what was counted, and that is not written yet.
    pub(super) is_scrape: bool,
    /// Its place among the connections of its address, once it is counted.
    pub(super) place: Option<Place>,
    /// How much may still be read from it.
    pub(super) messages: Bucket,
    pub(super) bytes: Bucket,
    /// It has sent too much: not read before this.
    pub(super) throttled_until: Option<Mono>,
    /// What it awaits before its request.
    pub(super) greeting: Greeting,
    /// When it came.
    pub(super) since: Mono,
    /// Its URL asked for binary frames only.
    pub(super) wants_binary: bool,
    /// Headers of its upgrade for webhooks, if there are any.
    pub(super) copied: Option<Arc<Copied>>,
    /// The peer has finished sending: a short read is then not yet the end.
    pub(super) is_read_closed: bool,
    /// It is in the list of those to be read. The system says once for each arrival that something is there, so it stays there until
    /// a read finds less than it asked for.
    pub(super) is_runnable: Mark,
    /// It is in the list of those to be flushed.
    pub(super) is_dirty: Mark,
    /// Its socket was full: it is flushed when that becomes writable.
    pub(super) is_blocked: bool,
    /// It was full once, and since then the loop hears when there is room in it.
    pub(super) is_watched_for_room: bool,
    /// It is in the list of those to be freed.
    pub(super) is_doomed: Mark,
    /// When the patience with it ends: for its handshake, its request, or its end.
    pub(super) deadline: Option<Mono>,
}

/// How much is read from one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) messages: Rate,
    pub(super) bytes: Rate,
}

/// Whether a key is on a list, where it must not be twice.
#[derive(Debug, Default)]
pub(super) struct Mark(bool);

impl Mark {
    /// Puts the key on the list if it is not on it.
    pub(super) fn mark(&mut self, list: &mut Vec<Key>, key: Key) {
        if !std::mem::replace(&mut self.0, true) {
            list.push(key);
        }
    }

    /// The key was taken from the list.
    pub(super) fn clear(&mut self) {
        self.0 = false;
    }

    pub(super) fn is_set(&self) -> bool {
        self.0
    }
}

impl Client {
    /// Whether it has sent something that will be read as soon as it is its turn. Who has to wait for a place or for its rate does not.
    pub(super) fn awaits_turn(&self) -> bool {
        matches!(self.greeting, Greeting::ExpectFirstByte | Greeting::Over)
            && self.throttled_until.is_none()
            && self.connection.stream().has_unread()
    }

    /// The message in the kind of frame that this client wants.
    pub(super) fn framed(&self, message: Message) -> Message {
        match message {
            Message::Text(text) if self.wants_binary => Message::Binary(text.into()),
            message => message,
        }
    }

    pub(super) fn new(
        stream: Stream,
        purpose: Purpose,
        address: IpAddr,
        rates: Rates,
        now: Mono,
        deadline: Mono,
    ) -> Self {
        Self {
            connection: Connection::new(stream, purpose, address),
            address,
            is_peer: false,
            dialect: None,
            is_scrape: false,
            place: None,
            messages: Bucket::full(rates.messages, now),
            bytes: Bucket::full(rates.bytes, now),
            throttled_until: None,
            greeting: Greeting::ExpectFirstByte,
            since: now,
            wants_binary: false,
            copied: None,
            is_read_closed: false,
            is_runnable: Mark::default(),
            is_dirty: Mark::default(),
            is_blocked: false,
            is_watched_for_room: false,
            is_doomed: Mark::default(),
            deadline: Some(deadline),
        }
    }
}
