//! Two in another room who talk all the time, and what the server's process takes: both must be after a fault what they were before.

use super::{
    announce,
    server::{TestServer, wait_until},
    start::is_emulated,
    wire::{Bystanders, Wire},
};
use std::{
    fmt, fs,
    io::{Read, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(5);
/// After fewer nothing would have been shown.
const ROUNDS_LEAST: usize = 20;
/// Longer than any fault.
const PATIENCE: Duration = Duration::from_secs(120);
/// What an allocator may keep for the next time, in KiB.
pub const ALLOWANCE_KIB: u64 = 256;

/// A pair that exchanges messages until it is asked how many rounds there were.
pub struct Neighbours {
    rounds: Arc<AtomicUsize>,
    end: Sender<()>,
    /// Tells how long the longest round took.
    talk: JoinHandle<Duration>,
}

impl Neighbours {
    /// Two in a room of Ayame's.
    pub fn seat(server: &TestServer) -> Self {
        let seat = || {
            let wire = Wire::join(server.address, "neighbours");
            wire.stream.set_read_timeout(Some(PATIENCE)).unwrap();
            wire
        };
        Self::of([seat(), seat()])
    }

    /// Two who are seated in a room. Each says that it lives, each hears each word of the other, in order, and nothing else.
    #[allow(clippy::disallowed_methods, reason = "how long it takes is said, and no test goes by it")]
    pub fn of<S: Read + Write + Send + 'static>(pair: [Wire<S>; 2]) -> Self {
        let (end, ended) = mpsc::channel();
        let mut pair = Bystanders::of(pair);
        // That was the first.
        let rounds = Arc::new(AtomicUsize::new(1));
        let count = rounds.clone();
        let talk = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            let mut is_asked = false;
            while !is_asked || count.load(Ordering::Relaxed) < ROUNDS_LEAST {
                let start = Instant::now();
                pair.pong();
                pair.exchange();
                longest = longest.max(start.elapsed());
                count.fetch_add(1, Ordering::Relaxed);
                is_asked = is_asked || ended.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout);
            }
            longest
        });
        Self { rounds, end, talk }
    }

    /// Waits until they have talked once more.
    pub fn talk_on(&self) {
        // The next round may have begun already.
        let next = self.rounds.load(Ordering::Relaxed) + 2;
        wait_until("the neighbours to talk", || self.rounds.load(Ordering::Relaxed) >= next);
    }

    /// They have talked all the time; they may go.
    pub fn part(self) -> usize {
        // If they are gone already, what they died of is told by `join`.
        let _ = self.end.send(());
        let longest = self.talk.join().unwrap_or_else(|failure| panic::resume_unwind(failure));
        let rounds = self.rounds.load(Ordering::Relaxed);
        announce(&format!("neighbours: {rounds} rounds, nothing lost, the longest took {longest:?}"));
        rounds
    }
}

/// What a process takes: private memory that it has written to, and descriptors. (`Private_Dirty` would have in it what the system has not
/// yet written to the disk of a binary that has just been built.)
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub private_kib: u64,
    pub descriptors: usize,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} descriptors", self.private_kib, self.descriptors)
    }
}

/// How many descriptors a process has.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

impl Taken {
    pub fn by(server: &TestServer) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", server.pid())).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
        let private_kib = line.trim().trim_end_matches(" kB").parse().unwrap();
        Self { private_kib, descriptors: descriptors(server.pid()) }
    }

    /// Waits until the server takes no more than this again, and says what it took.
    pub fn is_back(self, server: &TestServer, what: &str) {
        let mut now = Self::by(server);
        let most = Self { private_kib: self.private_kib + ALLOWANCE_KIB, ..self };
        // An emulator's own memory is counted as well.
        let is_back = |now: Self| {
            now.descriptors <= most.descriptors && (is_emulated() || now.private_kib <= most.private_kib)
        };
        announce(&format!("{what}: before {self}"));
        wait_until(&format!("{what}: {most} or less"), || {
            now = Self::by(server);
            is_back(now)
        });
        announce(&format!("{what}: after  {now}"));
    }
}
