//! The loop: it owns the sockets, the hub and the clock, and hands what happens from one to the other.
//!
//! One turn: wait; read the clock, once; mark who is ready; take newcomers in; read what came; do what is due;
//! write what is queued; free who is gone. Handlers only mark: `flush_dirty` is the one place that writes and `reap_doomed` the one
//! that frees. With nobody there, nothing is due and the process sleeps.

mod accept;
mod admission;
mod ceiling;
mod client;
mod clock;
mod effects;
mod handshakes;
mod serve;
mod timers;
mod webhooks;

use crate::{
    config::Config,
    host::{
        machine,
        signals::{Pending, Signals},
    },
    http::{
        routes::{Endpoint, Site},
        trust::Trust,
    },
    net::{
        certificates::AuthorityCertificate,
        listener::Listener,
        stream::READ_BYTES,
        tls::Tls,
        websocket::{self, Flushed},
    },
    signaling::{Dialect, Hub, Input, Mono, Now, Outbox},
    slots::{Key, Slots},
};
use admission::Door;
pub use ceiling::Ceiling;
use client::{Client, Rates};
use clock::Clock;
use handshakes::Handshakes;
use mio::{Events, Poll, Token};
use rand::{TryRng, rngs::SysRng};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};
use webhooks::Hooks;

/// The most that what one connection says in a turn may cause to be sent: a short message can have a long answer, or many. What else it
/// said waits for the next turn.
const TURN_BYTES_MAX: usize = 256 * 1024;
/// A stop that was asked for takes no longer than this.
const STOP_MAX: Duration = Duration::from_secs(3);
/// Tokens of connections are above 65,535, listeners count from 0, webhooks from 32,768.
const SIGNALS: Token = Token(u16::MAX as usize);

/// A running server.
pub struct Server {
    poll: Poll,
    events: Events,
    clock: Clock,
    now: Now,
    signals: Signals,
    listeners: Vec<Listening>,
    /// Set while there is no descriptor for another connection: when to try again.
    accept_again: Option<Mono>,
    /// When it was last logged that there is none.
    exhaustion_logged: Option<Mono>,
    clients: Slots<Client>,
    /// No client's deadline is before this; it may be earlier than need be.
    next_deadline: Option<Mono>,
    hub: Hub,
    out: Outbox,
    /// What each of `site.endpoints` speaks.
    dialects: Vec<Dialect>,
    site: Site,
    door: Door,
    rates: Rates,
    tls: Option<Tls>,
    handshakes: Handshakes,
    hooks: Option<Hooks>,
    limits: websocket::Limits,
    max_clients: usize,
    head_timeout: Duration,
    close_timeout: Duration,
    /// The buffer that all connections read through, and so the most that one of them is served in one turn: a flooding client
    /// gets its share and then the others get theirs.
    scratch: Box<[u8]>,
    /// What the connection being served has caused to be sent.
    turn_bytes: usize,
    /// The most of that in a turn.
    turn_bytes_max: usize,
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
}

#[derive(Debug)]
struct Listening {
    listener: Listener,
    is_ready: bool,
}

impl Server {
    /// Binds all addresses, loads or makes the certificates, and allocates all tables.
    ///
    /// # Errors
    /// Whatever the system says, with the address where one was the matter; or what is wrong with the certificates.
    pub fn bind(config: &Config) -> io::Result<Self> {
        let poll = Poll::new()?;
        let signals = Signals::take(poll.registry(), SIGNALS)?;
        let mut listeners = Vec::with_capacity(config.listen.len());
        for address in &config.listen {
            let at = |error: io::Error| {
                io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
            };
            let mut listener = Listener::bind(*address).map_err(at)?;
            listener.register(poll.registry(), Token(listeners.len())).map_err(at)?;
            listeners.push(Listening { listener, is_ready: true });
        }
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        let mut door_seed = [0; 4];
        for part in &mut door_seed {
            *part = SysRng.try_next_u64().map_err(io::Error::other)?;
        }
        let routes = config.routes().into_iter();
        let (endpoints, dialects) =
            routes.map(|(path, dialect)| (Endpoint { path, speaks: dialect.name() }, dialect)).unzip();
        let (keys, ice_servers) = config.access().map_err(io::Error::other)?;
        let clock = Clock::start();
        let now = clock.now();
        let source = config.certificates(machine::state_dir());
        let host = machine::look();
        let tls = source.map(|source| Tls::start(&source, &host, now.unix_ms / 1_000));
        let tls = tls.transpose().map_err(io::Error::other)?;
        let trust = tls
            .as_ref()
            .and_then(Tls::authority)
            .and_then(|AuthorityCertificate { name, der, pem, sha256 }| Trust::new(name, der, pem, sha256));
        let has_default_https = config.listen.iter().any(|address| address.port() == 443);
        let hooks = Hooks::start(config, poll.registry(), now)?;
        let connections = config.max_connections();
        Ok(Self {
            poll,
            events: Events::with_capacity(connections.min(1024)),
            now,
            clock,
            signals,
            listeners,
            accept_again: None,
            exhaustion_logged: None,
            clients: Slots::with_capacity(connections),
            next_deadline: None,
            hub: Hub::new(config.signaling_limits(), seed).with_access(keys, ice_servers),
            out: Outbox::with_capacity(256),
            dialects,
            site: Site {
                endpoints,
                is_full: false,
                trust,
                gate: admission::gate(config, &host),
                requires_tls: config.require_tls,
                has_default_https,
                copied_names: hooks.iter().flat_map(|_| config.copy_websocket_header_names.clone()).collect(),
            },
            door: Door::new(admission::limits(config), door_seed),
            rates: Rates {
                messages: admission::rate(config.max_messages_per_second, 1),
                bytes: admission::rate(config.max_bytes_per_second, READ_BYTES),
            },
            tls,
            handshakes: Handshakes::new(config.max_tls_handshakes, config.tls_handshake_timeout, now.mono),
            hooks,
            limits: config.websocket_limits(),
            max_clients: config.max_clients,
            head_timeout: config.head_timeout,
            close_timeout: config.close_timeout,
            turn_bytes: 0,
            // Whoever reads its answers must have room for those of a turn: its queue was empty when the turn began.
            turn_bytes_max: TURN_BYTES_MAX
                .min(config.max_queue_bytes.saturating_sub(config.max_message_bytes)),
            scratch: vec![0; READ_BYTES].into_boxed_slice(),
            runnable: Vec::with_capacity(connections),
            dirty: Vec::with_capacity(connections),
            doomed: Vec::with_capacity(connections),
            lost: Vec::with_capacity(connections),
            working: Vec::with_capacity(connections),
            stopping: None,
        })
    }

    /// The addresses with the ports that were taken.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn local_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(|listening| listening.listener.local_address()).collect()
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
        while !self.is_stopped() {
            self.turn()?;
        }
        if let Some(hooks) = &mut self.hooks {
            hooks.abandon();
        }
        log::info!("stopped");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        let is_done = self.clients.is_empty() && self.hooks.as_ref().is_none_or(Hooks::has_told_all);
        self.stopping.is_some_and(|at| at <= self.now.mono || is_done)
    }

    fn turn(&mut self) -> io::Result<()> {
        let patience = self.patience();
        match self.poll.poll(&mut self.events, patience) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        self.now = self.clock.now();
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
        Ok(())
    }

    /// How long to sleep: until something is due, not at all while there is something left to do, for ever if nobody is there.
    fn patience(&self) -> Option<Duration> {
        let can_accept = self.accept_again.is_none() && !self.clients.is_full();
        if !self.runnable.is_empty()
            || self.handshakes.can_admit()
            || (can_accept && self.listeners.iter().any(|listening| listening.is_ready))
        {
            return Some(Duration::ZERO);
        }
        let hooks = self.hooks.as_ref().and_then(Hooks::next_timeout);
        let due = [self.hub.next_timeout(), self.next_deadline, self.accept_again, self.stopping, hooks];
        let next = due.into_iter().flatten().min()?;
        Some(next.since(self.now.mono))
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
            match flushed {
                Flushed::All if client.connection.holds() => client.is_runnable.mark(&mut self.runnable, key),
                Flushed::All | Flushed::Blocked => {}
                Flushed::Over => self.end(key, "closed"),
            }
        }
        self.working = dirty;
    }

    /// Frees all that are marked, and tells the hub about those that it still knows.
    fn reap_doomed(&mut self) {
        while let Some(key) = self.doomed.pop() {
            self.leave_hub(key);
            self.free_place(key);
            self.uncount(key);
            if let Some(mut client) = self.clients.remove(key) {
                // Dropping closes the socket, which ends its registration anyway.
                let _ = client.connection.stream_mut().deregister(self.poll.registry());
                // A descriptor is free again.
                self.accept_again = self.accept_again.map(|_| self.now.mono);
            }
        }
    }

    /// The socket is of no more use: the hub hears of it, and the connection is freed at the end of the turn.
    fn end(&mut self, key: Key, why: &str) {
        log::debug!("connection {key} ended: {why}");
        self.leave_hub(key);
        self.doom(key);
    }

    fn leave_hub(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key).filter(|client| client.is_peer) {
            client.is_peer = false;
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

    fn signalled(&mut self) {
        let Pending { is_hangup, stops } = self.signals.pending();
        if is_hangup {
            self.reload();
            self.reload_webhooks();
        }
        for _ in 0..stops {
            match self.stopping {
                None => self.stop(),
                Some(_) => self.stopping = Some(self.now.mono),
            }
        }
    }

    fn stop(&mut self) {
        self.stopping = Some(self.now.mono.after(self.close_timeout.min(STOP_MAX)));
        log::info!("stopping: {} clients are told", self.hub.len());
        // Closes them: newcomers are refused by the kernel from here on.
        self.listeners.clear();
        let keys: Vec<Key> = self.clients.iter().map(|(key, _)| key).collect();
        for key in keys {
            match self.clients.get(key) {
                Some(client) if client.is_peer => self.drive(Input::Stop { peer: key }),
                Some(client) if client.connection.expects_head() => self.doom(key),
                _ => {}
            }
        }
    }
}

/// The time in seconds since 1970, for whoever has no server.
pub fn unix_seconds() -> u64 {
    Clock::start().now().unix_ms / 1_000
}

fn token_of(key: Key) -> Token {
    // 32 bits fit a usize wherever mio runs.
    Token(key.to_bits() as usize)
}

fn key_of(token: Token) -> Option<Key> {
    u32::try_from(token.0).ok().and_then(Key::from_bits)
}
