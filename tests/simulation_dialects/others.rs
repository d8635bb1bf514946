//! Echo, chat and relay, of which the model says all, and Ayame, of which it only watches the borders.

use super::{Crowd, Hears, ROOMS};
use rand::RngExt;
use std::borrow::Cow;
use suzu::signaling::{Dialect, Effect, PeerId};

/// What is known of an Ayame client.
#[derive(Debug, Default)]
pub(crate) struct Ayame {
    has_registered: bool,
    pub(crate) is_accepted: bool,
    /// The last thing that it sent.
    last: String,
}

impl Crowd {
    pub(crate) fn relay_step(&mut self) {
        let talks = |dialect| matches!(dialect, Dialect::Echo | Dialect::Chat | Dialect::Relay);
        let Some(peer) = self.pick(|client| talks(client.dialect) && !client.is_muted) else { return };
        let payload = self.payload(20);
        // What means something elsewhere means nothing here.
        let text = match self.random.random_range(0..4) {
            0 => format!(r#"{{"type":"connect","room":"r","id":{payload}}}"#),
            1 => format!(r#"{{"type":"register","roomId":"r","clientId":{payload}}}"#),
            2 => r#"{"type":"pong"}"#.to_owned(),
            _ => payload,
        };
        self.relay_expect(peer, Cow::Borrowed(text.as_bytes()), false);
        self.say(peer, &text);
    }

    pub(crate) fn relay_expect(&mut self, peer: PeerId, said: Cow<'_, [u8]>, is_binary: bool) {
        let (dialect, room) = (self.clients[&peer].dialect, self.clients[&peer].room.clone());
        if dialect == Dialect::Echo {
            let bytes = [b"echo:", &*said].concat();
            let hears =
                if is_binary { Hears::Binary(bytes) } else { Hears::Text(String::from_utf8(bytes).unwrap()) };
            self.see("echo");
            return self.expect(peer, hears);
        }
        let receivers: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, other)| other.dialect == dialect && other.room == room)
            .map(|(to, _)| *to)
            .filter(|to| *to != peer || dialect == Dialect::Chat)
            .collect();
        match receivers.len() {
            0 => self.see(format!("{}: to nobody", dialect.name())),
            1 => {}
            _ => self.see(format!("{}: to several", dialect.name())),
        }
        receivers.into_iter().for_each(|to| self.expect(to, Hears::Relay));
    }

    pub(crate) fn ayame_step(&mut self) {
        let Some(peer) = self.pick(|client| client.dialect == Dialect::Ayame && !client.is_muted) else {
            return;
        };
        let room = self.one_of(&ROOMS);
        let ayame = &self.clients[&peer].ayame;
        let text = match self.random.random_range(0..10) {
            0 => r#"{"type":"bye"}"#.to_owned(),
            1 => r#"{"type":"message","data":1}"#.to_owned(),
            _ if ayame.has_registered => format!(r#"{{"type":"offer","sdp":{}}}"#, self.payload(20)),
            _ => {
                let client = self.clients.get_mut(&peer).unwrap();
                client.ayame.has_registered = true;
                client.room = room.to_owned();
                format!(r#"{{"type":"register","roomId":"{room}"}}"#)
            }
        };
        self.clients.get_mut(&peer).unwrap().ayame.last = text.clone();
        self.say(peer, &text);
    }

    /// Who is accepted has a seat until it is closed, and what is relayed comes from a room-mate.
    pub(crate) fn ayame_heard(&mut self, effect: &Effect) {
        match effect {
            Effect::Send { to, text, .. } => match text.split('"').nth(3).unwrap() {
                "accept" => {
                    let client = self.clients.get_mut(to).unwrap();
                    assert!(client.ayame.has_registered && !client.ayame.is_accepted, "{client:?}");
                    client.ayame.is_accepted = true;
                    self.see("ayame: accept");
                }
                "reject" => self.see("ayame: reject"),
                "bye" | "ping" => {}
                other => panic!("what is {other}?"),
            },
            Effect::Relay { to } => {
                let receiver = &self.clients[to];
                let is_mate = |mate: &super::Client| {
                    mate.ayame.is_accepted && mate.room == receiver.room && mate.ayame.last.contains("offer")
                };
                let mates = self.clients.iter().filter(|(mate, _)| *mate != to);
                assert!(receiver.ayame.is_accepted && mates.filter(|(_, mate)| is_mate(mate)).count() == 1);
                self.see("ayame: relay");
            }
            Effect::Ping { .. } | Effect::Close { .. } => {}
            Effect::SendBinary { .. }
            | Effect::SendWaiting { .. }
            | Effect::Ask { .. }
            | Effect::Refused { .. }
            | Effect::Report { .. } => {
                panic!("{effect:?} has no cause here")
            }
        }
    }
}
