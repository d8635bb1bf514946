//! Two in another room who talk all the time, and what the server's process takes: both must be after a fault what they were before.

use super::{
    announce,
    server::{TestServer, wait_until},
    start::is_emulated,
    wire::Wire,
};
use std::{
    fs,
    io::{Read, Write},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(20);
/// After fewer nothing would have been shown.
const ROUNDS_LEAST: usize = 20;
/// Longer than any fault.
const PATIENCE: Duration = Duration::from_secs(120);
/// What an allocator may keep for the next time, in KiB.
pub const ALLOWANCE_KIB: u64 = 256;

/// A pair that exchanges messages until it is asked how many rounds there were.
pub struct Neighbours {
    end: Sender<()>,
    talk: JoinHandle<usize>,
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
    pub fn of<S: Read + Write + Send + 'static>(mut pair: [Wire<S>; 2]) -> Self {
        let (end, ended) = mpsc::channel();
        let talk = thread::spawn(move || {
            let mut is_asked = false;
            for round in 0.. {
                for from in [0, 1] {
                    let text = format!(r#"{{"type":"candidate","ice":{{"round":{round}}}}}"#);
                    pair[from].text(r#"{"type":"pong"}"#);
                    pair[from].text(&text);
                    assert_eq!(pair[1 - from].frame().text(), text, "the neighbours were disturbed");
                }
                is_asked = is_asked || ended.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout);
                if is_asked && round >= ROUNDS_LEAST {
                    return round + 1;
                }
            }
            unreachable!()
        });
        Self { end, talk }
    }

    /// They have talked all the time; they may go.
    pub fn part(self) -> usize {
        // If they are gone already, what they died of is told by `join`.
        let _ = self.end.send(());
        let rounds = self.talk.join().expect("the neighbours were disturbed");
        announce(&format!("neighbours: {rounds} rounds, nothing lost"));
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

impl Taken {
    pub fn by(server: &TestServer) -> Self {
        let process = format!("/proc/{}", server.pid());
        let rollup = fs::read_to_string(format!("{process}/smaps_rollup")).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
        let private_kib = line.trim().trim_end_matches(" kB").parse().unwrap();
        Self { private_kib, descriptors: fs::read_dir(format!("{process}/fd")).unwrap().count() }
    }

    /// Waits until the server takes no more than this again, and says what it took.
    pub fn is_back(self, server: &TestServer, what: &str) {
        let mut now = Self::by(server);
        let most = Self { private_kib: self.private_kib + ALLOWANCE_KIB, ..self };
        // An emulator's own memory is counted as well.
        let is_back = |now: Self| {
            now.descriptors <= most.descriptors && (is_emulated() || now.private_kib <= most.private_kib)
        };
        announce(&format!("{what}: before {self:?}"));
        wait_until(&format!("{what}: {most:?} or less"), || {
            now = Self::by(server);
            is_back(now)
        });
        announce(&format!("{what}: after  {now:?}"));
    }
}
