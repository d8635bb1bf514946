//! The beginning of a connection: is it TLS? And how many TLS handshakes there may be at a time, each of which costs a board milliseconds
//! and memory. Those for which there is no place yet are not read: what they have said waits in the kernel.

use super::Server;
use crate::{host::machine, net::stream::FirstByte, signaling::Mono, slots::Key};
use std::{collections::VecDeque, time::Duration};

/// How many may begin in one turn: between them everybody else is served.
const BEGIN_A_TURN: usize = 8;
/// How long one may take while others wait for its place.
const CROWDED: Duration = Duration::from_secs(2);
/// How often, at the most, it is looked whether the certificate is still right. It is looked when somebody needs it: without newcomers nothing
/// wakes up.
const LOOK_PAUSE: Duration = Duration::from_secs(10);

/// Who is in a TLS handshake and who waits for one.
#[derive(Debug)]
pub(super) struct Handshakes {
    max: usize,
    timeout: Duration,
    under_way: usize,
    begun_this_turn: usize,
    waiting: VecDeque<Key>,
    /// When to look at the certificate again.
    look_again: Mono,
}

impl Handshakes {
    pub(super) fn new(max: usize, timeout: Duration, now: Mono) -> Self {
        let look_again = now.after(LOOK_PAUSE);
        Self { max, timeout, under_way: 0, begun_this_turn: 0, waiting: VecDeque::new(), look_again }
    }

    fn can_begin(&self) -> bool {
        self.under_way < self.max && self.begun_this_turn < BEGIN_A_TURN
    }
}

impl Server {
    /// Finds out what a connection that has said nothing yet is; true if it can be read now.
    pub(super) fn greet(&mut self, key: Key) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        match client.connection.stream().first_byte() {
            FirstByte::Missing => false,
            FirstByte::Plain => {
                client.connection.stream_mut().be_plain();
                true
            }
            FirstByte::Tls if self.handshakes.can_begin() => self.begin_handshake(key),
            FirstByte::Tls => {
                if !std::mem::replace(&mut client.waits_for_handshake, true) {
                    self.handshakes.waiting.push_back(key);
                    self.hurry_handshakes();
                }
                false
            }
        }
    }

    fn begin_handshake(&mut self, key: Key) -> bool {
        self.look_at_certificate();
        let Some(session) = self.tls.as_ref().map(|tls| tls.session()) else { return false };
        match session {
            Ok(session) => {
                let is_crowded = !self.handshakes.waiting.is_empty();
                let patience =
                    if is_crowded { self.handshakes.timeout.min(CROWDED) } else { self.handshakes.timeout };
                let deadline = self.now.mono.after(patience);
                self.handshakes.under_way += 1;
                self.handshakes.begun_this_turn += 1;
                if let Some(client) = self.clients.get_mut(key) {
                    client.connection.stream_mut().be_tls(session);
                    client.is_handshaking = true;
                    client.deadline = Some(deadline);
                    self.arm(deadline);
                }
                true
            }
            Err(wrong) => {
                log::error!("connection {key}: no TLS session can be made: {wrong}");
                self.end(key, "no TLS session");
                false
            }
        }
    }

    /// The first who has to wait makes the others hurry.
    fn hurry_handshakes(&mut self) {
        if self.handshakes.waiting.len() > 1 {
            return;
        }
        let deadline = self.now.mono.after(CROWDED);
        for client in self.clients.values_mut().filter(|client| client.is_handshaking) {
            client.deadline = client.deadline.map(|at| at.min(deadline));
        }
        self.arm(deadline);
    }

    /// A handshake is complete, and the request may come; or its connection is gone.
    pub(super) fn end_handshake(&mut self, key: Key) {
        let deadline = self.now.mono.after(self.head_timeout);
        if let Some(client) = self.clients.get_mut(key).filter(|client| client.is_handshaking) {
            client.is_handshaking = false;
            client.deadline = Some(deadline);
            self.arm(deadline);
            self.handshakes.under_way = self.handshakes.under_way.saturating_sub(1);
        }
    }

    /// Lets those who wait begin, as many as there are places. Once a turn.
    pub(super) fn admit_handshakes(&mut self) {
        self.handshakes.begun_this_turn = 0;
        let mut places = self.handshakes.max.saturating_sub(self.handshakes.under_way).min(BEGIN_A_TURN);
        while places > 0 {
            let Some(key) = self.handshakes.waiting.pop_front() else { return };
            // Whoever has given up does not count.
            if let Some(client) = self.clients.get_mut(key) {
                client.waits_for_handshake = false;
                places -= 1;
                self.mark_runnable(key);
            }
        }
    }

    fn look_at_certificate(&mut self) {
        if self.now.mono < self.handshakes.look_again {
            return;
        }
        self.handshakes.look_again = self.now.mono.after(LOOK_PAUSE);
        if let Some(tls) = &mut self.tls {
            tls.refresh(&machine::look(), self.now.unix_ms / 1_000);
        }
    }

    /// Reads again what can be read again.
    pub(super) fn reload(&mut self) {
        match &mut self.tls {
            Some(tls) => {
                log::info!("reloading the certificate");
                tls.reload(&machine::look(), self.now.unix_ms / 1_000);
            }
            None => log::info!("SIGHUP: there is nothing to read again"),
        }
    }
}
