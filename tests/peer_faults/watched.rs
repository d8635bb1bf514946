//! A server under watch: two who are not concerned talk all the time, in plain and over TLS, and what the process takes is measured.

#[cfg(feature = "tls")]
use crate::common::tls::Trusting;
use crate::common::{
    announce,
    server::{DEADLINE, TempDir, TestServer, wait_until},
    wire::Bystanders,
};
use std::{
    fmt, fs,
    io::{Read, Write},
    panic,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often the bystanders talk.
const PACE: Duration = Duration::from_millis(5);
/// What a fault may leave in memory when it has happened before, in KiB: holes that the allocator keeps, and what is under way between the bystanders.
const ALLOWANCE_KIB: u64 = 256;
/// The same when it happens for the first time: tables that nobody has written to before, and buffers that are kept for the next one.
const FIRST_TIME_KIB: u64 = 2048;

/// What a process takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    /// Memory that is its own and written to (proc_pid_smaps(5)).
    pub(crate) private_dirty_kib: u64,
    pub(crate) descriptors: usize,
}

impl Footprint {
    pub(crate) fn of(pid: u32) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
        let private_dirty_kib = line.trim().trim_end_matches(" kB").parse().unwrap();
        Self { private_dirty_kib, descriptors: descriptors(pid) }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} fds", self.private_dirty_kib, self.descriptors)
    }
}

/// How many descriptors a process has.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// A server and those who talk while something is done to it.
pub(crate) struct Watched {
    pub(crate) server: TestServer,
    at_start: Footprint,
    talks: Vec<Talk>,
}

/// A pair of bystanders. It stops when the sender is gone, and tells how long its longest exchange took.
struct Talk {
    kind: &'static str,
    rounds: Arc<AtomicUsize>,
    stop: Sender<()>,
    thread: JoinHandle<Duration>,
}

impl Talk {
    fn start<S: Read + Write + Send + 'static>(kind: &'static str, mut pair: Bystanders<S>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let rounds = Arc::new(AtomicUsize::new(0));
        let count = rounds.clone();
        let thread = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                let start = Instant::now();
                pair.pong();
                pair.exchange();
                longest = longest.max(start.elapsed());
                count.fetch_add(1, Ordering::Relaxed);
            }
            longest
        });
        Self { kind, rounds, stop, thread }
    }
}

impl Watched {
    /// A server with these arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_command(TestServer::command(args))
    }

    /// The same for a command that ends up being suzu.
    pub(crate) fn start_command(mut command: Command) -> Self {
        // glibc keeps more and more of what is freed, the larger it was: not a leak, but it would hide one. With a threshold set it stops that
        // (mallopt(3)). musl knows neither.
        command.envs([("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "65536")]);
        let server = TestServer::start_command(command, TempDir::new());
        let alone = descriptors(server.pid());
        let talks = vec![
            Talk::start("plain", Bystanders::seat(server.address)),
            #[cfg(feature = "tls")]
            {
                let clients = Trusting::new(&server);
                let pair = [(); 2].map(|()| clients.join("secure bystanders"));
                Talk::start("TLS", Bystanders::of(pair))
            },
        ];
        // The connection that brought the certificate may still be there.
        let with_bystanders = alone + 2 * talks.len();
        wait_until("nobody but the bystanders", || descriptors(server.pid()) == with_bystanders);
        let at_start = Footprint::of(server.pid());
        Self { server, at_start, talks }
    }

    /// Does something to the server, and once more: then it takes what it took before the second time.
    pub(crate) fn endure(&self, what: &str, mut fault: impl FnMut(&TestServer)) {
        fault(&self.server);
        let before = self.is_back_at(self.at_start, FIRST_TIME_KIB, what);
        fault(&self.server);
        let after = self.is_back_at(before, ALLOWANCE_KIB, what);
        self.bystanders_talk();
        announce(&format!("{what}: {}, once {before}, twice {after}", self.at_start));
    }

    /// Waits until all bystanders have talked once more.
    pub(crate) fn bystanders_talk(&self) {
        for Talk { kind, rounds, .. } in &self.talks {
            // The next exchange may have begun already.
            let next = rounds.load(Ordering::Relaxed) + 2;
            wait_until(&format!("the {kind} bystanders to talk"), || rounds.load(Ordering::Relaxed) >= next);
        }
    }

    /// Waits until the process takes what it took before, but for so much memory.
    fn is_back_at(&self, before: Footprint, allowance_kib: u64, what: &str) -> Footprint {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let now = Footprint::of(self.server.pid());
            let is_back = now.private_dirty_kib <= before.private_dirty_kib + allowance_kib;
            if is_back && now.descriptors == before.descriptors {
                return now;
            }
            assert!(Instant::now() < deadline, "{what}: it was {before}, and stays {now}");
            thread::yield_now();
        }
    }

    /// Lets the bystanders go: they have talked all the time, have missed nothing and heard nothing else.
    pub(crate) fn end(mut self) {
        for Talk { kind, rounds, stop, thread } in self.talks {
            drop(stop);
            let longest = thread.join().unwrap_or_else(|failure| panic::resume_unwind(failure));
            let rounds = rounds.load(Ordering::Relaxed);
            announce(&format!("{kind} bystanders: {rounds} exchanges, the longest took {longest:?}"));
        }
        assert!(self.server.is_alive());
    }
}
