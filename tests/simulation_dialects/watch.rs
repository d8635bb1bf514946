//! Hands what happens to the hub, lets time pass, and holds every effect against what the model expects.

use super::{Client, Crowd, Hears};
use rand::RngExt;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use suzu::signaling::{Close, Dialect, Effect, Hub, Input, Kind, Now, PeerId};

impl Crowd {
    pub(crate) fn pass(&mut self, time: Duration) {
        let target = self.now.after(time);
        while let Some(due) = self.hub.next_timeout().filter(|due| *due <= target) {
            self.now = self.now.max(due);
            let mut effects = Vec::new();
            for calls in 0.. {
                if self.hub.next_timeout().is_none_or(|next| next > self.now) {
                    break;
                }
                assert!(calls < 1_000, "the timer stands still at {due:?}");
                effects.extend(self.run(|hub, now, out| hub.handle_timeout(now, out)));
            }
            self.time_is_up(effects);
        }
        self.now = target;
    }

    /// Holds what came of the time alone against the model; afterwards those who were pinged answer.
    fn time_is_up(&mut self, effects: Vec<Effect>) {
        let mut pinged = Vec::new();
        let mut rest = Vec::new();
        for effect in effects {
            match effect {
                Effect::Ping { to } => pinged.push(to),
                Effect::Send { to, ref text, .. } if text == r#"{"type":"ping"}"# => {
                    let dialect = self.clients[&to].dialect;
                    assert!(matches!(dialect, Dialect::Ayame | Dialect::Mesh), "a JSON ping in {dialect:?}");
                }
                Effect::Close { peer, close } if self.clients[&peer].dialect != Dialect::Ayame => {
                    self.timed_out(peer, close);
                    rest.push(effect);
                }
                _ => rest.push(effect),
            }
        }
        self.mesh_expire();
        self.compare_any(&rest);
        for peer in pinged {
            let Some(client) = self.clients.get(&peer).filter(|client| !client.is_muted) else { continue };
            let is_json =
                matches!(client.dialect, Dialect::Ayame | Dialect::Mesh) && self.random.random_bool(0.5);
            let pong = Input::Text { peer, text: r#"{"type":"pong"}"# };
            self.clients.get_mut(&peer).unwrap().ponged = self.now;
            self.give(peer, if is_json { pong } else { Input::Pong { peer } });
        }
    }

    fn timed_out(&mut self, peer: PeerId, close: Close) {
        let (client, now) = (&self.clients[&peer], self.now);
        let is_due = match close {
            Close::PongTimeout => client.is_muted && now.since(client.ponged) >= self.limits.pong_timeout,
            Close::ReadTimeout => client.is_muted && now.since(client.said) >= self.limits.read_timeout,
            Close::RegisterTimeout => {
                let waits = client.dialect == Dialect::Mesh && client.seat.is_none();
                waits && now.since(client.opened) >= self.limits.register_timeout
            }
            _ => false,
        };
        assert!(is_due, "{close:?} is not due to {client:?} at {now:?}");
        self.expect(peer, Hears::Close(close));
        self.mesh_gone(peer);
    }

    pub(crate) fn expect(&mut self, peer: PeerId, hears: Hears) {
        self.expected.entry(peer).or_default().push(hears);
    }

    pub(crate) fn say(&mut self, peer: PeerId, text: &str) {
        self.give(peer, Input::Text { peer, text });
    }

    pub(crate) fn give(&mut self, peer: PeerId, input: Input<'_>) {
        let dialect = self.clients[&peer].dialect;
        let effects = self.hand_in(peer, input);
        self.compare(dialect, &effects);
    }

    /// The same without the comparison, for those who must look at the effects to say what was due.
    pub(crate) fn hand_in(&mut self, peer: PeerId, input: Input<'_>) -> Vec<Effect> {
        self.clients.get_mut(&peer).unwrap().said = self.now;
        self.arrived = if let Input::Text { text, .. } = input { Some(text.to_owned()) } else { None };
        self.run(|hub, now, out| hub.handle(input, now, out))
    }

    pub(crate) fn run(&mut self, call: impl FnOnce(&mut Hub, Now, &mut Vec<Effect>)) -> Vec<Effect> {
        let mut out = Vec::new();
        call(&mut self.hub, Now { mono: self.now, unix_ms: self.now.as_millis() }, &mut out);
        // What is reported is Ayame's business, and `tests/simulation.rs` looks after it.
        out.retain(|effect| !matches!(effect, Effect::Report { .. }));
        out.iter().for_each(|effect| self.check_kind(effect));
        out
    }

    /// What is counted as a message of a kind is one, and one that its dialect has.
    fn check_kind(&self, effect: &Effect) {
        let (kind, text) = match effect {
            Effect::Send { kind, text, .. } => (*kind, Some(&**text)),
            Effect::SendWaiting { kind, text, .. } => (*kind, Some(&**text)),
            Effect::Relay { .. } => (self.hub.arrived(), None),
            _ => return,
        };
        let dialect = self.clients[&receiver(effect)].dialect;
        assert!(dialect.sends().contains(&kind), "{kind:?} in {dialect:?}");
        if let (Some(text), true) = (text, kind != Kind::Text) {
            let message: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(message["type"], kind.name(), "{text}");
        }
    }

    /// What a client of one dialect does is nothing to the others.
    pub(crate) fn compare(&mut self, dialect: Dialect, effects: &[Effect]) {
        for effect in effects {
            let to = receiver(effect);
            let other = self.clients.get(&to).unwrap_or_else(|| panic!("{effect:?} to nobody")).dialect;
            assert_eq!(other, dialect, "{effect:?} crosses from one dialect to another");
        }
        self.compare_any(effects);
    }

    fn compare_any(&mut self, effects: &[Effect]) {
        let mut heard: BTreeMap<PeerId, Vec<&Effect>> = BTreeMap::new();
        let mut closed = BTreeSet::new();
        for effect in effects {
            let to = receiver(effect);
            assert!(self.clients.contains_key(&to) && !closed.contains(&to), "{effect:?} to nobody");
            if let Effect::Close { peer, close } = effect {
                closed.insert(*peer);
                self.see(format!("closed: {}", close.label()));
            }
            if self.clients[&to].dialect == Dialect::Ayame {
                self.ayame_heard(effect);
            } else {
                heard.entry(to).or_default().push(effect);
            }
        }
        let expected = std::mem::take(&mut self.expected);
        let peers: BTreeSet<_> = heard.keys().chain(expected.keys()).copied().collect();
        for peer in peers {
            let (heard, expected) =
                (heard.remove(&peer).unwrap_or_default(), expected.get(&peer).map_or(&[][..], |all| all));
            let fits =
                heard.len() == expected.len() && heard.iter().zip(expected).all(|(h, e)| self.is(h, e));
            let client = &self.clients[&peer];
            assert!(fits, "{peer} {client:?}\nshould hear {expected:#?}\nbut heard {heard:#?}");
        }
        for peer in closed {
            self.slots.remove(peer);
            let client = self.clients.remove(&peer).unwrap();
            self.note_gone(&client);
        }
        self.mesh_check();
        self.mailbox_check();
        let rooms = self.rooms();
        assert!(rooms.len() <= self.limits.max_rooms, "too many rooms: {rooms:?}");
        assert_eq!((self.hub.rooms_len(), self.hub.len()), (rooms.len(), self.clients.len()), "{rooms:?}");
        let census = self.hub.census();
        for dialect in Dialect::ALL {
            let of = |client: &&Client| client.dialect == dialect;
            assert_eq!(census.clients[dialect as usize], self.clients.values().filter(of).count() as u64);
        }
        assert_eq!(census.rooms.iter().sum::<u64>(), rooms.len() as u64);
    }

    pub(crate) fn note_gone(&mut self, client: &Client) {
        if client.mailbox.is_offerer {
            self.see("mailbox: offerer gone");
        }
    }

    fn is(&self, effect: &Effect, expected: &Hears) -> bool {
        match (effect, expected) {
            (Effect::Send { text, .. }, Hears::Text(expected)) => text == expected,
            (Effect::Send { text, .. }, Hears::Error(code)) => {
                text.starts_with(&format!(r#"{{"type":"error","code":"{code}","message":""#))
            }
            (Effect::SendWaiting { text, .. }, Hears::Text(expected)) => **text == **expected,
            (Effect::SendBinary { bytes, .. }, Hears::Binary(expected)) => bytes == expected,
            (Effect::Relay { .. }, Hears::Relay) => true,
            // What need not be changed may go out as it came.
            (Effect::Relay { .. }, Hears::Text(expected)) => self.arrived.as_ref() == Some(expected),
            (Effect::Close { close, .. }, Hears::Close(expected)) => close == expected,
            _ => false,
        }
    }
}

fn receiver(effect: &Effect) -> PeerId {
    match effect {
        Effect::Send { to, .. }
        | Effect::SendWaiting { to, .. }
        | Effect::SendBinary { to, .. }
        | Effect::Relay { to }
        | Effect::Ping { to }
        | Effect::Ask { peer: to, .. }
        | Effect::Refused { peer: to, .. }
        | Effect::Report { peer: to, .. }
        | Effect::Close { peer: to, .. } => *to,
    }
}
