//! Webhooks: `POST`s of JSON to other servers, inside the one loop, which they never stall (Ayame's `authn_webhook_url` and
//! `disconnect_webhook_url`).
//!
//! [`Webhooks`] has the calls under way and the connections that they use. The loop hands it the events of its tokens and the
//! time, and takes out what is done. A name is resolved by a short-lived thread ([`resolve`]); connections
//! are kept open for the next call. Nothing in here knows what is asked or what an answer means.

mod drive;
mod fault;
mod line;
pub mod resolve;
#[cfg_attr(not(feature = "tls"), path = "no_secure.rs")]
mod secure;
mod url;

pub use crate::http::reply::{Reply, Wrong};
use crate::{
    http::reply::{Reader, post},
    slots::{Key, Slots},
};
pub use fault::Fault;
use line::Line;
use mio::{Registry, Token, Waker};
use resolve::{Addresses, Lookup, Resolver};
use secure::{Secure, Session};
use std::{collections::VecDeque, env, io, net::SocketAddr, ops::Range, path::PathBuf, time::Duration};
pub use url::Url;

/// How much is read from a socket at once, in bytes.
const READ_BYTES: usize = 4 * 1024;
/// The most bytes of a request besides its content and the headers that are copied: the URL, and what we say ourselves.
const HEAD_BYTES: usize = 4 * 1024;

/// What webhooks may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls at a time, those included whose outcome was not taken out yet.
    pub max_pending: usize,
    /// From the call to the whole answer, with all that is between.
    pub timeout: Duration,
    /// Idle connections kept open to each server.
    pub max_idle: usize,
    /// How long one is kept.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pending: 64,
            timeout: Duration::from_secs(5),
            max_idle: 4,
            idle_timeout: Duration::from_secs(30),
        }
    }
}

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines: the time since the start, which never runs backwards.
    pub mono: Duration,
    /// For certificates: seconds since 1970 by the board's clock, right or wrong.
    pub unix: u64,
}

/// A URL that was made known with [`Webhooks::target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target(usize);

/// Names a call under way; one that has ended is not mistaken for a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(Key);

/// There is no place for another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What came of a call.
#[derive(Debug)]
pub struct Done<T> {
    /// Which call.
    pub call: CallId,
    /// What was handed in with it.
    pub tag: T,
    /// The answer, whatever its status; or why there is none.
    pub result: Result<Reply, Fault>,
    /// How long it took, to the turn.
    pub elapsed: Duration,
}

/// The calls under way and the connections for them. `T` says what a call is about; it comes back with the outcome.
#[derive(Debug)]
pub struct Webhooks<T> {
    limits: Limits,
    registry: Registry,
    /// The first is the resolver's, the others are the lines', by their index.
    tokens: Range<usize>,
    resolver: Resolver,
    roots: Option<PathBuf>,
    secure: Option<Secure>,
    targets: Vec<Known>,
    origins: Vec<Addresses>,
    calls: Slots<Call<T>>,
    lines: Vec<Option<Line>>,
    done: VecDeque<Done<T>>,
    scratch: Box<[u8]>,
}

/// What [`Target`] stands for.
#[derive(Debug)]
struct Known {
    url: Url,
    origin: usize,
}

#[derive(Debug)]
struct Call<T> {
    tag: T,
    origin: usize,
    request: Vec<u8>,
    begun: Duration,
    deadline: Duration,
    /// Where it is; without one it waits for addresses.
    line: Option<usize>,
    /// What is left to be tried, the next one last.
    addresses: Vec<SocketAddr>,
    /// Whether the addresses were looked up for this call.
    is_fresh: bool,
}

/// The file that the environment names for the authorities of https, as OpenSSL has it.
pub fn ssl_cert_file() -> Option<PathBuf> {
    env::var_os("SSL_CERT_FILE").filter(|name| !name.is_empty()).map(PathBuf::from)
}

impl<T> Webhooks<T> {
    /// The most memory, in bytes, that they take with these limits, if no body and copied headers together are longer than
    /// `request_bytes`. The authorities of https come on top: some 100 KB.
    pub fn bytes_max(limits: Limits, request_bytes: usize) -> usize {
        let call = request_bytes + HEAD_BYTES + Reader::BYTES_MAX + size_of::<Done<T>>();
        let line = size_of::<Option<Line>>() + Session::BYTES_MAX;
        Slots::<Call<T>>::bytes(limits.max_pending)
            + limits.max_pending * call
            // Authentication and farewells may go to two servers.
            + (limits.max_pending + 2 * limits.max_idle) * line
            + READ_BYTES
    }

    /// No calls and no targets yet. All sockets are registered with `registry` under `tokens`, which nobody else uses; two more than
    /// `max_pending` at least. `roots` is a PEM file with the authorities to trust; without one, the system's ([`ssl_cert_file`]).
    /// A poll can have only one waker, and this takes it.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn new(
        limits: Limits,
        registry: &Registry,
        tokens: Range<usize>,
        roots: Option<PathBuf>,
    ) -> io::Result<Self> {
        let waker = Waker::new(registry, Token(tokens.start))?;
        let places = tokens.len().saturating_sub(1);
        Ok(Self {
            limits,
            registry: registry.try_clone()?,
            resolver: Resolver::new(waker, resolve::system),
            roots,
            secure: None,
            targets: Vec::new(),
            origins: Vec::new(),
            calls: Slots::with_capacity(limits.max_pending.min(places)),
            lines: Vec::with_capacity(places.min(limits.max_pending + 2 * limits.max_idle)),
            done: VecDeque::with_capacity(limits.max_pending.min(places)),
            scratch: vec![0; READ_BYTES].into_boxed_slice(),
            tokens,
        })
    }

    /// Resolves names in another way than the system does.
    #[must_use]
    pub fn with_lookup(mut self, lookup: Lookup) -> Self {
        self.resolver.set_lookup(lookup);
        self
    }

    /// Makes a URL known, and begins to look up where it is.
    ///
    /// # Errors
    /// It is https, and there is nothing to check certificates with; or no certificate can be for such a name.
    pub fn target(&mut self, url: Url, now: Now) -> Result<Target, String> {
        if url.is_https() {
            if self.secure.is_none() {
                self.secure = Some(Secure::load(self.roots.as_deref(), now.unix)?);
            }
            self.session(url.origin())?;
        }
        let origin =
            self.origins.iter().position(|known| known.origin == *url.origin()).unwrap_or_else(|| {
                self.origins.push(Addresses::new(url.origin().clone()));
                self.origins.len() - 1
            });
        if let Some(addresses) = self.origins.get_mut(origin) {
            addresses.ask(origin, &mut self.resolver, now.mono, self.limits.timeout);
        }
        self.targets.push(Known { url, origin });
        Ok(Target(self.targets.len() - 1))
    }

    /// The URL of a target.
    pub fn url(&self, target: Target) -> Option<&Url> {
        self.targets.get(target.0).map(|known| &known.url)
    }

    /// Reads again what may have changed: the authorities, and where the servers are. Until that is known, and if it cannot be, all
    /// stays as it is.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn reload(&mut self, now: Now) -> Result<(), String> {
        for (index, addresses) in self.origins.iter_mut().enumerate() {
            addresses.ask_again(index, &mut self.resolver, now.mono, self.limits.timeout);
        }
        if self.secure.is_some() {
            self.secure = Some(Secure::load(self.roots.as_deref(), now.unix)?);
            self.close_idle();
        }
        Ok(())
    }

    /// How many calls are under way.
    pub fn pending(&self) -> usize {
        self.calls.len()
    }

    /// Sends `body`, which is JSON, with these headers besides its own. What comes of it is found with [`Webhooks::poll_done`], maybe at once.
    ///
    /// # Errors
    /// [`Full`] if there is no place; nothing is sent then.
    pub fn post<'a>(
        &mut self,
        target: Target,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        body: &[u8],
        tag: T,
        now: Now,
    ) -> Result<CallId, Full> {
        if self.calls.len() + self.done.len() >= self.limits.max_pending {
            return Err(Full);
        }
        let Known { url, origin } = self.targets.get(target.0).ok_or(Full)?;
        let call = Call {
            tag,
            origin: *origin,
            request: post(&url.authority(), url.target(), headers, body),
            begun: now.mono,
            deadline: now.mono.saturating_add(self.limits.timeout),
            line: None,
            addresses: Vec::new(),
            is_fresh: false,
        };
        let key = self.calls.insert_with(|_| call).ok_or(Full)?;
        self.begin(key, now);
        Ok(CallId(key))
    }

    /// Gives a call up: nobody wants to know any more. Its tag comes back, unless it is done already.
    pub fn cancel(&mut self, call: CallId) -> Option<T> {
        let call = self.calls.remove(call.0)?;
        if let Some(line) = call.line {
            self.close(line);
        }
        Some(call.tag)
    }

    /// Something happened under this token, whatever it was. False if the token is not one of ours.
    pub fn handle_event(&mut self, token: Token, now: Now) -> bool {
        if !self.tokens.contains(&token.0) {
            return false;
        }
        match (token.0 - self.tokens.start).checked_sub(1) {
            Some(line) => self.drive(line, now),
            None => self.take_found(now),
        }
        true
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.next_timeout().is_some_and(|at| at <= now.mono) {
            self.expire(now);
        }
    }

    /// When [`Webhooks::handle_timeout`] is to be called next, as a time since the start; at once if something is done. Without calls and idle
    /// connections, never.
    pub fn next_timeout(&self) -> Option<Duration> {
        if !self.done.is_empty() {
            return Some(Duration::ZERO);
        }
        let calls = self.calls.iter().map(|(_, call)| call.deadline);
        let lines = self.lines.iter().flatten();
        let lines = lines.filter_map(|line| line.idle_until().or(line.connects_until()));
        let look_ups = self.origins.iter().filter_map(|addresses| addresses.patience_ends);
        calls.chain(lines).chain(look_ups).min()
    }

    /// What came of a call, the one that ended first.
    pub fn poll_done(&mut self) -> Option<Done<T>> {
        self.done.pop_front()
    }

    fn session(&self, origin: &url::Origin) -> Result<Option<Session>, String> {
        match &self.secure {
            Some(secure) if origin.is_https => secure.session(&origin.host).map(Some),
            _ => Ok(None),
        }
    }
}
