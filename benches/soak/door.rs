//! What all who come have in common: where the server is, whom they trust, and what they have said and heard altogether.

use super::common::{
    server::TestServer,
    tls::{ca_pem, client_config},
};
use rustls::ClientConfig;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use suzu::signaling::Dialect;

/// Where a client that speaks this asks for the upgrade.
pub(crate) fn path(dialect: Dialect, room: &str) -> String {
    match dialect {
        Dialect::Ayame => "/signaling".to_owned(),
        Dialect::Mailbox => format!("/ws?room={room}"),
        Dialect::Mesh => "/mesh".to_owned(),
        Dialect::Echo => "/echo".to_owned(),
        Dialect::Chat => format!("/chat?room={room}"),
        Dialect::Relay => format!("/relay?room={room}"),
    }
}

/// What was done in one dialect, in which every message is waited for.
#[derive(Default)]
pub(crate) struct Tally {
    /// Messages for others.
    pub(crate) said: AtomicU64,
    /// Messages of others.
    pub(crate) heard: AtomicU64,
    /// Clients that are there.
    pub(crate) there: AtomicI64,
}

pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) trust: Arc<ClientConfig>,
    tallies: [Tally; 6],
    /// Connections so far, with those that came to nothing.
    pub(crate) connections: AtomicU64,
    /// Whoever does something holds it for reading; whoever wants stillness, for writing.
    pub(crate) stillness: RwLock<()>,
    pub(crate) is_over: AtomicBool,
    /// Round trips since somebody looked.
    pub(crate) round_trips: Mutex<Vec<(usize, Duration)>>,
}

impl Door {
    pub(crate) fn of(server: &TestServer) -> Self {
        Self {
            address: server.address,
            trust: client_config(&ca_pem(server.address)),
            tallies: Default::default(),
            connections: AtomicU64::new(0),
            stillness: RwLock::new(()),
            is_over: AtomicBool::new(false),
            round_trips: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn tally(&self, dialect: Dialect) -> &Tally {
        &self.tallies[dialect as usize]
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}
