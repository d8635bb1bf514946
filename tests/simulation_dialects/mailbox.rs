//! The mailbox clients: each is its own model (protocols.md section 2).

use super::{Crowd, Hears};
use rand::RngExt;
use std::collections::BTreeSet;
use suzu::signaling::{Dialect, PeerId};

const IDS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Debug, Default)]
pub(crate) struct Client {
    id: Option<&'static str>,
    pub(crate) is_offerer: bool,
    awaits_offer: bool,
    offer: Option<String>,
    candidates: Vec<String>,
}

impl Client {
    /// What it keeps: the texts, and a separator for each candidate.
    fn stored(&self) -> usize {
        self.offer.as_ref().map_or(0, String::len)
            + self.candidates.iter().map(|one| one.len() + 1).sum::<usize>()
    }
}

impl Crowd {
    pub(crate) fn mailbox_step(&mut self) {
        let Some(peer) = self.pick(|client| client.dialect == Dialect::Mailbox && !client.is_muted) else {
            return;
        };
        if self.random.random_bool(0.1) {
            return self.mailbox_misspeak(peer);
        }
        let own = self.clients[&peer].mailbox.id;
        let id = own.unwrap_or_else(|| self.one_of(&IDS));
        let target = self.one_of(&["a", "b", "c", "d", "nobody", ""]);
        let payload = self.payload(30);
        let (kind, text) = match self.random.random_range(0..9) {
            0..3 => ("connect", format!(r#"{{"type":"connect","id":"{id}"}}"#)),
            3..5 => ("offer", format!(r#"{{"type":"offer","id":"{id}","sdp":{payload}}}"#)),
            5..7 => (
                "answer",
                format!(r#"{{"type":"answer","id":"{id}","target_id":"{target}","sdp":{payload}}}"#),
            ),
            _ => (
                "candidate",
                format!(
                    r#"{{"type":"candidateAdd","id":"{id}","target_id":"{target}","candidate":{payload}}}"#
                ),
            ),
        };
        if own.is_none() && self.mailbox_find(peer, id).is_some() {
            self.see("mailbox: id taken");
            self.expect(peer, Hears::Error("id-taken"));
            return self.say(peer, &text);
        }
        self.mailbox(peer).id = Some(id);
        match kind {
            "connect" => self.mailbox_connect(peer),
            "offer" => self.mailbox_offer(peer, payload),
            "answer" => self.mailbox_answer(peer, target, &payload),
            _ => self.mailbox_candidate(peer, target, payload),
        }
        self.say(peer, &text);
    }

    fn mailbox_misspeak(&mut self, peer: PeerId) {
        let (text, code) = self.one_of(&[
            ("", "bad-json"),
            ("null", "bad-message"),
            (r#"{"type":"connect"}"#, "bad-message"),
            (r#"{"type":"dance","id":"a"}"#, "unknown-type"),
            (r#"{"type":"register","roomId":"r","id":"a"}"#, "unknown-type"),
        ]);
        self.see("mailbox: error");
        self.expect(peer, Hears::Error(code));
        self.say(peer, text);
    }

    fn mailbox_connect(&mut self, peer: PeerId) {
        if self.mailbox(peer).is_offerer {
            return;
        }
        let offerer = self.mailbox_mates(peer).find(|(_, mate)| mate.is_offerer);
        let offer = offerer.map(|(_, mate)| Some(offer_text(mate.offer.as_ref()?, mate.id?)));
        match offer {
            None => {
                let own = self.mailbox(peer);
                (own.is_offerer, own.awaits_offer) = (true, false);
                self.expect(peer, Hears::Text(r#"{"type":"offer"}"#.to_owned()));
            }
            Some(Some(text)) => self.expect(peer, Hears::Text(text)),
            Some(None) => self.mailbox(peer).awaits_offer = true,
        }
    }

    fn mailbox_offer(&mut self, peer: PeerId, sdp: String) {
        let max = self.limits.max_stored_bytes;
        let own = self.mailbox(peer);
        if !own.is_offerer {
            self.see("mailbox: not the offerer");
            return self.expect(peer, Hears::Error("not-offerer"));
        }
        let before = own.offer.as_ref().map_or(0, String::len);
        if own.stored() - before + sdp.len() > max {
            self.see("mailbox: stored too much");
            return self.expect(peer, Hears::Error("too-large"));
        }
        let text = offer_text(&sdp, own.id.unwrap());
        own.offer = Some(sdp);
        self.see("mailbox: offer made");
        let waiting: Vec<_> =
            self.mailbox_mates(peer).filter(|(_, mate)| mate.awaits_offer).map(|(mate, _)| mate).collect();
        for mate in waiting {
            self.mailbox(mate).awaits_offer = false;
            self.see("mailbox: offer that was waited for");
            self.expect(mate, Hears::Text(text.clone()));
        }
    }

    fn mailbox_answer(&mut self, peer: PeerId, target: &str, sdp: &str) {
        let Some(to) = self.mailbox_find(peer, target) else {
            return self.expect(peer, Hears::Error("unknown-peer"));
        };
        self.expect(to, Hears::Text(format!(r#"{{"type":"answer","sdp":{}}}"#, quoted(sdp))));
        let room = self.clients[&peer].room.clone();
        let in_room = self.clients.values().filter(|c| c.dialect == Dialect::Mailbox && c.room == room);
        let offerer = in_room.map(|client| &client.mailbox).find(|one| one.is_offerer);
        let joined = offerer.map(|offerer| offerer.candidates.join("|")).unwrap_or_default();
        if !joined.is_empty() {
            self.see("mailbox: candidates joined");
            self.expect(peer, candidate(&joined));
        }
    }

    fn mailbox_candidate(&mut self, peer: PeerId, target: &str, text: String) {
        if let Some(to) = self.mailbox_find(peer, target) {
            self.see("mailbox: candidate to somebody");
            return self.expect(to, candidate(&text));
        }
        let max = self.limits.max_stored_bytes;
        let own = self.mailbox(peer);
        if own.stored() + text.len() + 1 > max {
            self.see("mailbox: stored too much");
            return self.expect(peer, Hears::Error("too-large"));
        }
        own.candidates.push(text);
        self.see("mailbox: candidate stored");
    }

    fn mailbox(&mut self, peer: PeerId) -> &mut Client {
        &mut self.clients.get_mut(&peer).unwrap().mailbox
    }

    /// The others in this client's room.
    fn mailbox_mates(&self, peer: PeerId) -> impl Iterator<Item = (PeerId, &Client)> {
        let room = &self.clients[&peer].room;
        self.clients
            .iter()
            .filter(move |(other, client)| {
                **other != peer && client.dialect == Dialect::Mailbox && client.room == *room
            })
            .map(|(other, client)| (*other, &client.mailbox))
    }

    fn mailbox_find(&self, peer: PeerId, id: &str) -> Option<PeerId> {
        self.mailbox_mates(peer).find(|(_, mate)| mate.id == Some(id)).map(|(mate, _)| mate)
    }

    pub(crate) fn mailbox_check(&self) {
        let mut offerers = BTreeSet::new();
        for client in self.clients.values().filter(|client| client.mailbox.is_offerer) {
            assert!(offerers.insert(&client.room), "two offerers in {:?}", client.room);
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn offer_text(sdp: &str, id: &str) -> String {
    format!(r#"{{"type":"offer","sdp":{},"target_id":"{id}"}}"#, quoted(sdp))
}

fn candidate(text: &str) -> Hears {
    Hears::Text(format!(r#"{{"type":"candidate","candidate":{}}}"#, quoted(text)))
}
