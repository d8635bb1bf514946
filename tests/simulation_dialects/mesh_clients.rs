//! What the mesh clients do.

use super::{Client, Crowd, Hears, ROOMS};
use rand::RngExt;
use suzu::{
    signaling::{Close, Dialect},
    slots::Key,
};

const IDS: [&str; 5] = ["m1", "m2", "m3", "m4", "m5"];

impl Crowd {
    pub(crate) fn mesh_step(&mut self) {
        match self.random.random_range(0..100) {
            0..15 => self.mesh_newcomer(),
            15..30 => self.mesh_comeback(),
            30..37 => self.mesh_thief(),
            37..42 => self.mesh_back_after_the_end(),
            42..50 => self.mesh_lose_socket(),
            50..54 => self.mesh_disconnect(),
            54..60 => self.mesh_misspeak(),
            _ => self.mesh_message(),
        }
    }

    fn mesh_newcomer(&mut self) {
        let waiting =
            |client: &Client| client.dialect == Dialect::Mesh && client.seat.is_none() && !client.is_muted;
        let Some(peer) = self.pick(waiting).or_else(|| self.open(Dialect::Mesh)) else { return };
        let (room, id) = (self.one_of(&ROOMS), self.random.random_range(0..=IDS.len()));
        self.mesh_connect(peer, room, IDS.get(id).map(|id| (*id).to_owned()), None);
    }

    /// Some seat, more often one without a socket.
    fn mesh_seat(&mut self) -> Option<Key> {
        let wants_empty = self.random.random_bool(0.8);
        let keys: Vec<_> = self
            .mesh
            .seats
            .iter()
            .filter(|(_, seat)| !wants_empty || seat.peer.is_none())
            .map(|(key, _)| key)
            .collect();
        (!keys.is_empty()).then(|| self.one_of(&keys))
    }

    fn mesh_comeback(&mut self) {
        let Some(key) = self.mesh_seat() else { return };
        let Some(peer) = self.open(Dialect::Mesh) else { return };
        let seat = self.mesh.seats.get(key).unwrap();
        let (room, id, secret) = (seat.room, seat.id.clone(), seat.secret.clone());
        self.mesh_connect(peer, room, Some(id), Some(secret));
    }

    fn mesh_thief(&mut self) {
        let (Some(key), Some(other)) = (self.mesh_seat(), self.mesh_seat()) else { return };
        let Some(peer) = self.open(Dialect::Mesh) else { return };
        let seat = self.mesh.seats.get(key).unwrap();
        let (room, id, secret) = (seat.room, seat.id.clone(), seat.secret.clone());
        let wrong = match self.random.random_range(0..5) {
            0 => secret.to_uppercase() + "0",
            1 => secret[..31].to_owned(),
            2 => String::new(),
            3 => "0".repeat(32),
            _ if other == key => return,
            _ => {
                self.see("mesh: secret of another seat");
                self.mesh.seats.get(other).unwrap().secret.clone()
            }
        };
        self.see("mesh: wrong secret");
        self.mesh_connect(peer, room, Some(id), Some(wrong));
    }

    fn mesh_back_after_the_end(&mut self) {
        let count = self.mesh.ended.len();
        if count == 0 {
            return;
        }
        let (room, id, secret) = self.mesh.ended[self.random.random_range(0..count)].clone();
        let Some(peer) = self.open(Dialect::Mesh) else { return };
        self.see("mesh: back after the end");
        self.mesh_connect(peer, room, Some(id), Some(secret));
    }

    fn mesh_lose_socket(&mut self) {
        if let Some(peer) = self.pick(|client| client.seat.is_some()) {
            self.end(peer);
        }
    }

    fn mesh_disconnect(&mut self) {
        let Some(peer) = self.pick(|client| client.seat.is_some() && !client.is_muted) else { return };
        let key = self.clients.get_mut(&peer).unwrap().seat.take().unwrap();
        self.see("mesh: left");
        self.mesh_end(key, "left");
        self.expect(peer, Hears::Close(Close::Left));
        self.say(peer, r#"{"type":"disconnect"}"#);
    }

    fn mesh_message(&mut self) {
        let Some(peer) = self.pick(|client| client.seat.is_some() && !client.is_muted) else { return };
        let key = self.clients[&peer].seat.unwrap();
        let own = self.mesh.seats.get(key).unwrap().id.clone();
        let to_all = self.random.random_bool(0.3);
        let mut ids: Vec<String> = self.mesh.ids(&self.mesh.others(key)).into_iter().collect();
        ids.extend([own.clone(), "m5".to_owned(), "nobody".to_owned()]);
        let to = ids.swap_remove(self.random.random_range(0..ids.len()));
        let payload = self.payload(150);
        let body = match self.random.random_range(0..3) {
            _ if to_all => format!(r#""type":"message", "data":{payload}}}"#),
            0 => format!(r#""type":"message","to":"{to}","data":{payload}}}"#),
            1 => format!(r#""type":"offer","to":"{to}","sdp":{{"type":"offer","sdp":{payload}}}}}"#),
            _ => format!(r#""to":"{to}","type":"ice-candidate" ,"candidate":{{"candidate":{payload}}}}}"#),
        };
        let signed = format!(r#"{{"from":"{own}",{body}"#);
        let text = match self.random.random_range(0..8) {
            0..4 => format!("{{{body}"),
            4 => format!(r#"{{"from":null,{body}"#),
            5 => {
                self.see("mesh: wrong from");
                self.expect(peer, Hears::Error("wrong-from"));
                return self.say(peer, &format!(r#"{{"from":"{own}x",{body}"#));
            }
            _ => signed.clone(),
        };
        let is_for = |other: &Key| to_all || self.mesh.seats.get(*other).unwrap().id == to;
        let receivers: Vec<_> = self.mesh.others(key).into_iter().filter(is_for).collect();
        self.mesh_send(peer, &receivers, to_all, &signed);
        self.say(peer, &text);
    }

    fn mesh_misspeak(&mut self) {
        let Some(peer) = self.pick(|client| client.dialect == Dialect::Mesh && !client.is_muted) else {
            return;
        };
        let is_seated = self.clients[&peer].seat.is_some();
        let (text, code) = self.one_of(&[
            ("", "bad-json"),
            ("[]", "bad-message"),
            (r#"{"type":"dance"}"#, "unknown-type"),
            (r#"{"type":"connect"}"#, if is_seated { "already-connected" } else { "bad-message" }),
            (r#"{"type":"message"}"#, if is_seated { "bad-message" } else { "not-connected" }),
            (r#"{"type":"offer","sdp":{}}"#, if is_seated { "bad-message" } else { "not-connected" }),
        ]);
        self.see("mesh: error");
        if is_seated && code == "already-connected" {
            self.see("mesh: already connected");
        }
        self.expect(peer, Hears::Error(code));
        self.say(peer, text);
    }
}
