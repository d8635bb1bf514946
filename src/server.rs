//! The loop: it owns the sockets, the hub and the clock, and hands what happens from one to the other.
//!
//! One turn: wait; read the clock, once; mark who is ready; take newcomers in; read what came; do what is due;
//! write what is queued; free who is gone. Handlers only mark: `flush_dirty` is the one place that writes and `reap_doomed` the one
//! that frees. With nobody there, nothing is due and the process sleeps.

mod accept;
mod ceiling;
mod client;
mod effects;
mod serve;

use crate::{
    config::Config,
    http::routes::{Endpoint, Site},
    net::{
        listener::Listener,
        websocket::{self, Flushed},
    },
    signaling::{Dialect, Hub, Input, Mono, Now, Outbox},
    slots::{Key, Slots},
};
pub use ceiling::Ceiling;
use client::Client;
use mio::{Events, Interest, Poll, Token};
use rand::{TryRng, rngs::SysRng};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The buffer that all connections read through, and so the most that one of them is served in one turn: a flooding client
/// gets its share and then the others get theirs.
const READ_BYTES: usize = 16 * 1024;
/// The most that what one connection says in a turn may cause to be sent: a short message can have a long answer, or many. What else it
/// said waits for the next turn.
const TURN_BYTES_MAX: usize = 256 * 1024;
/// A stop that was asked for takes no longer than this.
const STOP_MAX: Duration = Duration::from_secs(3);
/// Tokens of connections are above 65,535, listeners count from 0.
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
    limits: websocket::Limits,
    max_clients: usize,
    head_timeout: Duration,
    close_timeout: Duration,
    scratch: Box<[u8]>,
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
}

#[derive(Debug)]
struct Listening {
    listener: Listener,
    is_ready: bool,
}

impl Server {
    /// Binds all addresses and allocates all tables.
    ///
    /// # Errors
    /// Whatever the system says, with the address where one was the matter.
    pub fn bind(config: &Config) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
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
        let routes = config.routes().into_iter();
        let (endpoints, dialects) =
            routes.map(|(path, dialect)| (Endpoint { path, speaks: dialect.name() }, dialect)).unzip();
        let clock = Clock::start();
        let connections = config.max_connections();
        Ok(Self {
            poll,
            events: Events::with_capacity(connections.min(1024)),
            now: clock.now(),
            clock,
            signals,
            listeners,
            accept_again: None,
            exhaustion_logged: None,
            clients: Slots::with_capacity(connections),
            next_deadline: None,
            hub: Hub::new(config.signaling_limits(), seed),
            out: Outbox::with_capacity(256),
            dialects,
            site: Site { endpoints, is_full: false },
            limits: config.websocket_limits(),
            max_clients: config.max_clients,
            head_timeout: config.head_timeout,
            close_timeout: config.close_timeout,
            turn_bytes: 0,
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

    /// Serves until SIGINT or SIGTERM; everybody is told and has the close timeout, but at most 3 s, to leave. A second signal stops at once.
    ///
    /// # Errors
    /// The system no longer reports what happens.
    pub fn run(mut self) -> io::Result<()> {
        while !self.is_stopped() {
            self.turn()?;
        }
        log::info!("stopped");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stopping.is_some_and(|at| at <= self.now.mono || self.clients.is_empty())
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
        self.serve_readable();
        self.run_timers();
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
            || (can_accept && self.listeners.iter().any(|listening| listening.is_ready))
        {
            return Some(Duration::ZERO);
        }
        let due = [self.hub.next_timeout(), self.next_deadline, self.accept_again, self.stopping];
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

    fn run_timers(&mut self) {
        while self.hub.next_timeout().is_some_and(|at| at <= self.now.mono) {
            self.hub.handle_timeout(self.now, &mut self.out);
            self.apply(None);
        }
        if self.next_deadline.is_some_and(|at| at <= self.now.mono) {
            let mut due = std::mem::take(&mut self.working);
            self.next_deadline = None;
            for (key, client) in self.clients.iter() {
                match client.deadline {
                    Some(at) if at <= self.now.mono => due.push(key),
                    Some(at) => self.next_deadline = Some(self.next_deadline.map_or(at, |next| next.min(at))),
                    None => {}
                }
            }
            for key in due.drain(..) {
                self.overdue(key);
            }
            self.working = due;
        }
    }

    /// The patience with a connection is at its end.
    fn overdue(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if let Some(status) = client.connection.refuse_late() {
            self.mark_dirty(key);
            self.log_answer(key, status);
            self.expect_end(key);
        } else {
            self.end(key, "it took too long");
        }
    }

    /// Gives a connection the close timeout to end by itself.
    fn expect_end(&mut self, key: Key) {
        let deadline = self.now.mono.after(self.close_timeout);
        if let Some(client) = self.clients.get_mut(key) {
            client.deadline = Some(deadline);
            self.arm(deadline);
        }
    }

    fn arm(&mut self, deadline: Mono) {
        self.next_deadline = Some(self.next_deadline.map_or(deadline, |next| next.min(deadline)));
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
        for _ in self.signals.pending() {
            self.stopping = match self.stopping {
                None => Some(self.now.mono.after(self.close_timeout.min(STOP_MAX))),
                Some(_) => Some(self.now.mono),
            };
        }
        if self.listeners.is_empty() {
            return;
        }
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

fn token_of(key: Key) -> Token {
    // 32 bits fit a usize wherever mio runs.
    Token(key.to_bits() as usize)
}

fn key_of(token: Token) -> Option<Key> {
    u32::try_from(token.0).ok().and_then(Key::from_bits)
}

/// The clocks of the machine. Nobody else reads them.
#[derive(Debug)]
struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    fn start() -> Self {
        Self { start: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place")]
    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Mono::START.after(self.start.elapsed()),
            unix_ms: unix.as_millis().try_into().unwrap_or(u64::MAX),
        }
    }
}
