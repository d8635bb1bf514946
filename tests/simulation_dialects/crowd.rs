//! A crowd of all dialects at once, in rooms of the same names, in virtual time. A model says for every input
//! exactly who must hear what (protocols.md sections 2 to 4), so anything else, anywhere, fails: a message that crosses rooms or dialects,
//! one that is lost or comes twice, a seat that changes hands. Of Ayame only the borders are watched; the rest is in simulation.

#![allow(dead_code, reason = "fuzz/bodies plays operations of its own, and the simulation draws them")]

mod mailbox;
mod mesh;
mod mesh_clients;
mod others;
mod watch;

use super::dice::Dice;
use rand::RngExt;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use suzu::{
    config::Config,
    signaling::{Close, Dialect, Hub, Input, Limits, Mono, PeerId, Refusal},
    slots::{Key, Slots},
};

const CLIENTS_MAX: usize = 16;
const ROOMS: [&str; 3] = ["r", "s", "t"];

/// What may happen next; to whom and how, the dice say.
#[derive(Clone, Copy, Debug, arbitrary::Arbitrary)]
pub(crate) enum Op {
    Open,
    Mesh,
    Mailbox,
    Relay,
    Ayame,
    Binary,
    Vanish,
    FallSilent,
    Pass,
}

/// What a client must hear.
#[derive(Debug, PartialEq)]
pub(crate) enum Hears {
    Text(String),
    /// An error message with this code, whatever its words.
    Error(&'static str),
    /// The very message that was sent.
    Relay,
    Binary(Vec<u8>),
    Close(Close),
}

#[derive(Debug)]
pub(crate) struct Client {
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

pub(crate) struct Crowd {
    random: Dice,
    hub: Hub,
    limits: Limits,
    now: Mono,
    slots: Slots<()>,
    clients: BTreeMap<PeerId, Client>,
    mesh: mesh::Model,
    /// What must be heard of the input being handled.
    expected: BTreeMap<PeerId, Vec<Hears>>,
    pub(crate) seen: BTreeSet<String>,
    /// Numbers the messages: no two are alike.
    said: usize,
    /// The text being handled.
    arrived: Option<String>,
}

impl Crowd {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::new(Dice::seeded(seed), seed as u8)
    }

    pub(crate) fn new(mut random: Dice, ids: u8) -> Self {
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
            hub: Hub::new(limits.clone(), [ids; 32]),
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

    pub(crate) fn step(&mut self) {
        let op = match self.random.random_range(0..100) {
            0..12 => Op::Open,
            12..50 => Op::Mesh,
            50..70 => Op::Mailbox,
            70..80 => Op::Relay,
            80..86 => Op::Ayame,
            86..88 => Op::Binary,
            88..91 => Op::Vanish,
            91..93 => Op::FallSilent,
            _ => Op::Pass,
        };
        self.play(op);
    }

    /// Plays what somebody else has thought of, with these dice.
    pub(crate) fn play_with(&mut self, op: Op, dice: Dice) {
        self.random = dice;
        self.play(op);
    }

    fn play(&mut self, op: Op) {
        match op {
            Op::Open => {
                let dialect = self.one_of(&Dialect::ALL);
                self.open(dialect);
            }
            Op::Mesh => self.mesh_step(),
            Op::Mailbox => self.mailbox_step(),
            Op::Relay => self.relay_step(),
            Op::Ayame => self.ayame_step(),
            Op::Binary => self.binary(),
            Op::Vanish => self.vanish(),
            Op::FallSilent => self.fall_silent(),
            Op::Pass => {
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

    pub(crate) fn all_fall_silent(&mut self) {
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
