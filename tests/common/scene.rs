//! A server and bystanders: whatever somebody else does, they must notice nothing, and the log says in few words what happened.

use super::{
    server::TestServer,
    wire::{Bystanders, Wire},
};

/// A server, and two in a room of it who must notice nothing.
pub struct Scene {
    pub server: TestServer,
    pub bystanders: Bystanders,
    marks: usize,
}

impl Scene {
    pub fn new(args: &[&str]) -> Self {
        let server = TestServer::start(&[&["--log-level", "debug"], args].concat());
        let bystanders = Bystanders::seat(server.address);
        Self { server, bystanders, marks: 0 }
    }

    pub fn connect(&self) -> Wire {
        Wire::connect(self.server.address)
    }

    pub fn open(&self) -> Wire {
        Wire::open(self.server.address)
    }

    pub fn join(&self, room: &str) -> Wire {
        Wire::join(self.server.address, room)
    }

    /// The lines of the log that are there at the level info too: everyday life is below it.
    pub fn faults(&mut self) -> Vec<String> {
        self.log().into_iter().filter(|line| !line.starts_with("DEBUG")).collect()
    }

    /// All lines of the log up to now.
    pub fn log(&mut self) -> Vec<String> {
        // Lines come in order: when this one is there, all before it are.
        self.marks += 1;
        let room = format!("mark {}", self.marks);
        drop(self.join(&room));
        self.server.wait_for_log(&format!("{room:?}"));
        self.server.log().lines().map(str::to_owned).collect()
    }

    /// What must hold whatever somebody else has done.
    pub fn end(mut self) {
        self.bystanders.exchange();
        assert!(self.server.is_alive());
    }
}

/// Bytes that look like nothing, the same ones for the same seed (splitmix64).
pub fn random_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}
