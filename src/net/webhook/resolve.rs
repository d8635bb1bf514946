//! Names to addresses. The system's resolver blocks, so each look-up has a thread of its own, which ends with it: the only threads there
//! are besides the loop.

use super::url::{Host, Origin};
use mio::Waker;
use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How a name and a port become addresses. It may block.
pub type Lookup = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// The most look-ups at a time. One that hangs is given up after its deadline and still holds its place until it ends.
const THREADS_MAX: usize = 4;
/// What a look-up's stack may take, in bytes; glibc's resolver wants tens of KiB, and pages that are not touched cost nothing.
const STACK_BYTES: usize = 256 * 1024;
/// The most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;
/// A look-up is not repeated sooner than this, whatever it brought.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks the system: hosts file, name servers, whatever it is set up for.
///
/// # Errors
/// The system's.
pub fn system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    (host, port).to_socket_addrs().map(Iterator::collect)
}

/// What came of a look-up.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) origin: usize,
    pub(super) result: Result<Vec<SocketAddr>, String>,
}

/// Starts look-ups and takes in what they bring.
pub(super) struct Resolver {
    lookup: Lookup,
    shared: Arc<Shared>,
    /// How many have begun and were not heard of again.
    threads: usize,
}

/// Where the threads leave what they found. std's channels would do the same and cost 15 KB of program.
struct Shared {
    found: Mutex<Vec<Found>>,
    waker: Waker,
}

impl Shared {
    fn found(&self) -> MutexGuard<'_, Vec<Found>> {
        // Nothing that could panic is done under the lock.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver {
    pub(super) fn new(waker: Waker, lookup: Lookup) -> Self {
        let found = Mutex::new(Vec::with_capacity(THREADS_MAX));
        Self { lookup, shared: Arc::new(Shared { found, waker }), threads: 0 }
    }

    pub(super) fn set_lookup(&mut self, lookup: Lookup) {
        self.lookup = lookup;
    }

    /// Looks a name up; its number comes back with the result.
    fn start(&mut self, origin: usize, host: &str, port: u16) -> Result<(), String> {
        if self.threads >= THREADS_MAX {
            return Err("earlier look-ups still hang".to_owned());
        }
        let (lookup, shared) = (self.lookup, self.shared.clone());
        let host = host.to_owned();
        let look_up = move || {
            let result = match lookup(&host, port) {
                Ok(addresses) if addresses.is_empty() => Err("it has no addresses".to_owned()),
                Ok(addresses) => Ok(addresses.into_iter().take(ADDRESSES_MAX).collect()),
                Err(error) => Err(error.to_string()),
            };
            shared.found().push(Found { origin, result });
            // It cannot fail while there is a loop to wake.
            let _ = shared.waker.wake();
        };
        let thread = thread::Builder::new().name("suzu-names".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(look_up).map_err(|error| format!("no thread for it: {error}"))?;
        self.threads += 1;
        Ok(())
    }

    /// A result that has come.
    pub(super) fn next_found(&mut self) -> Option<Found> {
        let found = self.shared.found().pop()?;
        self.threads = self.threads.saturating_sub(1);
        Some(found)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// What is known about where an origin is.
#[derive(Debug)]
pub(super) struct Addresses {
    pub(super) origin: Origin,
    /// The one that worked last comes first.
    known: Vec<SocketAddr>,
    /// When the last look-up ended, and what was wrong with it if something was.
    looked_up: Option<(Duration, Result<(), String>)>,
    /// Set while one is under way: when it is given up.
    pub(super) patience_ends: Option<Duration>,
}

/// Where to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// To one of these.
    Known(Vec<SocketAddr>),
    /// A look-up is under way.
    Wait,
    /// Nowhere: what was wrong a moment ago.
    Unknown(String),
}

impl Addresses {
    pub(super) fn new(origin: Origin) -> Self {
        let known = match origin.host {
            Host::Address(address) => vec![SocketAddr::new(address, origin.port)],
            Host::Name(_) => Vec::new(),
        };
        Self { origin, known, looked_up: None, patience_ends: None }
    }

    /// Where to go; begins a look-up if nobody knows.
    pub(super) fn ask(
        &mut self,
        index: usize,
        resolver: &mut Resolver,
        now: Duration,
        patience: Duration,
    ) -> Answer {
        if self.known.is_empty() {
            self.ask_again(index, resolver, now, patience)
        } else {
            Answer::Known(self.known.clone())
        }
    }

    /// None of the addresses was of use, or we are told to look again: begins a look-up, unless one has just ended.
    pub(super) fn ask_again(
        &mut self,
        index: usize,
        resolver: &mut Resolver,
        now: Duration,
        patience: Duration,
    ) -> Answer {
        let Host::Name(host) = &self.origin.host else {
            return Answer::Unknown("it is an address already".to_owned());
        };
        if self.patience_ends.is_some() {
            return Answer::Wait;
        }
        if let Some((at, result)) = &self.looked_up
            && now < at.saturating_add(PAUSE)
        {
            return Answer::Unknown(result.as_ref().err().cloned().unwrap_or_default());
        }
        match resolver.start(index, host, self.origin.port) {
            Ok(()) => {
                self.patience_ends = Some(now.saturating_add(patience));
                Answer::Wait
            }
            Err(wrong) => {
                self.looked_up = Some((now, Err(wrong.clone())));
                Answer::Unknown(wrong)
            }
        }
    }

    /// A look-up has ended. If it failed, what was known before stays.
    pub(super) fn found(&mut self, result: Result<Vec<SocketAddr>, String>, now: Duration) {
        match result {
            Ok(addresses) => {
                self.known = addresses;
                self.looked_up = Some((now, Ok(())));
            }
            Err(wrong) => self.looked_up = Some((now, Err(wrong))),
        }
        self.patience_ends = None;
    }

    /// This one works: it is the first to be tried from now on.
    pub(super) fn prefer(&mut self, address: SocketAddr) {
        if let Some(at) = self.known.iter().position(|known| *known == address) {
            self.known.swap(0, at);
        }
    }
}
