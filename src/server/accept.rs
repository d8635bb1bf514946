//! Taking newcomers in, and waiting where that is not possible.

use super::{Client, Server, handshakes::Greeting, token_of};
use crate::{
    http::routes::Purpose,
    metrics::Refused,
    net::{listener::Accepted, stream::Stream},
    signaling::Mono,
    slots::Key,
};
use std::{io, net::IpAddr, time::Duration};

/// Newcomers taken in per turn and listener.
const ACCEPTS_A_TURN: usize = 64;
/// How long to wait before accepting again when there was no descriptor left and none became free.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

impl Server {
    pub(super) fn accept_ready(&mut self) {
        self.is_crowded = false;
        if self.accept_again.is_some_and(|at| self.now.mono < at) {
            return;
        }
        if self.clients.is_full() && self.listeners.iter().any(|listening| listening.is_ready) {
            self.make_room(None);
        }
        let was_paused = self.accept_again.take().is_some();
        for index in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_A_TURN {
                let Some(listening) = self.listeners.get_mut(index).filter(|listening| listening.is_ready)
                else {
                    break;
                };
                if self.clients.is_full() {
                    return;
                }
                match listening.listener.accept() {
                    Accepted::Connection(stream, address) => {
                        let purpose = listening.purpose;
                        self.admit(stream, purpose, address);
                    }
                    Accepted::Gone => {}
                    Accepted::Nobody => listening.is_ready = false,
                    Accepted::Exhausted(error) => return self.pause_accepting(&error),
                }
            }
        }
        if was_paused {
            self.is_exhausted = false;
            log::debug!("accepting connections again");
        }
    }

    /// There is no slot left: so that nobody keeps others out by sending nothing, the connection whose request has been awaited longest gives
    /// way. Who has sent something that is not read yet does not: it was not its turn. If there is no other, the next newcomers wait in the
    /// kernel.
    fn make_room(&mut self, newcomer: Option<Key>) {
        let mut oldest: Option<(Mono, Key)> = None;
        for (key, client) in self.clients.iter_mut() {
            let is_older = oldest.is_none_or(|(since, _)| client.since < since);
            if newcomer == Some(key) || !client.connection.expects_head() || !is_older {
                continue;
            }
            if client.awaits_turn() {
                self.is_crowded = true;
                // Nothing is reported that is behind urgent data (RFC 6093): without this its turn would never come.
                client.is_runnable.mark(&mut self.runnable, key);
            } else {
                oldest = Some((client.since, key));
            }
        }
        if let Some((_, key)) = oldest {
            self.is_crowded = false;
            self.metrics.refused(Refused::Displaced);
            self.end(key, "others wait for its place");
        }
    }

    fn pause_accepting(&mut self, error: &io::Error) {
        self.metrics.refused(Refused::Exhausted);
        self.accept_again = Some(self.now.mono.after(ACCEPT_PAUSE));
        // Once, though it is tried again and again.
        if !std::mem::replace(&mut self.is_exhausted, true) {
            let here = self.clients.len();
            log::warn!("cannot accept connections for now ({error}); the {here} that are here are served");
        }
    }

    fn admit(&mut self, stream: Stream, purpose: Purpose, address: IpAddr) {
        let is_welcome = match purpose {
            Purpose::Public | Purpose::Metrics => self.may_come(address, purpose),
            Purpose::Admin => self.may_look_after(),
        };
        if !is_welcome {
            return;
        }
        self.look_at_host();
        let (now, rates) = (self.now.mono, self.tuning.rates);
        let deadline = now.after(self.tuning.head_timeout);
        let Some(key) =
            self.clients.insert_with(|_| Client::new(stream, purpose, address, rates, now, deadline))
        else {
            return;
        };
        self.arm(key);
        if purpose != Purpose::Admin && !self.site.gate.is_proxy(address) && !self.count(key, address) {
            self.metrics.refused(Refused::TooMany);
            return self.doom(key);
        }
        self.metrics.accepted();
        log::debug!(connection:% = key; "connection from {address}");
        if self.clients.is_full() {
            self.make_room(Some(key));
        }
        let Some(client) = self.clients.get_mut(key) else { return };
        if self.tls.is_none() || purpose == Purpose::Admin {
            client.connection.stream_mut().be_plain();
            client.greeting = Greeting::Over;
        }
        if let Err(error) = client.connection.stream_mut().register(self.poll.registry(), token_of(key)) {
            log::warn!(connection:% = key, reason:% = error; "a connection cannot be watched");
            self.doom(key);
        }
    }
}
