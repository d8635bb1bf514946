//! The loop: it owns the sockets, the hub and the clock, and hands what happens from one to the other.
//!
//! One turn: wait; read the clock, once; mark who is ready; take newcomers in; read what came; do what is due;
//! write what is queued; free who is gone. Handlers only mark: `flush_dirty` is the one place that writes and `reap_doomed` the one
//! that frees. With nobody there, nothing is due and the process sleeps.

mod accept;
mod admin;
mod admission;
mod bind;
mod ceiling;
mod client;
mod clock;
mod effects;
mod handshakes;
mod listeners;
mod reload;
mod scrape;
mod serve;
mod signaling_log;
mod stop;
mod surroundings;
mod timers;
mod tuning;
mod webhooks;

use crate::{
    addresses::Addresses,
    config::Config,
    deadlines::Deadlines,
    host::{
        self,
        manager::{Crowd, Manager},
        signals::Signals,
    },
    http::routes::{Purpose, Site},
    metrics::{End, Handshake, Metrics},
    net::{
        address::Address,
        certificates::{AuthorityCertificate, Host},
        contexts::Contexts,
        tls::Tls,
        websocket::Flushed,
    },
    signaling::{Dialect, Hub, Input, Mono, Now, Outbox},
    slots::{Key, Slots},
};
pub use ceiling::Ceiling;
use client::Client;
use clock::Clock;
use handshakes::Handshakes;
use listeners::Listening;
use mio::{Events, Poll, Token};
pub use reload::Reread;
use signaling_log::SignalingLog;
use std::{
    io::{self, ErrorKind},
    rc::Rc,
    time::Duration,
};
use tuning::Tuning;
use webhooks::Hooks;

/// Tokens of connections are above 65,535, listeners count from 0, webhooks from 32,768.
const SIGNALS: Token = Token(u16::MAX as usize);

/// A running server.
pub struct Server {
    poll: Poll,
    events: Events,
    clock: Clock,
    now: Now,
    signals: Signals,
    manager: Manager,
    listeners: Vec<Listening>,
    /// Set while there is no descriptor for another connection: when to try again.
    accept_again: Option<Mono>,
    /// All who knock have not been taken in since there was none.
    is_exhausted: bool,
    /// There was no slot left, and nobody who could give way had been read: after this turn somebody may have been.
    is_crowded: bool,
    clients: Slots<Client>,
    /// When each client is to be looked at.
    deadlines: Deadlines,
    hub: Hub,
    out: Outbox,
    /// What each of `site.endpoints` speaks.
    dialects: Vec<Dialect>,
    site: Site,
    /// What is remembered of where connections come from.
    addresses: Addresses,
    tls: Option<Tls>,
    handshakes: Handshakes,
    hooks: Option<Hooks>,
    signaling_log: SignalingLog,
    metrics: Metrics,
    tuning: Tuning,
    /// The buffer that all connections read through, and so the most that one of them is served in one turn: a flooding client
    /// gets its share and then the others get theirs.
    scratch: Box<[u8]>,
    /// What WebSockets take turns with.
    contexts: Rc<Contexts>,
    /// What the connection being served has caused to be sent.
    turn_bytes: usize,
    /// Who may have something to read.
    runnable: Vec<Key>,
    /// Who may have something to write.
    dirty: Vec<Key>,
    /// Who is to be freed.
    doomed: Vec<Key>,
    /// Who failed while effects were done: the hub does not know yet.
    lost: Vec<Key>,
    /// The list that a step of the turn is working off, while it marks others in the one of that step.
    working: Vec<Key>,
    /// Set once a stop was asked for: when to wait no longer.
    stopping: Option<Mono>,
    /// What is in force.
    config: Config,
    /// What this machine was called when it was last looked.
    host: Host,
    /// When to look again.
    look_again: Mono,
    /// How the configuration is read again.
    reread: Reread,
}

impl Server {
    /// The addresses with the ports that were taken, and what each is for.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn local_addresses(&self) -> io::Result<Vec<(Purpose, Address)>> {
        let address = |at: &Listening| Ok((at.purpose, at.listener.local_address()?));
        self.listeners.iter().map(address).collect()
    }

    /// Whether https is spoken, too.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Our own authority, if that is who vouches for this server.
    pub fn authority(&self) -> Option<AuthorityCertificate> {
        self.tls.as_ref().and_then(Tls::authority)
    }

    /// Serves until SIGINT or SIGTERM; everybody is told and has the close timeout, but at most 3 s, to leave. A second signal stops at once.
    ///
    /// # Errors
    /// The system no longer reports what happens.
    pub fn run(mut self) -> io::Result<()> {
        self.manager.ready(self.now.mono);
        // What the start took is no time in which the process was stopped.
        self.now = self.clock.now();
        while !self.is_stopped() {
            self.turn()?;
        }
        if let Some(hooks) = &mut self.hooks {
            hooks.abandon();
        }
        log::info!("stopped");
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        let patience = self.patience();
        match self.poll.poll(&mut self.events, patience) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let (now, stopped) = self.clock.now_after(patience);
        self.now = now;
        host::log::handle_timeout(clock::for_log(now));
        if let Some(stopped) = stopped {
            log::warn!("suzu was stopped for {:.1} s, which is held against nobody", stopped.as_secs_f64());
            self.manager.resumed(now.mono);
        }
        self.mark_ready();
        self.accept_ready();
        self.admit_handshakes();
        self.serve_readable();
        self.run_timers();
        self.run_webhooks();
        // Whoever is freed may leave room-mates who have to be told.
        while !self.dirty.is_empty() || !self.doomed.is_empty() {
            self.flush_dirty();
            self.reap_doomed();
        }
        if self.events.is_empty() {
            // It was a timer.
            self.contexts.trim();
        }
        self.report_to_manager();
        self.metrics.turned(self.clock.elapsed());
        Ok(())
    }

    /// How long to sleep: until something is due, not at all while there is something left to do, for ever if nobody is there.
    fn patience(&self) -> Option<Duration> {
        let can_accept = self.accept_again.is_none() && !self.clients.is_full();
        if !self.runnable.is_empty()
            || self.is_crowded
            || self.handshakes.can_admit()
            || (can_accept && self.listeners.iter().any(|listening| listening.is_ready))
        {
            return Some(Duration::ZERO);
        }
        let hooks = self.hooks.as_ref().and_then(Hooks::next_timeout);
        let manager = self.manager.next_timeout();
        let log = host::log::next_timeout().map(|at| Mono::START.after(at));
        let due = [self.deadlines.next(), self.accept_again, self.stopping, hooks, manager, log];
        let next = due.into_iter().fold(self.hub.next_timeout(), Mono::earlier)?;
        Some(next.since(self.now.mono))
    }

    /// Says that the loop still turns, and how many are there.
    fn report_to_manager(&mut self) {
        let (rooms, clients, max_clients) = (self.hub.rooms_len(), self.hub.len(), self.config.max_clients);
        self.manager.set_crowd(Crowd { rooms, clients, max_clients }, self.now.mono);
        self.manager.handle_timeout(self.now.mono);
    }

    fn mark_ready(&mut self) {
        let mut is_signalled = false;
        for event in &self.events {
            if event.token() == SIGNALS {
                is_signalled = true;
            } else if let Some(listening) = self.listeners.get_mut(event.token().0) {
                listening.is_ready = true;
            } else if let Some(hooks) = &mut self.hooks
                && hooks.handle_event(event.token(), self.now)
            {
                // What came of it is found at its place in the turn.
            } else if let Some(key) = key_of(event.token())
                && let Some(client) = self.clients.get_mut(key)
            {
                // Events of a connection that is gone find nothing: the key has its generation.
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    client.is_read_closed |= event.is_read_closed();
                    client.is_runnable.mark(&mut self.runnable, key);
                }
                if event.is_writable() && client.is_blocked {
                    client.is_dirty.mark(&mut self.dirty, key);
                }
            }
        }
        if is_signalled {
            self.signalled();
        }
    }

    /// Writes what is queued for all that are marked: nothing is written anywhere else, but early for one whose queue is full.
    fn flush_dirty(&mut self) {
        let mut dirty = std::mem::replace(&mut self.dirty, std::mem::take(&mut self.working));
        for key in dirty.drain(..) {
            let Some(client) = self.clients.get_mut(key) else { continue };
            client.is_dirty.clear();
            let flushed = client.connection.flush();
            client.is_blocked = flushed == Flushed::Blocked;
            client.is_scrape &= flushed == Flushed::Blocked;
            match flushed {
                Flushed::All if client.connection.holds() || client.is_read_closed => {
                    client.is_runnable.mark(&mut self.runnable, key);
                }
                Flushed::All => {}
                Flushed::Blocked => self.watch_writable(key),
                Flushed::Over => self.end(key, "closed"),
            }
        }
        self.working = dirty;
    }

    /// Few sockets are ever full, so only these are watched for that.
    fn watch_writable(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if !std::mem::replace(&mut client.is_watched_for_room, true) {
            let stream = client.connection.stream_mut();
            if let Err(error) = stream.watch_writable(self.poll.registry(), token_of(key)) {
                log::warn!(connection:% = key, reason:% = error; "a connection cannot be watched");
                self.end(key, "it cannot be watched");
            }
        }
    }

    /// Frees all that are marked, and tells the hub about those that it still knows.
    fn reap_doomed(&mut self) {
        while let Some(key) = self.doomed.pop() {
            self.leave_hub(key, End::Lost);
            self.end_handshake(key, Handshake::Aborted);
            self.uncount(key);
            // Its socket is closed, and with that its registration ends.
            self.deadlines.remove(key);
            if self.clients.remove(key).is_some() {
                // A descriptor is free again.
                self.accept_again = self.accept_again.map(|_| self.now.mono);
            }
        }
    }

    /// The socket is of no more use: the hub hears of it, and the connection is freed at the end of the turn.
    fn end(&mut self, key: Key, why: &str) {
        log::debug!(connection:% = key, reason = why; "ended");
        self.leave_hub(key, End::Lost);
        self.doom(key);
    }

    fn leave_hub(&mut self, key: Key, how: End) {
        if let Some(client) = self.clients.get_mut(key).filter(|client| client.is_peer) {
            client.is_peer = false;
            self.metrics.ended(how);
            self.forget_question(key);
            self.drive(Input::Ended { peer: key });
        }
    }

    fn doom(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key) {
            client.is_doomed.mark(&mut self.doomed, key);
        }
    }

    fn mark_dirty(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key) {
            client.is_dirty.mark(&mut self.dirty, key);
        }
    }

    fn mark_runnable(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key) {
            client.is_runnable.mark(&mut self.runnable, key);
        }
    }
}

/// The time in seconds since 1970, for whoever has no server.
pub fn unix_seconds() -> u64 {
    Clock::start().now().unix_ms / 1_000
}

/// How much of a time is left, whenever it is asked, for whoever has no server.
pub fn time_left(of: Duration) -> impl Fn() -> Duration {
    let clock = Clock::start();
    move || of.saturating_sub(clock.elapsed())
}

fn token_of(key: Key) -> Token {
    // 32 bits fit a usize wherever mio runs.
    Token(key.to_bits() as usize)
}

fn key_of(token: Token) -> Option<Key> {
    u32::try_from(token.0).ok().and_then(Key::from_bits)
}
