//! epoll, as thin as it can be: of the floors and of the load.

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    fd::{AsFd, OwnedFd},
    io::Errno,
};
use std::time::Duration;

pub(crate) struct Epoll {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Epoll {
    pub(crate) fn new() -> Self {
        Self { epoll: epoll::create(CreateFlags::CLOEXEC).unwrap(), events: Vec::with_capacity(256) }
    }

    /// Tells of every readiness to read under this number.
    pub(crate) fn add(&self, source: impl AsFd, number: usize) {
        self.register(source, number, EventFlags::IN);
    }

    /// Tells of it once, until more comes.
    pub(crate) fn add_edge_triggered(&self, source: impl AsFd, number: usize) {
        self.register(source, number, EventFlags::IN | EventFlags::ET);
    }

    fn register(&self, source: impl AsFd, number: usize, flags: EventFlags) {
        epoll::add(&self.epoll, source, EventData::new_u64(number as u64), flags).unwrap();
    }

    /// How many are ready: at once if there is no time to wait, for ever if it is `None`.
    pub(crate) fn wait(&mut self, time: Option<Duration>) -> usize {
        let time = time.map(|time| Timespec::try_from(time).unwrap());
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), time.as_ref()) {
            Err(error) if error != Errno::INTR => panic!("epoll: {error}"),
            _ => self.events.len(),
        }
    }

    /// The number of one that is ready.
    pub(crate) fn ready(&self, at: usize) -> usize {
        self.events[at].data.u64() as usize
    }
}
