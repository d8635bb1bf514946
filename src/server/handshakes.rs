//! The beginning of a connection: is it TLS? And how many TLS handshakes there may be at a time, each of which costs a board milliseconds
//! and memory. Those for which there is no place yet are not read: what they have said waits in the kernel.

use super::Server;
use crate::{metrics::Handshake, net::stream::FirstByte, slots::Key};
use std::{collections::VecDeque, time::Duration};

/// How many may begin in one turn: between them everybody else is served.
const BEGIN_A_TURN: usize = 8;
/// How long one may take while others wait for its place.
const CROWDED: Duration = Duration::from_millis(500);
/// How far a connection is on its way to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// Its first byte.
    ExpectFirstByte,
    /// A place: too many others are in a handshake.
    ExpectPlace,
    /// It has a place and begins with the next read.
    Called,
    /// Its handshake is under way.
    ExpectHandshake,
    /// Nothing more: it is plain, or its handshake is complete.
    Over,
}

impl Greeting {
    fn has_place(self) -> bool {
        matches!(self, Self::Called | Self::ExpectHandshake)
    }

    fn is_tls(self) -> bool {
        self.has_place() || self == Self::ExpectPlace
    }
}

/// Who is in a TLS handshake and who waits for one.
#[derive(Debug)]
pub(super) struct Handshakes {
    max: usize,
    timeout: Duration,
    /// Places that are taken.
    under_way: usize,
    begun_this_turn: usize,
    /// Who waits, first come first; some of them may be gone already.
    waiting: VecDeque<Key>,
}

impl Handshakes {
    pub(super) fn new(max: usize, timeout: Duration) -> Self {
        Self { max, timeout, under_way: 0, begun_this_turn: 0, waiting: VecDeque::new() }
    }

    /// Others from now on. Those under way keep their patience.
    pub(super) fn set_limits(&mut self, max: usize, timeout: Duration) {
        self.max = max;
        self.timeout = timeout;
    }

    fn has_place(&self) -> bool {
        self.under_way < self.max && self.begun_this_turn < BEGIN_A_TURN
    }

    fn take_place(&mut self) {
        self.under_way += 1;
        self.begun_this_turn += 1;
    }

    /// Whether somebody who waits could begin now.
    pub(super) fn can_admit(&self) -> bool {
        !self.waiting.is_empty() && self.under_way < self.max
    }
}

impl Server {
    /// Finds out what a connection that has said nothing yet is; true if it can be read now.
    pub(super) fn greet(&mut self, key: Key) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        match client.greeting {
            Greeting::ExpectPlace => return false,
            Greeting::Called => return self.begin_handshake(key),
            Greeting::ExpectHandshake | Greeting::Over => return true,
            Greeting::ExpectFirstByte => {}
        }
        match client.connection.stream().first_byte() {
            FirstByte::Missing => false,
            FirstByte::Plain => {
                client.connection.stream_mut().be_plain();
                client.greeting = Greeting::Over;
                true
            }
            FirstByte::Tls if self.handshakes.has_place() && self.handshakes.waiting.is_empty() => {
                self.handshakes.take_place();
                self.begin_handshake(key)
            }
            FirstByte::Tls => {
                client.greeting = Greeting::ExpectPlace;
                self.wait_for_place(key);
                false
            }
        }
    }

    /// Begins the handshake of a connection that has a place.
    fn begin_handshake(&mut self, key: Key) -> bool {
        let is_crowded = !self.handshakes.waiting.is_empty();
        let patience =
            if is_crowded { self.handshakes.timeout.min(CROWDED) } else { self.handshakes.timeout };
        let deadline = self.now.mono.after(patience);
        let Some(client) = self.clients.get_mut(key) else { return false };
        client.greeting = Greeting::ExpectHandshake;
        match self.tls.as_ref().map(|tls| tls.session()) {
            Some(Ok(session)) => client.connection.stream_mut().be_tls(session),
            Some(Err(wrong)) => {
                log::error!(connection:% = key, reason:% = wrong; "no TLS session can be made");
                self.end(key, "no TLS session");
                return false;
            }
            None => {
                // TLS was switched off since it came: it is told what others are told who speak TLS here.
                client.connection.stream_mut().be_plain();
                self.end_handshake(key, Handshake::Failed);
                return true;
            }
        }
        client.deadline = Some(deadline);
        self.arm(key);
        true
    }

    /// Puts a newcomer in the queue, and makes those who are in a handshake hurry.
    fn wait_for_place(&mut self, key: Key) {
        if self.handshakes.waiting.is_empty() {
            let deadline = self.now.mono.after(CROWDED);
            for (key, client) in self.clients.iter_mut() {
                if client.greeting == Greeting::ExpectHandshake {
                    client.deadline = client.deadline.map(|at| at.min(deadline));
                    self.deadlines.bring_forward(key, deadline);
                }
            }
        } else if self.handshakes.waiting.len() >= self.clients.capacity() {
            let clients = &self.clients;
            self.handshakes.waiting.retain(|key| clients.get(*key).is_some());
        }
        self.handshakes.waiting.push_back(key);
        let deadline = self.now.mono.after(self.handshakes.timeout);
        if let Some(client) = self.clients.get_mut(key) {
            client.deadline = Some(deadline);
            self.arm(key);
        }
    }

    /// A handshake is complete, and the request may come.
    pub(super) fn complete_handshake(&mut self, key: Key) {
        let deadline = self.now.mono.after(self.tuning.head_timeout);
        let is_resumed = self.clients.get(key).is_some_and(|client| client.connection.stream().is_resumed());
        self.end_handshake(key, if is_resumed { Handshake::Resumed } else { Handshake::Completed });
        if let Some(client) = self.clients.get_mut(key) {
            client.deadline = Some(deadline);
            self.arm(key);
        }
    }

    /// A handshake is over, or its connection is of no more use: its place is free, if it has one.
    pub(super) fn end_handshake(&mut self, key: Key, how: Handshake) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if client.greeting.is_tls() {
            self.metrics.handshaken(how);
        }
        if client.greeting.has_place() {
            self.handshakes.under_way = self.handshakes.under_way.saturating_sub(1);
        }
        client.greeting = Greeting::Over;
    }

    /// Calls those who wait, as many as there are places. Once a turn.
    pub(super) fn admit_handshakes(&mut self) {
        self.handshakes.begun_this_turn = 0;
        while self.handshakes.has_place() {
            let Some(key) = self.handshakes.waiting.pop_front() else { return };
            let Some(client) = self.clients.get_mut(key) else { continue };
            if client.greeting == Greeting::ExpectPlace {
                client.greeting = Greeting::Called;
                client.is_runnable.mark(&mut self.runnable, key);
                self.handshakes.take_place();
            }
        }
    }
}
