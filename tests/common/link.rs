//! Bad cables: machines behind links that lose, delay and reorder packets (link.py). Not by netem, which is a module that not every kernel
//! has.

use super::{
    announce,
    netns::{self, Machine},
    skip,
    start::Guarded,
    wire::with_deadlines,
};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

/// This machine, at the end of every link.
pub const HERE: &str = "10.99.0.1";

/// Neither loss nor delay.
pub const GOOD: &str = "loss 0 delay 0 jitter 0";
/// One packet of ten is lost on each way, and the others take 20 to 60 ms and overtake each other.
pub const BAD: &str = "loss 10 delay 20 jitter 40";
/// Nothing passes, and nobody is told.
pub const DEAD: &str = "loss 100";

/// What a link did with packets, of both ways.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub carried: u64,
    pub lost: u64,
    /// Those that came after one that had been sent later.
    pub overtaken: u64,
}

/// A machine and the link to it, which is good until it is told otherwise.
pub struct Far {
    pub machine: Machine,
    pub address: String,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
    _link: Guarded,
}

impl Far {
    /// The machine 10.99.0.`number`, which reaches all others of these over this one. `None`, said loudly, if there can be none.
    pub fn away(number: u8) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/link.py");
        let [near, far] = ["near", "far"].map(|end| format!("{end}{number}"));
        let mut python = Command::new("python3");
        python.arg(script).args([&near, &far, &number.to_string()]);
        let Ok(mut link) = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            skip("python3");
            return None;
        };
        let (words, answers) = (link.stdin.take().unwrap(), BufReader::new(link.stdout.take().unwrap()));
        let address = format!("10.99.0.{number}");
        let machine = Machine::alone();
        let mut away = Self { machine, address, words, answers, _link: Guarded(link) };
        if away.answer() != "ready" {
            skip("/dev/net/tun");
            return None;
        }
        let Self { machine, address, .. } = &away;
        netns::ip(&format!("link set {far} netns {}", machine.pid()));
        netns::ip(&format!("addr add {HERE} peer {address} dev {near}"));
        netns::ip(&format!("link set {near} up"));
        machine.ip(&format!("addr add {address} peer {HERE} dev {far}"));
        machine.ip(&format!("link set {far} up"));
        machine.ip(&format!("route add default dev {far}"));
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        Some(away)
    }

    /// What the link does from now on.
    pub fn set(&mut self, wish: &str) {
        self.say(wish);
        assert_eq!(self.answer(), "done", "{wish}");
    }

    /// What the link has done since the last time; said aloud.
    pub fn counts(&mut self) -> Counts {
        self.say("count");
        let answer = self.answer();
        let mut numbers = answer.split(' ').map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        let counts = Counts { carried: next(), lost: next(), overtaken: next() };
        announce(&format!("the link to {}: {counts:?}", self.address));
        counts
    }

    /// A connection from there to a port here, whose reads and writes have a deadline.
    pub fn tcp(&self, port: u16) -> TcpStream {
        let address = SocketAddr::new(HERE.parse().unwrap(), port);
        with_deadlines(self.machine.inside(move || TcpStream::connect(address).unwrap()))
    }

    fn say(&mut self, line: &str) {
        writeln!(self.words, "{line}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
