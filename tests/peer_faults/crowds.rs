//! More connections than there is room for: of descriptors, and in the system's queue of those who wait to be taken in.

use crate::{
    common::{announce, server::DEADLINE, skip},
    watched::Watched,
};
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

const WELL: &[u8] = b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n";
/// How many come while nobody is taken in: more than can wait (`BACKLOG` in `net::listener`).
const KNOCKING: usize = 1_200;

/// Has as many descriptors as it takes; false, said loudly, if it may not.
fn can_open(count: u64) -> bool {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < count) {
        let more = Rlimit { current: Some(count), maximum };
        if maximum.is_some_and(|maximum| maximum < count) || setrlimit(Resource::Nofile, more).is_err() {
            skip("a limit of 4,000 open files");
            return false;
        }
    }
    true
}

/// A client that asks as soon as it is connected.
struct Asking {
    tcp: mio::net::TcpStream,
    has_asked: bool,
    heard: Vec<u8>,
}

impl Asking {
    /// Goes on as far as it can; true when it is over.
    fn advance(&mut self) -> bool {
        if !self.has_asked && self.tcp.peer_addr().is_ok() {
            self.has_asked = self.tcp.write(WELL).is_ok();
        }
        let mut buffer = [0; 1024];
        loop {
            match self.tcp.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => self.heard.extend(&buffer[..count]),
                Err(error) => return self.has_asked && error.kind() != ErrorKind::WouldBlock,
            }
        }
    }
}

/// Lets so many come at once, and tells how many of them were served and how many were not.
fn knock(count: usize, address: SocketAddr, meanwhile: impl FnOnce()) -> (usize, usize) {
    let mut poll = Poll::new().unwrap();
    let mut asking: Vec<_> = (0..count)
        .map(|number| {
            let mut tcp = mio::net::TcpStream::connect(address).unwrap();
            poll.registry()
                .register(&mut tcp, Token(number), Interest::READABLE | Interest::WRITABLE)
                .unwrap();
            Some(Asking { tcp, has_asked: false, heard: Vec::new() })
        })
        .collect();
    let mut meanwhile = Some(meanwhile);
    let (mut served, mut unserved) = (0, 0);
    let (start, mut events) = (Instant::now(), Events::with_capacity(256));
    while served + unserved < count {
        assert!(start.elapsed() < 2 * DEADLINE, "{served} were served and {unserved} were not, of {count}");
        poll.poll(&mut events, Some(Duration::from_millis(100))).unwrap();
        if events.is_empty()
            && let Some(meanwhile) = meanwhile.take()
        {
            // All have come as far as they come.
            meanwhile();
        }
        for event in &events {
            let slot = &mut asking[event.token().0];
            if let Some(one) = slot.take_if(|one| one.advance()) {
                if one.heard.starts_with(b"HTTP/1.1 200 ") { served += 1 } else { unserved += 1 }
            }
        }
    }
    (served, unserved)
}

#[test]
fn all_who_came_while_it_stood_still_are_served() {
    if !can_open(4_000) {
        return;
    }
    let watched = Watched::start(&["--head-timeout-sec", "3600"]);
    watched.endure("a full queue", |server| {
        server.signal("STOP");
        let start = Instant::now();
        let (served, unserved) = knock(KNOCKING, server.address, || server.signal("CONT"));
        announce(&format!(
            "{KNOCKING} who came while it stood still: {served} were served within {:.1?}",
            start.elapsed()
        ));
        assert_eq!((served, unserved), (KNOCKING, 0));
    });
    watched.end();
}

/// They come in one moment, and there are fewer places than are taken in in a turn.
#[test]
fn who_has_asked_already_does_not_give_way_to_who_comes_next() {
    let watched = Watched::start(&["--max-clients", "4", "--max-pending-connections", "4"]);
    watched.endure("a crowd in a small server", |server| {
        server.signal("STOP");
        let (served, unserved) = knock(100, server.address, || server.signal("CONT"));
        announce(&format!("100 in a server with places for 5: {served} were served, {unserved} were not"));
        assert_eq!((served, unserved), (100, 0));
    });
    watched.end();
}
