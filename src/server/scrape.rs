//! Telling Prometheus what was counted.

use super::{Ceiling, Server};
use crate::{
    http::{asked::Asked, response, response::Refusal},
    metrics::{self, Gauges},
    net::tls::Tls,
    signaling::Mono,
    slots::Key,
};
use std::time::Duration;

/// So many may be told at a time; one more is told to come again.
const SCRAPES_MAX: usize = 4;
/// The most memory that they take, in bytes: the answers, and the text that becomes one, in a buffer that doubles as it grows.
pub(super) const BYTES_MAX: usize = (SCRAPES_MAX + 2) * metrics::BYTES_MAX;

impl Server {
    /// Queues what was counted, or only the head of that answer.
    pub(super) fn scrape(&mut self, key: Key, is_head: bool, asked: Asked) {
        if self.clients.iter().filter(|(_, client)| client.is_scrape).count() >= SCRAPES_MAX {
            self.metrics.answered(Refusal::Full.status(), asked);
            self.log_answer(key, Refusal::Full.status());
            if let Some(client) = self.clients.get_mut(key) {
                client.connection.refuse(Refusal::Full);
            }
            return;
        }
        self.metrics.answered(200, asked);
        self.log_answer(key, 200);
        let gauges = self.gauges();
        let bytes = response::metrics(&self.metrics.render(self.hub.counts(), &gauges));
        let bytes = if is_head { response::head_only(bytes) } else { bytes };
        if let Some(client) = self.clients.get_mut(key) {
            client.is_scrape = true;
            client.connection.answer(bytes);
        }
    }

    /// What is so now. Walks over all clients and rooms.
    fn gauges(&self) -> Gauges {
        let now = self.now;
        let is_throttled = |at: &Mono| *at > now.mono;
        let throttled = self.clients.iter().filter_map(|(_, client)| client.throttled_until);
        let (questions, reports, reports_dropped) =
            self.hooks.as_ref().map(|hooks| hooks.pending()).unwrap_or_default();
        let signaling = self.site.endpoints.iter().find(|endpoint| endpoint.speaks == "ayame");
        Gauges {
            census: self.hub.census(),
            clients_limit: self.config.max_clients as u64,
            rooms_limit: self.config.max_rooms as u64,
            seats_per_room_limit: self.config.max_peers_per_room,
            connections: self.clients.len() as u64,
            connections_limit: self.clients.capacity() as u64,
            throttled: throttled.filter(is_throttled).count() as u64,
            memory_ceiling_bytes: Ceiling::of(&self.config).total() as u64,
            certificate_not_after: self.tls.as_ref().map(Tls::not_after).filter(|unix| *unix > 0),
            uptime: now.mono.since(Mono::START),
            unix: Duration::from_millis(now.unix_ms),
            questions: questions as u64,
            reports: reports as u64,
            reports_dropped,
            signaling_log_errors: self.signaling_log_errors(),
            signaling_path: signaling.map(|endpoint| endpoint.path.clone()).unwrap_or_default(),
            host: self.config.listen.first().map(ToString::to_string).unwrap_or_default(),
        }
    }
}
