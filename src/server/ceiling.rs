//! The most memory that a configuration can take, in bytes: every table and every limit added up.

use super::{Client, admin, admission, scrape, webhooks::Hooks};
use crate::{
    addresses::Addresses,
    config::{Config, TlsMode},
    deadlines::Deadlines,
    net::{connection::Connection, contexts::Contexts, websocket},
    signaling::Hub,
    slots::Slots,
};
use std::fmt;

/// Code, stack, C library, allocator and the loop's own small buffers, generously.
const BASE: usize = 3 << 20;

/// The parts of the ceiling, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling {
    /// The process before any table.
    pub base: usize,
    /// Tables of the loop and the hub, and all that the hub may keep for its peers: queues of absent mesh seats, mailbox stores; webhooks; and what Prometheus is told.
    pub tables: usize,
    /// One client with every buffer full.
    pub per_client: usize,
    /// How many clients.
    pub clients: usize,
    /// One connection that is no client.
    pub per_pending: usize,
    /// How many of these.
    pub pending: usize,
}

impl Ceiling {
    /// What follows from a configuration.
    pub fn of(config: &Config) -> Self {
        let signaling = config.signaling_limits();
        let limits = websocket::Limits {
            max_queue_bytes: Hub::queue_bytes_max(&signaling),
            ..config.websocket_limits()
        };
        let may_be_tls = config.tls != TlsMode::Off;
        Self {
            base: BASE,
            tables: Slots::<Client>::bytes(config.max_connections())
                + Deadlines::bytes(config.max_connections())
                + Addresses::bytes_max(&admission::limits(config))
                + Hub::bytes_max(&signaling)
                + Hooks::bytes_max(config)
                + Contexts::SPARE_BYTES
                + scrape::BYTES_MAX
                + config.admin_socket.as_ref().map_or(0, |_| admin::BYTES_MAX),
            per_client: Connection::bytes_max(limits, may_be_tls),
            clients: config.max_clients,
            // Leaving clients are among them, with their buffers still full.
            per_pending: Connection::bytes_max(limits, may_be_tls)
                .max(Connection::pending_bytes_max(may_be_tls)),
            pending: config.max_pending_connections,
        }
    }

    /// The sum.
    pub fn total(&self) -> usize {
        self.base + self.tables + self.per_client * self.clients + self.per_pending * self.pending
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "memory ceiling: {} KiB = {} for the program, {} for tables and what is stored for clients, {} clients at {}, {} other connections at {}",
            kib(self.total()),
            kib(self.base),
            kib(self.tables),
            self.clients,
            kib(self.per_client),
            self.pending,
            kib(self.per_pending),
        )
    }
}

fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_follows_the_limits() {
        let of = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            Ceiling::of(&config).total()
        };
        let default = of(|_| {});
        assert!(of(|c| c.max_clients *= 2) > default + default / 2);
        assert!(of(|c| c.max_queue_bytes /= 2) < default);
        assert!(of(|c| c.max_rooms *= 2) > default);
        assert_eq!(default, Ceiling::of(&Config::default()).total());
    }
}
