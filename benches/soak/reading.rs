//! What the server has at a moment, by the kernel and by its own metrics, and how far that is from what the load knows.

use super::{
    common::{scrape::Scrape, server::TestServer},
    crew::Crew,
    door::Door,
    machine::Memory,
    verdict::{Off, Still},
    webhook::Webhook,
};
use std::{
    fs,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};
use suzu::signaling::Dialect;

/// Whatever has to end has ended by then.
const DEADLINE: Duration = Duration::from_secs(20);

/// The types of messages that go from one client to others: all of these are waited for.
const PASSED: [&str; 8] =
    ["offer", "answer", "candidate", "candidateAdd", "ice-candidate", "message", "text", "binary"];

/// What there is with nobody there.
pub(crate) struct Reader<'a> {
    server: &'a TestServer,
    door: &'a Door,
    webhook: &'a Webhook,
    descriptors: u64,
    threads: u64,
}

impl<'a> Reader<'a> {
    /// Nobody has come yet.
    pub(crate) fn new(server: &'a TestServer, door: &'a Door, webhook: &'a Webhook) -> Self {
        // What asked for the certificate may be leaving.
        let descriptors = (0..20).map(|_| {
            thread::sleep(Duration::from_millis(50));
            descriptors(server.pid())
        });
        let (descriptors, threads) = (descriptors.min().unwrap(), threads(server.pid()));
        Self { server, door, webhook, descriptors, threads }
    }

    /// Reads when all is as it must be, or says how it is not. Nobody may do anything meanwhile.
    pub(crate) fn still(&self, begin: Instant) -> Still {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut wrong = Vec::new();
            let off = self.off(&mut wrong);
            if wrong.is_empty() || Instant::now() > deadline {
                wrong
                    .iter()
                    .for_each(|what| println!("OFF at {:.0} s: {what}", begin.elapsed().as_secs_f64()));
                let Memory { resident, private_dirty } = Memory::of(self.server.pid());
                return Still {
                    at: begin.elapsed().as_secs_f64(),
                    private_kib: private_dirty as f64,
                    resident_kib: resident as f64,
                    off,
                };
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn off(&self, wrong: &mut Vec<String>) -> Off {
        let scrape = Scrape::of(self.server.address);
        // That connection is going.
        thread::sleep(Duration::from_millis(20));
        let mut compare = |what: &str, is: f64, expected: f64| {
            if is != expected {
                wrong.push(format!("{what}: {is}, and {expected} expected"));
            }
            (is - expected).abs() as u64
        };
        let mut off = Off::default();
        let mut all = 0;
        for dialect in Dialect::ALL {
            let label = dialect.name();
            let tally = self.door.tally(dialect);
            let there = tally.there.load(Ordering::Relaxed);
            all += there;
            let of = |name: &str| sum(&scrape, name, label, None);
            off.clients += compare(&format!("{label} clients"), of("suzu_clients"), there as f64);
            off.clients += compare(&format!("{label} rooms"), of("suzu_rooms"), rooms(dialect, there));
            let seats = if dialect == Dialect::Echo { 0 } else { there };
            off.clients += compare(&format!("{label} seats"), of("suzu_seats"), seats as f64);
            for (way, name, count) in [
                ("said", "suzu_messages_received_total", &tally.said),
                ("heard", "suzu_messages_sent_total", &tally.heard),
            ] {
                let is = sum(&scrape, name, label, Some(&PASSED));
                off.messages +=
                    compare(&format!("{label} messages {way}"), is, count.load(Ordering::Relaxed) as f64);
            }
        }
        for name in ["suzu_absent_seats", "suzu_webhook_questions", "suzu_webhook_reports"] {
            off.clients += compare(name, scrape.get(name), 0.0);
        }
        let calls = scrape.sum("suzu_webhook_requests_total");
        off.messages += compare("calls of webhooks", calls, self.webhook.asked() as f64);
        off.clients += compare("connections", scrape.get("suzu_connections"), (all + 1) as f64);
        let expected = self.descriptors as i64 + all + self.webhook.open();
        let pid = self.server.pid();
        off.descriptors = compare("descriptors", descriptors(pid) as f64, expected as f64);
        off.threads = compare("threads", threads(pid) as f64, self.threads as f64);
        off
    }
}

/// Series of a name with this dialect, and with one of these types if they are named.
fn sum(scrape: &Scrape, name: &str, dialect: &str, types: Option<&[&str]>) -> f64 {
    let is_of = |series: &str| {
        let is_type = |kind: &&str| series.contains(&format!("type=\"{kind}\""));
        series.contains(&format!("dialect=\"{dialect}\""))
            && types.is_none_or(|types| types.iter().any(is_type))
    };
    scrape.all(name).filter(|(series, _)| is_of(series)).map(|(_, value)| value).sum()
}

/// Those of who stays: all of them are there, or none.
fn rooms(dialect: Dialect, there: i64) -> f64 {
    let probes = 2;
    match dialect {
        _ if there == 0 => 0.0,
        Dialect::Ayame | Dialect::Mailbox => Crew::staying(dialect) as f64 / 2.0,
        Dialect::Mesh | Dialect::Chat | Dialect::Relay => 1.0 + f64::from(probes),
        Dialect::Echo => 0.0,
    }
}

pub(crate) fn descriptors(pid: u32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64
}

fn threads(pid: u32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().count() as u64
}
