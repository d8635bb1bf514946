//! A crowd of Ayame clients: they join, talk, fall silent, vanish and come back, in virtual time, while a model that knows only the
//! protocol (protocols.md section 1) watches every effect.

#![allow(dead_code, reason = "fuzz/bodies plays operations of its own, and the simulation draws them")]

use super::dice::Dice;
use rand::RngExt;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use suzu::{
    config::Config,
    signaling::{Close, Dialect, Effect, Hub, Input, Limits, Mono, Now, PeerId, SessionEnd},
    slots::Slots,
};

const CLIENTS_MAX: usize = 12;

/// What may happen next; to whom and how, the dice say.
#[derive(Clone, Copy, Debug, arbitrary::Arbitrary)]
pub(crate) enum Op {
    Open,
    Register,
    Say,
    Vanish,
    FallSilent,
    Misspeak,
    Dismiss,
    DismissRoom,
    Pass,
}

/// What the model knows of a client, from what it said and heard.
#[derive(Debug)]
pub(crate) struct Client {
    room: Option<String>,
    id: Option<&'static str>,
    key: Option<&'static str>,
    standalone: bool,
    is_accepted: bool,
    is_muted: bool,
    opened: Mono,
    last_said: Mono,
}

pub(crate) struct Crowd {
    random: Dice,
    hub: Hub,
    limits: Limits,
    now: Mono,
    slots: Slots<()>,
    clients: BTreeMap<PeerId, Client>,
    /// Sessions that were accepted and not reported yet: the connection's id, the room and the client's own id.
    sessions: BTreeMap<String, (String, Option<&'static str>)>,
    pub(crate) ends: BTreeSet<&'static str>,
}

impl Crowd {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::new(Dice::seeded(seed), seed as u8)
    }

    pub(crate) fn new(mut random: Dice, ids: u8) -> Self {
        let mut limits = Config { max_rooms: 3, ..Config::default() }.signaling_limits();
        limits.max_peers = CLIENTS_MAX;
        limits.type_message = random.random_bool(0.5);
        let hub = Hub::new(limits.clone(), [ids; 32]);
        let slots = Slots::with_capacity(CLIENTS_MAX);
        Self {
            random,
            hub,
            limits,
            now: Mono::START,
            slots,
            clients: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ends: BTreeSet::new(),
        }
    }

    pub(crate) fn step(&mut self) {
        let op = match self.random.random_range(0..100) {
            0..20 => Op::Open,
            20..45 => Op::Register,
            45..65 => Op::Say,
            65..72 => Op::Vanish,
            72..80 => Op::FallSilent,
            80..83 => Op::Misspeak,
            83 => Op::Dismiss,
            84 => Op::DismissRoom,
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
            Op::Open => self.open(),
            Op::Register => self.register(),
            Op::Say => self.say(),
            Op::Vanish => self.vanish(),
            Op::FallSilent => self.fall_silent(),
            Op::Misspeak => self.misspeak(),
            Op::Dismiss => self.dismiss(),
            Op::DismissRoom => self.dismiss_room(),
            Op::Pass => {
                let time = self.random.random_range(0..8_000);
                self.pass(Duration::from_millis(time));
            }
        }
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

    fn open(&mut self) {
        let Some(peer) = self.slots.insert_with(|_| ()) else { return };
        let now = self.now;
        let client = Client {
            room: None,
            id: None,
            key: None,
            standalone: false,
            is_accepted: false,
            is_muted: false,
            opened: now,
            last_said: now,
        };
        self.clients.insert(peer, client);
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, self.random.random_range(0..4)));
        self.handle(peer, Input::Open { peer, dialect: Dialect::Ayame, address, room: "", credential: None });
    }

    fn register(&mut self) {
        let Some(peer) = self.pick(|client| client.room.is_none() && !client.is_muted) else { return };
        let room = self.one_of(&["one", "two", "three", "four"]).to_owned();
        let (id, key) = (self.one_of(&[None, Some("alice"), Some("bob")]), self.one_of(&[None, Some("k")]));
        let standalone = self.random.random_bool(0.1);
        let quoted = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("{text:?}"));
        let text = format!(
            r#"{{"type":"register","roomId":"{room}","clientId":{},"key":{},"standalone":{standalone}}}"#,
            quoted(id),
            quoted(key)
        );
        let client = self.clients.get_mut(&peer).unwrap();
        (client.room, client.id, client.key, client.standalone) = (Some(room), id, key, standalone);
        self.text(peer, &text);
    }

    fn say(&mut self) {
        let Some(peer) = self.pick(|client| client.is_accepted && !client.is_muted) else { return };
        let text = self.one_of(&[
            r#"{"type":"offer","sdp":"o"}"#,
            r#"{"type":"candidate","ice":{}}"#,
            r#"{"type":"connected"}"#,
            r#"{"type":"pong"}"#,
            r#"{"type":"message"}"#,
        ]);
        self.text(peer, text);
    }

    fn misspeak(&mut self) {
        let Some(peer) = self.pick(|client| !client.is_muted) else { return };
        let text =
            self.one_of(&["", "null", r#"{"type":"dance"}"#, r#"{"type":"register"}"#, r#"{"type":"bye"}"#]);
        self.text(peer, text);
    }

    fn dismiss(&mut self) {
        let Some(peer) = self.pick(|_| true) else { return };
        self.handle(peer, Input::Dismiss { peer });
        assert!(!self.clients.contains_key(&peer), "{peer} stays");
    }

    fn dismiss_room(&mut self) {
        let name = self.one_of(&["one", "two", "nowhere"]);
        let sits = |client: &Client| client.is_accepted && client.room.as_deref() == Some(name);
        let seated: Vec<_> =
            self.clients.iter().filter(|(_, client)| sits(client)).map(|(peer, _)| *peer).collect();
        let effects = self.run(|hub, now, out| hub.handle(Input::DismissRoom { name }, now, out));
        self.watch(None, effects);
        // Whoever waited for a seat there may have one now.
        assert!(seated.iter().all(|peer| !self.clients.contains_key(peer)), "{name}: somebody stays");
    }

    fn vanish(&mut self) {
        let Some(peer) = self.pick(|_| true) else { return };
        self.slots.remove(peer);
        let client = self.clients.remove(&peer).unwrap();
        let effects = self.run(|hub, now, out| hub.handle(Input::Ended { peer }, now, out));
        let mates = self.mates(&client);
        assert!(
            !client.is_accepted || mates.iter().all(|mate| was_closed(&effects, *mate)),
            "{mates:?} stay: {effects:?}"
        );
        self.watch(None, effects);
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

    fn pass(&mut self, time: Duration) {
        let target = self.now.after(time);
        let mut calls = 0;
        while let Some(due) = self.hub.next_timeout().filter(|due| *due <= target) {
            calls = if due > self.now { 0 } else { calls + 1 };
            assert!(calls < 1_000, "the timer stands still at {due:?}");
            self.now = self.now.max(due);
            let effects = self.run(|hub, now, out| hub.handle_timeout(now, out));
            self.watch(None, effects);
        }
        self.now = target;
    }

    fn text(&mut self, peer: PeerId, text: &str) {
        self.handle(peer, Input::Text { peer, text });
    }

    fn handle(&mut self, peer: PeerId, input: Input<'_>) {
        if let Some(client) = self.clients.get_mut(&peer) {
            client.last_said = self.now;
        }
        let effects = self.run(|hub, now, out| hub.handle(input, now, out));
        self.watch(Some(peer), effects);
    }

    fn run(&mut self, call: impl FnOnce(&mut Hub, Now, &mut Vec<Effect>)) -> Vec<Effect> {
        let mut out = Vec::new();
        call(&mut self.hub, Now { mono: self.now, unix_ms: self.now.as_millis() }, &mut out);
        out
    }

    /// Who else is seated in this client's room.
    fn mates(&self, client: &Client) -> Vec<PeerId> {
        let is_mate = |other: &Client| other.is_accepted && other.room == client.room;
        self.clients.iter().filter(|(_, other)| is_mate(other)).map(|(peer, _)| *peer).collect()
    }

    /// Holds every effect against the protocol, in order, and answers pings.
    fn watch(&mut self, from: Option<PeerId>, effects: Vec<Effect>) {
        let mut said_bye = Vec::new();
        let mut pinged = Vec::new();
        let mut probed = Vec::new();
        for effect in &effects {
            match effect {
                Effect::Send { to, text, .. } => {
                    let client = self.clients.get(to).unwrap_or_else(|| panic!("{effect:?} to nobody"));
                    let ends = effects.iter().any(|e| matches!(e, Effect::Close { peer, .. } if peer == to));
                    match text.split('"').nth(3).unwrap() {
                        "accept" => self.accepted(*to, text),
                        "reject" => assert!(!client.is_accepted && ends, "{client:?} was rejected and stays"),
                        "bye" => {
                            assert!(client.is_accepted && !client.standalone, "no bye is due to {client:?}");
                            said_bye.push(*to);
                        }
                        "ping" => {
                            assert!(
                                !(client.standalone && client.is_accepted),
                                "a standalone client was pinged"
                            );
                            pinged.push(*to);
                        }
                        other => panic!("what is {other}?"),
                    }
                }
                Effect::Relay { to } => {
                    let (sender, receiver) = (&self.clients[&from.unwrap()], &self.clients[to]);
                    assert!(from != Some(*to) && sender.is_accepted && receiver.is_accepted);
                    assert_eq!(sender.room, receiver.room, "a message left its room");
                }
                Effect::Ping { to } => {
                    assert!(self.clients.contains_key(to));
                    probed.push(*to);
                }
                Effect::Close { peer, close } => self.closed(*peer, *close, &said_bye, &effects),
                Effect::Report { end, .. } => self.reported(end),
                Effect::Refused { .. }
                | Effect::Ask { .. }
                | Effect::SendBinary { .. }
                | Effect::SendWaiting { .. } => {
                    panic!("{effect:?} has no cause here")
                }
            }
        }
        let seated = self.clients.values().filter(|client| client.is_accepted).count();
        assert_eq!(self.sessions.len(), seated, "whoever has lost its seat is reported at once");
        for peer in probed {
            if self.clients.get(&peer).is_some_and(|client| !client.is_muted) {
                self.handle(peer, Input::Pong { peer });
            }
        }
        for peer in pinged {
            if self.clients.get(&peer).is_some_and(|client| !client.is_muted) {
                self.text(peer, r#"{"type":"pong"}"#);
            }
        }
    }

    fn accepted(&mut self, peer: PeerId, text: &str) {
        let client = &self.clients[&peer];
        assert!(!client.is_accepted && client.room.is_some(), "an accept that nobody asked for: {client:?}");
        let mates = self.mates(client);
        assert!(mates.len() <= 1, "three in a room of two");
        let expected = format!(r#""isExistClient":{0},"isExistUser":{0}"#, mates.len() == 1);
        assert!(text.contains(&expected), "{text} with {mates:?}");
        for mate in mates {
            let mate = &self.clients[&mate];
            assert!(
                client.id.is_none() || (client.id, client.key) != (mate.id, mate.key),
                "a ghost kept its seat"
            );
        }
        let client = self.clients.get_mut(&peer).unwrap();
        client.is_accepted = true;
        let connection = text.split('"').nth(7).unwrap().to_owned();
        let known = self.sessions.insert(connection, (client.room.clone().unwrap(), client.id));
        assert_eq!(known, None, "two sessions with one id");
    }

    fn reported(&mut self, end: &SessionEnd) {
        let (room, id) = self.sessions.remove(&end.connection_id).expect("a session that is there, once");
        let id = id.unwrap_or(&end.connection_id);
        assert_eq!((&*end.room_id, &*end.client_id), (&*room, id));
    }

    /// Whether the same client has registered again: only it may take a seat from somebody who is alive.
    fn came_back(&self, client: &Client) -> bool {
        let is_same =
            |other: &Client| (other.id, other.key, &other.room) == (client.id, client.key, &client.room);
        client.id.is_some() && self.clients.values().any(|other| !other.is_accepted && is_same(other))
    }

    fn closed(&mut self, peer: PeerId, close: Close, said_bye: &[PeerId], effects: &[Effect]) {
        let client = self.clients.remove(&peer).unwrap_or_else(|| panic!("{peer} was closed twice"));
        self.slots.remove(peer);
        self.ends.insert(close.label());
        let age = self.now.since(client.opened);
        match close {
            Close::RoomEnded => {
                assert!(client.is_accepted);
                assert_eq!(said_bye.contains(&peer), !client.standalone, "bye comes before the close");
            }
            Close::PongTimeout => assert!(client.is_muted && age >= self.limits.pong_timeout, "{client:?}"),
            Close::ReadTimeout => {
                assert!(self.now.since(client.last_said) >= self.limits.read_timeout, "{client:?}")
            }
            Close::RegisterTimeout => assert!(client.room.is_none() && age >= self.limits.register_timeout),
            Close::Rejected => assert!(!client.is_accepted),
            Close::Evicted => {
                assert!(client.is_accepted);
                assert!(client.is_muted || self.came_back(&client), "alive, and evicted: {client:?}");
            }
            Close::Left | Close::Dismissed | Close::Misspoke(_) => {}
            Close::Binary | Close::Stopping | Close::Refused(_) | Close::Overflow => {
                panic!("{close:?} has no cause here")
            }
        }
        if client.is_accepted {
            let mates = self.mates(&client);
            assert!(
                mates.iter().all(|mate| was_closed(effects, *mate)),
                "{mates:?} stay in a room that ended"
            );
        }
    }
}

fn was_closed(effects: &[Effect], peer: PeerId) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Close { peer: closed, .. } if *closed == peer))
}
