//! One hub under a seeded crowd of all dialects at once, in rooms of the same names, in virtual time. A model says for every input
//! exactly who must hear what (protocols.md sections 2 to 4), so anything else, anywhere, fails: a message that crosses rooms or dialects,
//! one that is lost or comes twice, a seat that changes hands. Of Ayame only the borders are watched; the rest is in simulation.rs.
//!
//! 256 seeds run in `cargo test`. A seed that fails is printed; `SUZU_SIM_SEED=n cargo test --test simulation_dialects` replays it.

#[path = "../common/mod.rs"]
mod common;
mod mailbox;
mod mesh;
mod mesh_clients;
mod others;
mod watch;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use suzu::{
    config::Config,
    signaling::{Close, Dialect, Hub, Input, Limits, Mono, PeerId, Refusal},
    slots::{Key, Slots},
};

const SEEDS: u64 = 256;
const STEPS: usize = 400;
const CLIENTS_MAX: usize = 16;
const ROOMS: [&str; 3] = ["r", "s", "t"];

/// What must have happened at least once in all seeds together: a crowd in which it never does shows little.
const MUST_HAPPEN: &[&str] = &[
    "ayame: accept",
    "ayame: relay",
    "ayame: reject",
    "chat: to several",
    "closed: binary message",
    "closed: evicted",
    "closed: left",
    "closed: no pong in time",
    "closed: no register in time",
    "closed: silent too long",
    "echo",
    "mailbox: candidate stored",
    "mailbox: candidate to somebody",
    "mailbox: candidates joined",
    "mailbox: error",
    "mailbox: not the offerer",
    "mailbox: offer made",
    "mailbox: offer that was waited for",
    "mailbox: offerer gone",
    "mailbox: stored too much",
    "mailbox: no-room-left",
    "mailbox: room-full",
    "mesh: already connected",
    "mesh: back after the end",
    "mesh: back with a queue",
    "mesh: back with nothing missed",
    "mesh: error",
    "mesh: fresh",
    "mesh: id taken",
    "mesh: left",
    "mesh: lost",
    "mesh: message to all",
    "mesh: message to one",
    "mesh: message to one who is away",
    "mesh: no-room-left",
    "mesh: queue full",
    "mesh: queue full of news",
    "mesh: room-full",
    "mesh: secret of another seat",
    "mesh: takes over an open socket",
    "mesh: unknown peer",
    "mesh: wrong from",
    "mesh: wrong secret",
    "chat: no-room-left",
    "chat: room-full",
    "relay: to nobody",
    "relay: to several",
];

#[test]
fn all_dialects_at_once_keep_to_themselves() {
    if let Ok(seed) = std::env::var("SUZU_SIM_SEED") {
        simulate(seed.parse().expect("SUZU_SIM_SEED is a number"));
        return;
    }
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        match catch_unwind(AssertUnwindSafe(|| simulate(seed))) {
            Ok(happened) => seen.extend(happened),
            Err(_) => {
                panic!(
                    "seed {seed} failed: SUZU_SIM_SEED={seed} cargo test --test simulation_dialects replays it"
                )
            }
        }
    }
    let missing: Vec<_> = MUST_HAPPEN.iter().filter(|what| !seen.contains(**what)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    common::announce(&format!("simulation of all dialects: {SEEDS} seeds of {STEPS} steps passed"));
}

/// Plays one seed; returns what happened.
fn simulate(seed: u64) -> BTreeSet<String> {
    let mut crowd = Crowd::new(seed);
    for _ in 0..STEPS {
        crowd.step();
    }
    crowd.all_fall_silent();
    crowd.seen
}

/// What a client must hear.
#[derive(Debug, PartialEq)]
enum Hears {
    Text(String),
    /// An error message with this code, whatever its words.
    Error(&'static str),
    /// The very message that was sent.
    Relay,
    Binary(Vec<u8>),
    Close(Close),
}

#[derive(Debug)]
struct Client {
    dialect: Dialect,
    /// What its URL named, or its register; a mesh client's is with its seat.
    room: String,
    is_muted: bool,
    opened: Mono,
    said: Mono,
    ponged: Mono,
    ayame: others::Ayame,
    mailbox: mailbox::Client,
    /// Its seat in the mesh.
    seat: Option<Key>,
}

struct Crowd {
    random: StdRng,
    hub: Hub,
    limits: Limits,
    now: Mono,
    slots: Slots<()>,
    clients: BTreeMap<PeerId, Client>,
    mesh: mesh::Model,
    /// What must be heard of the input being handled.
    expected: BTreeMap<PeerId, Vec<Hears>>,
    seen: BTreeSet<String>,
    /// Numbers the messages: no two are alike.
    said: usize,
    /// The text being handled.
    arrived: Option<String>,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let config = Config {
            max_clients: CLIENTS_MAX,
            max_rooms: random.random_range(3..8),
            max_peers_per_room: random.random_range(2..6),
            ..Config::default()
        };
        let mut limits = config.signaling_limits();
        // Far too little for a server, so that it overflows often.
        limits.max_queue_bytes = random.random_range(200..1_000);
        limits.max_stored_bytes = 64;
        // So late that a silent client is let go for saying nothing.
        if random.random_bool(0.25) {
            limits.pong_timeout = 2 * limits.read_timeout;
        }
        Self {
            random,
            hub: Hub::new(limits.clone(), [seed as u8; 32]),
            now: Mono::START,
            slots: Slots::with_capacity(CLIENTS_MAX),
            clients: BTreeMap::new(),
            mesh: mesh::Model::new(CLIENTS_MAX),
            expected: BTreeMap::new(),
            seen: BTreeSet::new(),
            said: 0,
            arrived: None,
            limits,
        }
    }

    fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..12 => {
                let dialect = self.one_of(&Dialect::ALL);
                self.open(dialect);
            }
            12..50 => self.mesh_step(),
            50..70 => self.mailbox_step(),
            70..80 => self.relay_step(),
            80..86 => self.ayame_step(),
            86..88 => self.binary(),
            88..91 => self.vanish(),
            91..93 => self.fall_silent(),
            _ => {
                let time = self.random.random_range(0..5_000);
                self.pass(Duration::from_millis(time));
            }
        }
    }

    fn see(&mut self, what: impl Into<String>) {
        self.seen.insert(what.into());
    }

    fn pick(&mut self, wanted: impl Fn(&Client) -> bool) -> Option<PeerId> {
        let peers: Vec<_> =
            self.clients.iter().filter(|(_, client)| wanted(client)).map(|(peer, _)| *peer).collect();
        let count = peers.len();
        (count > 0).then(|| peers[self.random.random_range(0..count)])
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.random_range(0..choices.len())]
    }

    /// A number that no message had yet, and something to make it longer.
    fn payload(&mut self, length_max: usize) -> String {
        self.said += 1;
        let length = self.random.random_range(0..length_max);
        format!("\"{} {}\"", self.said, "x".repeat(length))
    }

    fn open(&mut self, dialect: Dialect) -> Option<PeerId> {
        let peer = self.slots.insert_with(|_| ())?;
        let room = self.one_of(&ROOMS);
        let refusal = self.refusal_by_url(dialect, room);
        let now = self.now;
        let client = Client {
            dialect,
            room: room.to_owned(),
            is_muted: false,
            opened: now,
            said: now,
            ponged: now,
            ayame: others::Ayame::default(),
            mailbox: mailbox::Client::default(),
            seat: None,
        };
        self.clients.insert(peer, client);
        if let Some(refusal) = refusal {
            self.see(format!("{}: {}", dialect.name(), refusal.code()));
            if dialect == Dialect::Mailbox {
                self.expect(peer, Hears::Error(refusal.code()));
            }
            self.expect(peer, Hears::Close(Close::Refused(refusal)));
        }
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, self.random.random_range(0..4)));
        self.give(peer, Input::Open { peer, dialect, address, room, credential: None });
        refusal.is_none().then_some(peer)
    }

    /// Why a client whose URL names this room cannot come in.
    fn refusal_by_url(&self, dialect: Dialect, room: &str) -> Option<Refusal> {
        if !matches!(dialect, Dialect::Mailbox | Dialect::Chat | Dialect::Relay) {
            return None;
        }
        match self.clients.values().filter(|client| client.dialect == dialect && client.room == room).count()
        {
            0 if self.rooms().len() >= self.limits.max_rooms => Some(Refusal::NoRoomLeft),
            count if count >= self.limits.max_peers_per_room => Some(Refusal::RoomFull),
            _ => None,
        }
    }

    /// All rooms that there must be: they count together, and those of one name in two dialects are two.
    fn rooms(&self) -> BTreeSet<(&'static str, &str)> {
        let has_room = |client: &&Client| match client.dialect {
            Dialect::Mailbox | Dialect::Chat | Dialect::Relay => true,
            Dialect::Ayame => client.ayame.is_accepted,
            Dialect::Mesh | Dialect::Echo => false,
        };
        let by_clients = self
            .clients
            .values()
            .filter(has_room)
            .map(|client| (client.dialect.name(), client.room.as_str()));
        by_clients.chain(self.mesh.rooms().map(|room| (Dialect::Mesh.name(), room))).collect()
    }

    fn binary(&mut self) {
        let Some(peer) = self.pick(|client| !client.is_muted) else { return };
        let bytes = [0, self.random.random()];
        match self.clients[&peer].dialect {
            Dialect::Ayame => {}
            Dialect::Mailbox => self.expect(peer, Hears::Close(Close::Binary)),
            Dialect::Mesh => {
                self.expect(peer, Hears::Close(Close::Binary));
                self.mesh_gone(peer);
            }
            _ => self.relay_expect(peer, Cow::Borrowed(&bytes), true),
        }
        self.give(peer, Input::Binary { peer, bytes: &bytes });
    }

    fn vanish(&mut self) {
        if let Some(peer) = self.pick(|_| true) {
            self.end(peer);
        }
    }

    /// The socket of this client ends.
    fn end(&mut self, peer: PeerId) {
        self.mesh_gone(peer);
        let client = self.clients.remove(&peer).unwrap();
        self.slots.remove(peer);
        self.note_gone(&client);
        let effects = self.run(|hub, now, out| hub.handle(Input::Ended { peer }, now, out));
        self.compare(client.dialect, &effects);
    }

    fn fall_silent(&mut self) {
        if let Some(peer) = self.pick(|client| !client.is_muted) {
            self.clients.get_mut(&peer).unwrap().is_muted = true;
        }
    }

    fn all_fall_silent(&mut self) {
        self.clients.values_mut().for_each(|client| client.is_muted = true);
        self.pass(Duration::from_secs(200));
        assert!(self.hub.is_empty() && self.clients.is_empty(), "who is silent for ever stays for ever");
        assert_eq!(
            (self.hub.rooms_len(), self.hub.next_timeout()),
            (0, None),
            "nobody is there, nothing is due"
        );
    }
}
