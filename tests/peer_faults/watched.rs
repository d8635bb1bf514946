//! A server under watch: two who are not concerned talk all the time, in plain and over TLS, and what the process takes is measured.

#[cfg(feature = "tls")]
use crate::common::tls::Trusting;
use crate::common::{
    announce,
    neighbours::{ALLOWANCE_KIB, Neighbours, Taken, descriptors},
    server::{DEADLINE, TempDir, TestServer, wait_until},
};
use std::{process::Command, thread, time::Instant};

/// What a fault may leave in memory when it happens for the first time, in KiB: tables that nobody has written to before, and buffers that are
/// kept for the next one.
const FIRST_TIME_KIB: u64 = 2048;

/// A server and those who talk while something is done to it.
pub(crate) struct Watched {
    pub(crate) server: TestServer,
    at_start: Taken,
    neighbours: Vec<Neighbours>,
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
        let neighbours = vec![
            Neighbours::seat(&server),
            #[cfg(feature = "tls")]
            {
                let clients = Trusting::new(&server);
                Neighbours::of([(); 2].map(|()| clients.join("secure neighbours")))
            },
        ];
        // The connection that brought the certificate may still be there.
        let with_neighbours = alone + 2 * neighbours.len();
        wait_until("nobody but the neighbours", || descriptors(server.pid()) == with_neighbours);
        let at_start = Taken::by(&server);
        Self { server, at_start, neighbours }
    }

    /// Does something to the server, and once more: then it takes what it took before the second time.
    pub(crate) fn endure(&self, what: &str, mut fault: impl FnMut(&TestServer)) {
        fault(&self.server);
        let before = self.is_back_at(self.at_start, FIRST_TIME_KIB, what);
        fault(&self.server);
        let after = self.is_back_at(before, ALLOWANCE_KIB, what);
        self.neighbours_talk();
        announce(&format!("{what}: {}, once {before}, twice {after}", self.at_start));
    }

    /// Waits until all neighbours have talked once more.
    pub(crate) fn neighbours_talk(&self) {
        self.neighbours.iter().for_each(Neighbours::talk_on);
    }

    /// Waits until the process takes what it took before, but for so much memory.
    fn is_back_at(&self, before: Taken, allowance_kib: u64, what: &str) -> Taken {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let now = Taken::by(&self.server);
            let is_back = now.private_kib <= before.private_kib + allowance_kib;
            if is_back && now.descriptors == before.descriptors {
                return now;
            }
            assert!(Instant::now() < deadline, "{what}: it was {before}, and stays {now}");
            thread::yield_now();
        }
    }

    /// Lets the neighbours go: they have talked all the time, have missed nothing and heard nothing else.
    pub(crate) fn end(mut self) {
        self.neighbours.into_iter().for_each(|pair| _ = pair.part());
        assert!(self.server.is_alive());
    }
}
