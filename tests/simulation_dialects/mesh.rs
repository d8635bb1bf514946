//! The mesh: seats, who sits on them and what waits there (protocols.md section 3).
//!
//! Where several end at one moment the protocol leaves their order open. The model uses the same tables as the hub, so that theirs is
//! the same.

use super::{Crowd, Hears};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use suzu::{
    signaling::{Close, Dialect, Effect, Input, Mono, PeerId, Refusal},
    slots::{Key, Slots},
};

#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) room: &'static str,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) peer: Option<PeerId>,
    queue: Vec<String>,
    until: Mono,
    /// Who is there, as far as its client can know from what it heard.
    view: BTreeSet<String>,
}

pub(crate) struct Model {
    pub(crate) seats: Slots<Seat>,
    rooms: BTreeMap<&'static str, Vec<Option<Key>>>,
    /// Room, id and secret of all seats that have ended.
    pub(crate) ended: Vec<(&'static str, String, String)>,
    secrets: BTreeSet<String>,
}

impl Model {
    pub(crate) fn new(capacity: usize) -> Self {
        let seats = Slots::with_capacity(capacity);
        Self { seats, rooms: BTreeMap::new(), ended: Vec::new(), secrets: BTreeSet::new() }
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.keys().copied()
    }

    fn find(&self, room: &str, id: &str) -> Option<Key> {
        self.seats.iter().find(|(_, seat)| seat.room == room && seat.id == id).map(|(key, _)| key)
    }

    pub(crate) fn others(&self, key: Key) -> Vec<Key> {
        let room = &self.rooms[self.seats.get(key).unwrap().room];
        room.iter().flatten().copied().filter(|other| *other != key).collect()
    }

    pub(crate) fn ids(&self, keys: &[Key]) -> BTreeSet<String> {
        keys.iter().map(|key| self.seats.get(*key).unwrap().id.clone()).collect()
    }

    fn connected(&self, key: Key, resumed: bool) -> String {
        let Seat { id, room, secret, .. } = self.seats.get(key).unwrap();
        let peers: Vec<_> = self
            .others(key)
            .into_iter()
            .map(|other| format!(r#"{{"id":"{}"}}"#, self.seats.get(other).unwrap().id))
            .collect();
        let (peers, resumed) = (peers.join(","), if resumed { r#","resumed":true"# } else { "" });
        format!(
            r#"{{"type":"connected","id":"{id}","room":"{room}","session":"{secret}","peers":[{peers}]{resumed}}}"#
        )
    }
}

impl Seat {
    /// What the client makes of a message, if it is about who is there.
    fn learn(&mut self, text: &str, is_live: bool) {
        let id = |text: &str| text.split('"').nth(9).unwrap().to_owned();
        let is_news = if text.starts_with(r#"{"type":"peer-connected""#) {
            self.view.insert(id(text))
        } else if text.starts_with(r#"{"type":"peer-disconnected""#) {
            self.view.remove(&id(text))
        } else {
            true
        };
        assert!(is_news || !is_live, "{self:?} knew that already: {text}");
    }
}

impl Crowd {
    pub(crate) fn mesh_connect(
        &mut self,
        peer: PeerId,
        room: &'static str,
        id: Option<String>,
        secret: Option<String>,
    ) {
        let field = |key: &str, value: &Option<String>| {
            value.as_ref().map_or(String::new(), |value| format!(r#","{key}":"{value}""#))
        };
        let text = format!(
            r#"{{"type":"connect","room":"{room}"{}{}}}"#,
            field("id", &id),
            field("session", &secret)
        );
        let effects = self.hand_in(peer, Input::Text { peer, text: &text });
        let taken = id.as_ref().and_then(|id| self.mesh.find(room, id));
        match taken {
            Some(key) if secret.as_ref() == Some(&self.mesh.seats.get(key).unwrap().secret) => {
                self.mesh_resumed(key, peer);
            }
            Some(_) => self.mesh_refused(peer, Refusal::IdTaken),
            None => match self.mesh_refusal(room) {
                Some(refusal) => self.mesh_refused(peer, refusal),
                None => self.mesh_seated(peer, room, id, &effects),
            },
        }
        self.compare(Dialect::Mesh, &effects);
    }

    /// Why nobody can take a seat in this room.
    pub(crate) fn mesh_refusal(&self, room: &str) -> Option<Refusal> {
        match self.mesh.rooms.get(room) {
            _ if self.mesh.seats.is_full() => Some(Refusal::NoRoomLeft),
            None if self.rooms().len() >= self.limits.max_rooms => Some(Refusal::NoRoomLeft),
            Some(seats) if seats.iter().all(Option::is_some) => Some(Refusal::RoomFull),
            _ => None,
        }
    }

    pub(crate) fn mesh_refused(&mut self, peer: PeerId, refusal: Refusal) {
        match refusal {
            Refusal::IdTaken => self.see("mesh: id taken"),
            _ => self.see(format!("mesh: {}", refusal.code())),
        }
        self.expect(peer, Hears::Error(refusal.code()));
        self.expect(peer, Hears::Close(Close::Refused(refusal)));
    }

    /// The id, if it had none, and the secret are the hub's to choose; both must be new.
    pub(crate) fn mesh_seated(
        &mut self,
        peer: PeerId,
        room: &'static str,
        id: Option<String>,
        effects: &[Effect],
    ) {
        let heard = effects.iter().find_map(|effect| match effect {
            Effect::Send { to, text, .. } if *to == peer => {
                serde_json::from_str::<serde_json::Value>(text).ok()
            }
            _ => None,
        });
        let heard = heard.unwrap_or_else(|| panic!("{peer} got no answer: {effects:?}"));
        let given = |key: &str| heard[key].as_str().map(str::to_owned).unwrap_or_else(|| panic!("{heard}"));
        let (id, secret) = (id.unwrap_or_else(|| given("id")), given("session"));
        assert!(secret.len() == 32 && self.mesh.secrets.insert(secret.clone()), "no new secret: {secret}");
        let seat = Seat {
            room,
            id,
            secret,
            peer: Some(peer),
            queue: Vec::new(),
            until: self.now,
            view: BTreeSet::new(),
        };
        let key = self.mesh.seats.insert_with(|_| seat).unwrap();
        let places = self.limits.max_peers_per_room;
        let seats = self.mesh.rooms.entry(room).or_insert_with(|| vec![None; places]);
        *seats.iter_mut().find(|seat| seat.is_none()).unwrap() = Some(key);
        self.mesh.seats.get_mut(key).unwrap().view = self.mesh.ids(&self.mesh.others(key));
        self.clients.get_mut(&peer).unwrap().seat = Some(key);
        self.expect(peer, Hears::Text(self.mesh.connected(key, false)));
        self.mesh_announce(key);
        self.see("mesh: fresh");
    }

    /// The seat changes its socket. Nobody else hears anything.
    pub(crate) fn mesh_resumed(&mut self, key: Key, peer: PeerId) {
        self.clients.get_mut(&peer).unwrap().seat = Some(key);
        self.expect(peer, Hears::Text(self.mesh.connected(key, true)));
        let now_there = self.mesh.ids(&self.mesh.others(key));
        let seat = self.mesh.seats.get_mut(key).unwrap();
        let queue = std::mem::take(&mut seat.queue);
        let old = seat.peer.replace(peer);
        seat.view = now_there.clone();
        queue.iter().for_each(|text| seat.learn(text, false));
        assert_eq!(seat.view, now_there, "{seat:?} does not know who is there");
        self.see(if queue.is_empty() { "mesh: back with nothing missed" } else { "mesh: back with a queue" });
        queue.into_iter().for_each(|text| self.expect(peer, Hears::Text(text)));
        if let Some(old) = old {
            self.clients.get_mut(&old).unwrap().seat = None;
            self.see("mesh: takes over an open socket");
            self.expect(old, Hears::Close(Close::Evicted));
        }
    }

    /// The socket of this client is gone; if it has a seat, that waits.
    pub(crate) fn mesh_gone(&mut self, peer: PeerId) {
        if let Some(key) = self.clients.get_mut(&peer).unwrap().seat.take() {
            let seat = self.mesh.seats.get_mut(key).unwrap();
            seat.peer = None;
            seat.until = self.now.after(self.limits.resume_grace);
        }
    }

    /// The seats to which nobody came back in time.
    pub(crate) fn mesh_expire(&mut self) {
        let is_due = |seat: &Seat| seat.peer.is_none() && seat.until <= self.now;
        let due: Vec<_> =
            self.mesh.seats.iter().filter(|(_, seat)| is_due(seat)).map(|(key, _)| key).collect();
        for key in due {
            self.see("mesh: lost");
            self.mesh_end(key, "lost");
        }
    }

    pub(crate) fn mesh_end(&mut self, key: Key, reason: &'static str) {
        self.mesh_end_all(vec![(key, reason)]);
    }

    /// The news of an end can be too much for another seat, which ends too.
    fn mesh_end_all(&mut self, ending: Vec<(Key, &'static str)>) {
        let mut ending = VecDeque::from(ending);
        while let Some((key, reason)) = ending.pop_front() {
            if self.mesh.seats.get(key).is_none() {
                continue;
            }
            let others = self.mesh.others(key);
            let seat = self.mesh.seats.remove(key).unwrap();
            let seats = self.mesh.rooms.get_mut(seat.room).unwrap();
            seats.iter_mut().filter(|other| **other == Some(key)).for_each(|place| *place = None);
            if seats.iter().all(Option::is_none) {
                self.mesh.rooms.remove(seat.room);
            }
            let text = format!(
                r#"{{"type":"peer-disconnected","peer":{{"id":"{}"}},"reason":"{reason}"}}"#,
                seat.id
            );
            self.mesh.ended.push((seat.room, seat.id, seat.secret));
            for other in others {
                if !ending.iter().any(|(key, _)| *key == other) && !self.mesh_deliver(other, &text) {
                    self.see("mesh: queue full of news");
                    ending.push_back((other, "queue-full"));
                }
            }
        }
    }

    fn mesh_announce(&mut self, key: Key) {
        let text = format!(
            r#"{{"type":"peer-connected","peer":{{"id":"{}"}}}}"#,
            self.mesh.seats.get(key).unwrap().id
        );
        let others = self.mesh.others(key);
        let full = others.into_iter().filter(|other| !self.mesh_deliver(*other, &text));
        let full: Vec<_> = full.map(|key| (key, "queue-full")).collect();
        self.mesh_end_all(full);
    }

    /// False if the seat is empty and has no room for it.
    pub(crate) fn mesh_deliver(&mut self, key: Key, text: &str) -> bool {
        let seat = self.mesh.seats.get_mut(key).unwrap();
        let queued: usize = seat.queue.iter().map(|text| text.len() + 16).sum();
        match seat.peer {
            Some(peer) => {
                seat.learn(text, true);
                self.expect(peer, Hears::Text(text.to_owned()));
            }
            None if queued + text.len() + 16 > self.limits.max_queue_bytes => return false,
            None => seat.queue.push(text.to_owned()),
        }
        true
    }

    pub(crate) fn mesh_send(&mut self, peer: PeerId, receivers: &[Key], to_all: bool, text: &str) {
        match receivers {
            [] if !to_all => {
                self.see("mesh: unknown peer");
                return self.expect(peer, Hears::Error("unknown-peer"));
            }
            [one] if self.mesh.seats.get(*one).unwrap().peer.is_none() => {
                self.see("mesh: message to one who is away");
            }
            _ => self.see(if to_all { "mesh: message to all" } else { "mesh: message to one" }),
        }
        let full: Vec<_> =
            receivers.iter().copied().filter(|receiver| !self.mesh_deliver(*receiver, text)).collect();
        self.mesh_end_all(full.iter().map(|key| (*key, "queue-full")).collect());
        if !full.is_empty() {
            self.see("mesh: queue full");
            self.expect(peer, Hears::Error("queue-full"));
        }
    }

    /// Who is connected sees exactly those who have a seat in its room.
    pub(crate) fn mesh_check(&self) {
        for (key, seat) in self.mesh.seats.iter().filter(|(_, seat)| seat.peer.is_some()) {
            let there = self.mesh.ids(&self.mesh.others(key));
            assert!(seat.view == there, "{seat:?} should see {there:?}");
        }
    }
}
