//! Everything that was counted, as text.

use super::{
    ENDS, Gauges, HANDSHAKES, Metrics, REFUSED, THROTTLES,
    histogram::Histogram,
    text::{Text, bounded},
};
use crate::signaling::{
    Close, Dialect, Kind,
    counts::{Counts, Traffic, Volume},
    credentials::Denial,
};

/// What this program can do.
const FEATURES: &str = match (cfg!(feature = "tls"), cfg!(feature = "web")) {
    (true, true) => "tls,web",
    (true, false) => "tls",
    (false, true) => "web",
    (false, false) => "none",
};

impl Metrics {
    /// The text for Prometheus, of [`super::BYTES_MAX`] at the most.
    pub fn render(&mut self, hub: &Counts, now: &Gauges) -> String {
        let mut text = Text::with_capacity(self.rendered_bytes + 1024);
        process(&mut text, now);
        usage(&mut text, now);
        self.messages(&mut text, hub);
        self.sessions(&mut text, hub);
        self.connections(&mut text, now);
        self.calls(&mut text, now);
        self.as_ayame(&mut text, now);
        let text = text.finish();
        self.rendered_bytes = text.len();
        text
    }

    fn messages(&self, text: &mut Text, hub: &Counts) {
        let (received, sent) = (&hub.received, &self.sent);
        text.counter("suzu_messages_received_total", "Messages that clients sent.");
        volumes(text, Dialect::receives, received, |volume| volume.messages);
        text.counter("suzu_messages_received_bytes_total", "Bytes of the messages that clients sent.");
        volumes(text, Dialect::receives, received, |volume| volume.bytes);
        text.counter("suzu_messages_sent_total", "Messages that clients were sent.");
        volumes(text, Dialect::sends, sent, |volume| volume.messages);
        text.counter("suzu_messages_sent_bytes_total", "Bytes of the messages that clients were sent.");
        volumes(text, Dialect::sends, sent, |volume| volume.bytes);
        text.counter("suzu_pings_sent_total", "WebSocket pings that clients were sent.")
            .sample(&[], self.pings_sent);
        text.counter("suzu_pings_received_total", "WebSocket pings that clients sent.")
            .sample(&[], self.pings_received);
        text.counter("suzu_pongs_received_total", "WebSocket pongs that clients sent.")
            .sample(&[], self.pongs_received);
    }

    fn sessions(&self, text: &mut Text, hub: &Counts) {
        text.counter("suzu_accepts_total", "Clients that got a seat.");
        by_dialect(text, &hub.accepts);
        text.counter("suzu_rejects_total", "Clients that got no seat, by the reason.");
        for dialect in Dialect::ALL {
            for why in dialect.rejections() {
                let labels = [("dialect", dialect.name()), ("reason", why.label())];
                text.sample(&labels, hub.rejects(dialect, *why));
            }
        }
        text.counter("suzu_closes_total", "Sessions of clients that ended, by the reason.");
        each(text, "reason", &Close::ALL.map(Close::label), &self.closes);
        each(text, "reason", &ENDS, &self.ends);
        text.counter(
            "suzu_evictions_total",
            "Clients that lost their seat: they were silent when somebody needed it, or came again.",
        )
        .sample(&[("dialect", "ayame"), ("cause", "silent")], hub.silent_evicted)
        .sample(&[("dialect", "ayame"), ("cause", "returned")], hub.returned_evicted)
        .sample(&[("dialect", "mesh"), ("cause", "returned")], hub.replaced);
        text.counter("suzu_resumes_total", "Mesh clients that got their seat back.").sample(&[], hub.resumes);
        text.counter("suzu_queue_overflows_total", "Clients that were let go, and absent mesh clients that lost their seat, because too much was waiting for them.")
            .sample(&[("queue", "client")], self.overflows)
            .sample(&[("queue", "absent")], hub.absent_overflows);
        text.counter(
            "suzu_credentials_refused_total",
            "Keys and tokens that were not let in, by the reason.",
        );
        each(text, "reason", &Denial::LABELS, &self.denials);
        text.counter(
            "suzu_throttles_total",
            "Times that a client was not read for a moment because it had sent too much.",
        );
        each(text, "limit", &THROTTLES, &self.throttles);
    }

    fn connections(&self, text: &mut Text, now: &Gauges) {
        text.counter("suzu_connections_accepted_total", "Connections that were taken in.")
            .sample(&[], self.accepted);
        text.counter("suzu_connections_refused_total", "Connections that were not taken in or gave way to others; exhausted: times that all had to wait, for want of descriptors.");
        each(text, "reason", &REFUSED, &self.refused);
        text.counter("suzu_http_responses_total", "Answers to HTTP requests, by their status.");
        for (status, count) in self.requests.statuses() {
            let code = status.map_or_else(|| "other".to_owned(), |status| status.to_string());
            text.sample(&[("code", &code)], count);
        }
        text.counter("suzu_tls_handshakes_total", "TLS handshakes, by how they ended.");
        each(text, "result", &HANDSHAKES, &self.handshakes);
        text.gauge(
            "suzu_tls_certificate_not_after_timestamp_seconds",
            "When the certificate ends, in seconds since 1970.",
        );
        if let Some(unix) = now.certificate_not_after {
            text.sample(&[], unix);
        }
        text.family(
            "suzu_turn_duration_seconds",
            "histogram",
            "How long the loop worked in a turn, without waiting.",
        )
        .histogram_of("", &self.turns);
    }

    fn calls(&self, text: &mut Text, now: &Gauges) {
        text.counter(
            "suzu_webhook_requests_total",
            "Calls of webhooks: the status of the answer, or what was wrong.",
        );
        counters(text, self.webhooks.results.rows());
        text.family(
            "suzu_webhook_request_duration_seconds",
            "histogram",
            "How long calls of webhooks took, answered or not.",
        );
        histograms(text, self.webhooks.durations.rows());
        text.gauge("suzu_webhook_questions", "Clients about whom a webhook is being asked.")
            .sample(&[], now.questions);
        text.gauge("suzu_webhook_reports", "Ended sessions of which a webhook is still to be told.")
            .sample(&[], now.reports);
        text.counter(
            "suzu_webhook_reports_dropped_total",
            "Ended sessions of which no webhook was told: there were too many, or it failed too often.",
        )
        .sample(&[], now.reports_dropped);
    }

    /// The same under the names that Ayame has for it.
    fn as_ayame(&self, text: &mut Text, now: &Gauges) {
        let requests = self.requests.rows(bounded(&now.host), bounded(&now.signaling_path));
        text.counter("ayame_requests_total", "HTTP requests, as Ayame counts them.");
        counters(text, &requests);
        text.family(
            "ayame_request_duration_seconds",
            "histogram",
            "How long the turns of the loop took in which HTTP requests were answered.",
        );
        histograms(text, &requests);
        text.counter("ayame_webhook_requests_total", "Answers of webhooks, as Ayame counts them.");
        counters(text, self.webhooks.answers.rows());
        text.family(
            "ayame_webhook_request_duration_seconds",
            "histogram",
            "How long answers of webhooks took, as Ayame measures it.",
        );
        histograms(text, self.webhooks.answers.rows());
        text.counter(
            "ayame_authn_webhook_responses_total",
            "What the authentication webhook decided, and why; as Ayame counts it.",
        );
        counters(text, self.webhooks.verdicts.rows());
    }
}

fn counters(text: &mut Text, rows: &[(String, Histogram)]) {
    for (labels, histogram) in rows {
        text.sample_of(labels, histogram.count());
    }
}

fn histograms(text: &mut Text, rows: &[(String, Histogram)]) {
    for (labels, histogram) in rows {
        text.histogram_of(labels, histogram);
    }
}

fn process(text: &mut Text, now: &Gauges) {
    text.gauge("suzu_build_info", "Always 1; its labels say which suzu this is.")
        .sample(&[("version", env!("CARGO_PKG_VERSION")), ("features", FEATURES)], 1);
    let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    text.gauge("suzu_uptime_seconds", "The time since the start.").seconds(nanos(now.uptime));
    text.gauge("process_start_time_seconds", "When it started, in seconds since 1970 by the clock of now.")
        .seconds(nanos(now.unix.saturating_sub(now.uptime)));
    text.gauge("suzu_memory_ceiling_bytes", "The most memory that the configuration can take.")
        .sample(&[], now.memory_ceiling_bytes);
    text.counter(
        "suzu_signaling_log_errors_total",
        "Messages that could not be written to the signaling log.",
    )
    .sample(&[], now.signaling_log_errors);
}

fn usage(text: &mut Text, now: &Gauges) {
    text.gauge("suzu_clients", "Clients that are there, seated or not.");
    by_dialect(text, &now.census.clients);
    text.gauge("suzu_clients_limit", "How many clients there can be (max_clients).")
        .sample(&[], now.clients_limit);
    text.gauge("suzu_rooms", "Rooms with somebody in them.");
    by_dialect(text, &now.census.rooms);
    text.gauge("suzu_rooms_limit", "How many rooms there can be (max_rooms).").sample(&[], now.rooms_limit);
    text.gauge("suzu_seats", "Seats in rooms that are taken.");
    by_dialect(text, &now.census.seats);
    text.gauge(
        "suzu_seats_per_room_limit",
        "How many seats a room has (max_peers_per_room; Ayame's have two).",
    );
    for dialect in Dialect::ALL {
        if let Some(seats) = dialect.seats(now.seats_per_room_limit) {
            text.sample(&[("dialect", dialect.name())], seats as u64);
        }
    }
    text.gauge("suzu_absent_seats", "Seats of the mesh that are kept for a client whose connection is lost.")
        .sample(&[], now.census.absent);
    text.gauge(
        "suzu_throttled_clients",
        "Clients that are not read at the moment because they have sent too much.",
    )
    .sample(&[], now.throttled);
    text.gauge("suzu_connections", "Connections, clients included.").sample(&[], now.connections);
    text.gauge(
        "suzu_connections_limit",
        "How many connections there can be (max_clients, max_pending_connections).",
    )
    .sample(&[], now.connections_limit);
}

fn volumes(text: &mut Text, kinds: fn(Dialect) -> &'static [Kind], of: &Traffic, value: fn(Volume) -> u64) {
    for dialect in Dialect::ALL {
        for kind in kinds(dialect) {
            let labels = [("dialect", dialect.name()), ("type", kind.name())];
            text.sample(&labels, value(of.of(dialect, *kind)));
        }
    }
}

fn by_dialect(text: &mut Text, counts: &[u64; Dialect::ALL.len()]) {
    each(text, "dialect", &Dialect::ALL.map(Dialect::name), counts);
}

/// A sample for each value of a label.
fn each(text: &mut Text, label: &str, values: &[&str], counts: &[u64]) {
    for (value, count) in values.iter().zip(counts) {
        text.sample(&[(label, value)], *count);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::*, *};
    use crate::{
        http::asked::{Method, Place},
        metrics::{text::LABEL_BYTES_MAX, webhooks::Hook},
    };

    /// How long a text would be if all its numbers were as long as they can be.
    fn bytes_max(text: &str) -> usize {
        const NUMBER_BYTES_MAX: usize = 21;
        let line = |line: &str| match line.rsplit_once(' ') {
            Some((name, _)) if !line.starts_with('#') => name.len() + 1 + NUMBER_BYTES_MAX,
            _ => line.len(),
        };
        text.lines().map(|text| line(text) + 1).sum()
    }

    #[test]
    fn the_longest_text_is_no_longer_than_is_said() {
        let quotes = |n: usize| "\"".repeat(LABEL_BYTES_MAX + n);
        let mut metrics = Metrics::default();
        let usual = bytes_max(&metrics.render(&Counts::default(), &Gauges::default()));
        for status in 100..200 {
            for (method, place) in [(Method::Other, Place::Signaling), (Method::Get, Place::Health)] {
                metrics.answered(status, Asked { method, place });
            }
            for hook in [Hook::Authn, Hook::Disconnect] {
                let (host, path) = (format!("{status}{}", quotes(0)), format!("{status}{}", quotes(0)));
                metrics.webhooks.called(hook, (&host, &path), Ok(status), Duration::ZERO);
                metrics.webhooks.said((&host, &path), None);
                metrics.webhooks.said((&host, &path), Some(&format!("{status}{}", quotes(0))));
                for fault in ["unresolved", "unreachable", "tls", "broken", "answer", "late"] {
                    metrics.webhooks.called(hook, (&host, &path), Err(fault), Duration::ZERO);
                }
            }
        }
        let gauges = Gauges {
            host: quotes(1),
            signaling_path: quotes(1),
            certificate_not_after: Some(0),
            ..Gauges::default()
        };
        let worst = bytes_max(&metrics.render(&Counts::default(), &gauges));
        assert!(usual * 2 < worst && worst <= BYTES_MAX, "{usual} bytes as a rule, {worst} at the worst");
        assert!(BYTES_MAX < worst + 16 * 1024, "{worst} are enough");
    }

    #[test]
    fn what_is_counted_in_any_dialect_is_told() {
        let mut metrics = Metrics::default();
        let mut hub = Counts::default();
        for dialect in Dialect::ALL {
            dialect.receives().iter().for_each(|kind| hub.received.count(dialect, *kind, 7));
            dialect.sends().iter().for_each(|kind| metrics.sent(dialect, *kind, 7));
        }
        Close::ALL.into_iter().for_each(|close| metrics.ended(End::Close(close)));
        for end in [End::Left, End::Lost, End::Protocol, End::NotUtf8, End::TooLarge] {
            metrics.ended(end);
        }
        let text = metrics.render(&hub, &Gauges::default());
        let of = |name: &str| text.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
        for name in ["suzu_messages_received_total", "suzu_messages_sent_total", "suzu_closes_total"] {
            assert!(of(name).iter().all(|line| line.ends_with("} 1")), "{:?}", of(name));
        }
        for name in ["suzu_messages_received_bytes_total", "suzu_messages_sent_bytes_total"] {
            assert!(of(name).iter().all(|line| line.ends_with("} 7")), "{:?}", of(name));
        }
        assert_eq!(of("suzu_closes_total").len(), Close::ALL.len() + ENDS.len());
    }
}
