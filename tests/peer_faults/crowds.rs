//! More connections than there is room for: of descriptors, and in the system's queue of those who wait to be taken in.

use crate::{
    common::{
        access::cpu_hundredths,
        announce,
        neighbours::descriptors,
        server::{DEADLINE, TestServer, wait_until},
        skip,
        wire::Wire,
    },
    watched::Watched,
};
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How often the server looks at most what its machine is called, and a bit.
const LOOK_PAUSE: Duration = Duration::from_millis(10_500);

/// Sets how many descriptors a running process may have.
fn limit_descriptors(pid: u32, count: usize) {
    let status =
        Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--nofile={count}:")]).status();
    assert!(status.unwrap().success());
}

const EXHAUSTED: &str = "cannot accept connections for now";
const CAME: &str = " from 127.0.0.1";
/// How a machine is called that clients of the local network know by a name of the internet.
const NAME: &str = "door.example.com";

/// What a server answers to whoever calls it by its name.
fn asked_by_name(address: SocketAddr) -> String {
    Wire::connect(address).exchange(format!("GET /.ok HTTP/1.1\r\nHost: {NAME}\r\n\r\n").as_bytes())
}

/// What starts a server on a machine of this name; `None`, said loudly, if that cannot be had.
fn named(args: &[&str]) -> Option<Command> {
    let can = |words: &[&str]| {
        let status =
            Command::new(words[0]).args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !can(&["unshare", "-u", "true"]) || !can(&["prlimit", "--version"]) {
        skip("root and util-linux, for a name of its own and limits");
        return None;
    }
    let suzu = TestServer::command(args);
    let mut command = Command::new("unshare");
    command.args(["-u", "sh", "-c", &format!(r#"echo {NAME} > /proc/sys/kernel/hostname; exec "$@""#), "sh"]);
    command.arg(suzu.get_program()).args(suzu.get_args());
    Some(command)
}

#[test]
fn without_descriptors_it_sleeps_and_knows_its_name_and_goes_on_when_there_are_some() {
    let Some(command) = named(&["--head-timeout-sec", "3600", "--log-level", "debug"]) else { return };
    let watched = Watched::start_command(command);
    let pid = watched.server.pid();
    let mut pause = LOOK_PAUSE;
    watched.endure("a want of descriptors", |server| {
        assert!(asked_by_name(server.address).starts_with("HTTP/1.1 200 "));
        let exhausted = server.log().matches(EXHAUSTED).count() + 1;
        let before = descriptors(pid);
        limit_descriptors(pid, before + 3);
        let mut waiting: Vec<_> = (0..100).map(|_| Wire::connect(server.address)).collect();
        wait_until("all descriptors to be taken", || server.log().matches(EXHAUSTED).count() == exhausted);
        let (since, cpu) = (Instant::now(), cpu_hundredths(pid));
        // Whoever comes next makes it look again what its machine is called.
        wait_until("the time to look again", || since.elapsed() > pause);
        let (time, used) = (since.elapsed(), cpu_hundredths(pid) - cpu);
        announce(&format!(
            "without descriptors for {time:.1?}: {used}0 ms of CPU, with the bystanders' talk"
        ));
        assert!(used * 10 < time.as_millis() as u64 / 2 || pause.is_zero(), "it spins");
        // Once is enough.
        pause = Duration::ZERO;
        watched.neighbours_talk();
        // One leaves, and so the first of those who wait gets the last descriptor.
        let taken_in = server.log().matches(CAME).count();
        drop(waiting.remove(0));
        wait_until("the next to be taken in", || server.log().matches(CAME).count() == taken_in + 1);
        drop(waiting);
        limit_descriptors(pid, 1024);
        let answer = asked_by_name(server.address);
        assert!(answer.starts_with("HTTP/1.1 200 "), "it has forgotten its name: {answer}");
    });
    let log = watched.server.log();
    assert_eq!(log.matches(EXHAUSTED).count(), 2, "one line each time: {log}");
    watched.end();
}

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

/// The system does not report what is behind urgent data (RFC 6093), and whoever has it there has always sent something that is not read.
#[test]
fn who_hides_behind_urgent_data_keeps_nobody_out() {
    let room = ["--max-clients", "1", "--max-pending-connections", "3"];
    let server = TestServer::start(&[&room[..], &["--head-timeout-sec", "3600"]].concat());
    server.signal("STOP");
    // One more than may be pending, and the place of a client.
    let _hiding: Vec<_> = (0..5)
        .map(|_| {
            let mut wire = Wire::connect(server.address);
            wire.send(b"GET ");
            SockRef::from(&wire.stream).send_out_of_band(b"!").unwrap();
            wire.send(b"/");
            wire
        })
        .collect();
    server.signal("CONT");
    let answer = Wire::connect(server.address).exchange(WELL);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
