//! The webhooks of the run: they let everybody in, and take note of everybody who has gone.

use std::{
    io::Write,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

#[path = "../../tests/webhook_rig/mod.rs"]
mod webhook_rig;
use webhook_rig::{OK, Server, read_request};

pub(crate) struct Webhook {
    server: Server,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    open: AtomicI64,
    asked: AtomicU64,
}

impl Webhook {
    pub(crate) fn start() -> Self {
        let counts = Arc::new(Counts::default());
        let of_server = counts.clone();
        let server = Server::start(move |_, stream| serve(stream, &of_server));
        Self { server, counts }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Connections that are there.
    pub(crate) fn open(&self) -> i64 {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// How often it was called so far.
    pub(crate) fn asked(&self) -> u64 {
        self.counts.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, counts: &Counts) {
    counts.open.fetch_add(1, Ordering::SeqCst);
    while read_request(&mut stream).is_some() {
        counts.asked.fetch_add(1, Ordering::SeqCst);
        if stream.write_all(OK).is_err() {
            break;
        }
    }
    counts.open.fetch_sub(1, Ordering::SeqCst);
}
