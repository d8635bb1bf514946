//! What the webhook tests share: a loop around [`Webhooks`] whose clock can be put forward, and little servers on port 0.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::disallowed_methods, reason = "the deadlines of tests are read from the clock")]
#![allow(unreachable_pub, reason = "a module of many binaries")]

pub mod backend;

use mio::{Events, Poll};
use socket2::SockRef;
use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use suzu::net::webhook::{Done, Fault, Limits, Now, Reply, Target, Webhooks};

/// No test waits longer.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The tokens that the loop gives to webhooks.
pub const TOKENS: std::ops::Range<usize> = 1000..1200;
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"allowed\":true}";

/// A loop with nothing but webhooks in it.
pub struct Rig {
    poll: Poll,
    events: Events,
    pub hooks: Webhooks<u32>,
    start: Instant,
    /// How far the clock was put forward.
    skew: Duration,
    /// Added to the clock on the wall, in seconds.
    pub wrong_by: i64,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(Limits::default(), None)
    }

    pub fn with(limits: Limits, roots: Option<PathBuf>) -> Self {
        let poll = Poll::new().unwrap();
        let hooks = Webhooks::new(limits, poll.registry(), TOKENS, roots).unwrap();
        let (start, skew) = (Instant::now(), Duration::ZERO);
        Self { poll, events: Events::with_capacity(64), hooks, start, skew, wrong_by: 0 }
    }

    /// Resolves names like this.
    pub fn lookup(mut self, lookup: fn(&str, u16) -> io::Result<Vec<SocketAddr>>) -> Self {
        self.hooks = self.hooks.with_lookup(lookup);
        self
    }

    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        Now { mono: self.start.elapsed() + self.skew, unix: unix.saturating_add_signed(self.wrong_by) }
    }

    pub fn target(&mut self, url: &str) -> Target {
        let now = self.now();
        self.hooks.target(url.parse().unwrap(), now).unwrap()
    }

    pub fn post(&mut self, target: Target, tag: u32) {
        let now = self.now();
        self.hooks.post(target, [], b"{}", tag, now).unwrap();
    }

    /// One turn of the loop, at most 20 ms.
    pub fn turn(&mut self) {
        let due = self.hooks.next_timeout().map(|at| at.saturating_sub(self.now().mono));
        let tick = Duration::from_millis(20);
        let before = Instant::now();
        self.poll.poll(&mut self.events, Some(due.unwrap_or(tick).min(tick))).unwrap();
        let now = self.now();
        let woken = Instant::now();
        for event in &self.events {
            assert!(self.hooks.handle_event(event.token(), now));
        }
        self.hooks.handle_timeout(self.now());
        assert!(woken.elapsed() < Duration::from_secs(2) && before <= woken, "it blocked");
    }

    /// Turns until something is so.
    pub fn until<V>(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> Option<V>) -> V {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = is_so(self) {
                return value;
            }
            assert!(Instant::now() < end, "waited in vain for {what}");
            self.turn();
        }
    }

    pub fn done(&mut self) -> Done<u32> {
        self.until("an outcome", |rig| rig.hooks.poll_done())
    }

    /// Asks and waits for what comes of it.
    pub fn ask(&mut self, target: Target) -> Result<Reply, Fault> {
        self.post(target, 0);
        self.done().result
    }

    /// Asks a server that was not asked before.
    pub fn ask_new(&mut self, server: &Server) -> Result<Reply, Fault> {
        let target = self.target(&server.url());
        self.ask(target)
    }

    /// Puts the clock forward.
    pub fn skip(&mut self, time: Duration) {
        self.skew += time;
        let now = self.now();
        self.hooks.handle_timeout(now);
    }
}

/// A server on this machine; each connection has a thread, which tells the handler which connection it is, from 0.
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub fn start(handle: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, 0, handle)
    }

    pub fn at(ip: Ipv4Addr, port: u16, handle: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, handle) = (connections.clone(), Arc::new(handle));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                let (index, handle) = (count.fetch_add(1, Ordering::SeqCst), handle.clone());
                thread::spawn(move || handle(index, stream));
            }
        });
        Self { address, connections }
    }

    /// Answers every request with these bytes and leaves the connection open.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |_, mut stream| {
            while read_request(&mut stream).is_some() {
                let _ = stream.write_all(&answer);
            }
        })
    }

    /// Answers one request with these bytes and closes.
    pub fn answering_once(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |_, mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(&answer);
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}/authn?key=secret", self.address)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads a request and its content; `None` at the end.
pub fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        text.push(char::from(byte[0]));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "))?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(text + &String::from_utf8(body).unwrap())
}

/// Waits until the other side ends or resets the connection.
pub fn read_to_end(mut stream: impl Read) {
    let _ = io::copy(&mut stream, &mut io::sink());
}

/// Ends a connection with an RST.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// What comes of [`OK`].
pub fn allowed() -> Result<Reply, Fault> {
    Ok(Reply { status: 200, body: b"{\"allowed\":true}".to_vec() })
}

pub fn status(result: Result<Reply, Fault>) -> u16 {
    result.unwrap().status
}

/// An address that takes no connections.
pub fn refusing() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
