//! The course of a run: a first round of everything, and then load, with samples and moments of stillness.

use super::{
    common::{
        access::cpu_hundredths,
        server::{TempDir, TestServer, wait_until},
    },
    crew::Crew,
    door::Door,
    machine::{Cpu, Memory},
    probes::KINDS,
    reading::{Reader, descriptors},
    verdict::{Run, Sample, Still},
    webhook::Webhook,
};
use std::{
    fs,
    path::PathBuf,
    process,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};
use suzu::signaling::Dialect;

/// Limits are in force, and wide: all clients have 200 addresses, and say more than people do.
const SETTINGS: &str = "\
max_clients = 600
max_rooms = 300
max_peers_per_room = 40
max_connections_per_address = 64
max_connections_per_second = 200
max_messages_per_second = 10000
max_bytes_per_second = 10000000
resume_grace_sec = 5
reject_delay_max_sec = 1
";

/// A run and what was done in it.
pub(crate) struct Soak {
    pub(crate) run: Run,
    /// When nobody had come yet.
    pub(crate) start: Still,
    /// All round trips of each kind of probe, in microseconds.
    pub(crate) round_trips: Vec<Vec<f64>>,
    pub(crate) messages: u64,
    pub(crate) connections: u64,
    pub(crate) webhooks: u64,
    /// Of one core, in percent: the server, and the load with its webhooks.
    pub(crate) cpu_percent: [f64; 2],
}

/// A server, and whoever looks at it.
struct Watch<'a> {
    server: &'a TestServer,
    door: &'a Arc<Door>,
    webhook: &'a Webhook,
    reader: Reader<'a>,
    config: PathBuf,
    begin: Instant,
    samples: Vec<Sample>,
    round_trips: Vec<Vec<f64>>,
    last: Last,
    /// When something was told of the run, in seconds.
    told_at: f64,
}

/// What there was at the last sample.
#[derive(Clone, Copy)]
struct Last {
    at: Instant,
    cpu: Cpu,
    messages: u64,
    connections: u64,
}

/// `None` if a client has met with something that must not be.
pub(crate) fn run(seconds: f64) -> Option<Soak> {
    let state = TempDir::new();
    let config = state.join("soak.conf");
    let webhook = Webhook::start();
    fs::write(&config, settings(&webhook)).unwrap();
    let mut command = super::common::start::program();
    command.args(["--listen", "127.0.0.1:0", "-C"]).arg(&config);
    let server = TestServer::start_command(command, state);
    let door = Arc::new(Door::of(&server));
    let reader = Reader::new(&server, &door, &webhook);
    let (begin, last) = (Instant::now(), Last::of(server.pid(), &door));
    let (samples, round_trips) = (Vec::new(), vec![Vec::new(); KINDS]);
    let (server, door, webhook) = (&server, &door, &webhook);
    Watch { server, door, webhook, reader, config, begin, samples, round_trips, last, told_at: 0.0 }
        .soak(seconds)
}

impl Watch<'_> {
    fn soak(mut self, seconds: f64) -> Option<Soak> {
        let start = self.reader.still(self.begin);
        let round = (seconds / 60.0).clamp(5.0, 60.0);
        self.load(0, round, round)?;
        let before = self.reader.still(self.begin);
        self.begin = Instant::now();
        self.told_at = 0.0;
        self.samples.clear();
        self.round_trips.iter_mut().for_each(Vec::clear);
        self.last = Last::of(self.server.pid(), self.door);
        let (first, own, asked) = (self.last, cpu_hundredths(process::id()), self.webhook.asked());
        let stills = self.load(1, seconds, round)?;
        let took = self.begin.elapsed().as_secs_f64();
        let last = Last::of(self.server.pid(), self.door);
        let server = last.cpu.since(first.cpu).nanos as f64 / 1e9;
        // Threads that have ended are in this one as well.
        let load = (cpu_hundredths(process::id()) - own) as f64 / 1e2;
        let after = self.reader.still(self.begin);
        Some(Soak {
            start,
            run: Run { seconds: took, stills, samples: self.samples, empty: [before, after] },
            round_trips: self.round_trips,
            messages: last.messages - first.messages,
            connections: last.connections - first.connections,
            webhooks: self.webhook.asked() - asked,
            cpu_percent: [server, load].map(|seconds| 100.0 * seconds / took),
        })
    }

    /// Everybody comes, and goes after so long; once a round there is stillness, and the configuration is read again.
    fn load(&mut self, turn: u64, seconds: f64, round: f64) -> Option<Vec<Still>> {
        let gap = Duration::from_secs_f64((seconds / 120.0).clamp(1.0, 5.0));
        let crew = Crew::start(self.door, turn);
        let mut stills = Vec::new();
        let end = self.begin.elapsed() + Duration::from_secs_f64(seconds);
        let mut still_at = self.begin.elapsed() + Duration::from_secs_f64(round);
        let mut sample_at = self.begin.elapsed() + gap;
        while crew.is_well() && self.begin.elapsed() < end {
            thread::sleep(Duration::from_millis(100));
            if self.begin.elapsed() >= sample_at {
                self.sample();
                sample_at = self.begin.elapsed() + gap;
            }
            if self.begin.elapsed() >= still_at && crew.is_well() {
                let stillness = self.door.stillness.write().unwrap();
                stills.push(self.reader.still(self.begin));
                self.reload(stills.len());
                drop(stillness);
                still_at = self.begin.elapsed() + Duration::from_secs_f64(round);
                // What was said in stillness is no load.
                self.last = Last::of(self.server.pid(), self.door);
                sample_at = self.begin.elapsed() + gap;
                self.tell_progress(&stills);
            }
        }
        let is_well = crew.stop();
        if !is_well {
            println!("the server's log:\n{}", self.server.log());
        }
        is_well.then_some(stills)
    }

    fn sample(&mut self) {
        let now = Last::of(self.server.pid(), self.door);
        let seconds = (now.at - self.last.at).as_secs_f64();
        let Memory { resident, private_dirty } = Memory::of(self.server.pid());
        let new = std::mem::take(&mut *self.door.round_trips.lock().unwrap());
        let mut times = Vec::new();
        for (kind, time) in new {
            let us = time.as_secs_f64() * 1e6;
            times.push(us);
            self.round_trips[kind].push(us);
        }
        times.sort_unstable_by(f64::total_cmp);
        let percentile =
            |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        self.samples.push(Sample {
            at: self.begin.elapsed().as_secs_f64(),
            private_kib: private_dirty as f64,
            resident_kib: resident as f64,
            descriptors: descriptors(self.server.pid()) as f64,
            cpu_percent: now.cpu.since(self.last.cpu).nanos as f64 / seconds / 1e7,
            messages_per_s: (now.messages - self.last.messages) as f64 / seconds,
            connections_per_s: (now.connections - self.last.connections) as f64 / seconds,
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
        });
        self.last = now;
    }

    /// At most once a minute.
    fn tell_progress(&mut self, stills: &[Still]) {
        let (Some(still), Some(sample)) = (stills.last(), self.samples.last()) else { return };
        if still.at < self.told_at + 60.0 {
            return;
        }
        self.told_at = still.at;
        let Sample { descriptors, cpu_percent, messages_per_s, connections_per_s, p50_us, p99_us, .. } =
            sample;
        println!(
            "{:5.0} s: private {} KiB, resident {} KiB; before that {descriptors} descriptors, {cpu_percent:.1} % of a core, \
             {messages_per_s:.0} messages/s, {connections_per_s:.0} connections/s, p50 {p50_us:.0} µs, p99 {p99_us:.0} µs",
            still.at, still.private_kib, still.resident_kib
        );
    }

    /// Every other time the configuration has a STUN server in it.
    fn reload(&self, count: usize) {
        const DONE: &str = "the configuration was read again";
        let more = if count.is_multiple_of(2) { "ice_server = stun:stun.example:3478\n" } else { "" };
        fs::write(&self.config, format!("{}{more}", settings(self.webhook))).unwrap();
        let before = self.server.whole_log().matches(DONE).count();
        self.server.signal("HUP");
        wait_until("a reload", || {
            thread::sleep(Duration::from_millis(10));
            self.server.whole_log().matches(DONE).count() > before
        });
    }
}

fn settings(webhook: &Webhook) -> String {
    let url = webhook.url();
    format!("{SETTINGS}authn_webhook_url = {url}\ndisconnect_webhook_url = {url}\n")
}

impl Last {
    fn of(pid: u32, door: &Door) -> Self {
        let sum = |dialect: Dialect| {
            let tally = door.tally(dialect);
            tally.said.load(Ordering::Relaxed) + tally.heard.load(Ordering::Relaxed)
        };
        Self {
            at: Instant::now(),
            cpu: Cpu::of(pid),
            messages: Dialect::ALL.into_iter().map(sum).sum(),
            connections: door.connections.load(Ordering::Relaxed),
        }
    }
}
