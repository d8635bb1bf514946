//! A conversation with the hub alone, in virtual time.

use super::transcript::{Action, Heard, Said, Stage};
use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use suzu::{
    config::Config,
    signaling::{Dialect, Effect, Hub, Input, Mono, Now, Outbox, PeerId},
    slots::Slots,
};

pub struct HubStage {
    hub: Hub,
    now: Mono,
    out: Outbox,
    peers: Slots<String>,
    clients: BTreeMap<String, Client>,
}

struct Client {
    peer: PeerId,
    heard: VecDeque<Heard>,
    is_muted: bool,
    shows_pings: bool,
}

impl HubStage {
    pub fn new(config: &Config) -> Self {
        Self {
            hub: Hub::new(config.signaling_limits(), [1; 32]),
            now: Mono::START,
            out: Outbox::new(),
            peers: Slots::with_capacity(config.max_connections()),
            clients: BTreeMap::new(),
        }
    }

    fn now(&self) -> Now {
        Now { mono: self.now, unix_ms: 1_700_000_000_000 + self.now.as_millis() }
    }

    fn handle(&mut self, input: Input<'_>) {
        let arrived = if let Input::Text { text, .. } = &input { (*text).to_owned() } else { String::new() };
        self.hub.handle(input, self.now(), &mut self.out);
        self.apply(&arrived);
    }

    fn apply(&mut self, arrived: &str) {
        let mut answers = Vec::new();
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Send { to, text } => {
                    let is_ping = text == r#"{"type":"ping"}"#;
                    let client = self.client(to);
                    if is_ping && !client.is_muted {
                        answers.push((to, Some(r#"{"type":"pong"}"#)));
                    }
                    if !is_ping || client.shows_pings {
                        client.heard.push_back(Heard::Text(text.into_owned()));
                    }
                }
                Effect::Relay { to } => self.client(to).heard.push_back(Heard::Text(arrived.to_owned())),
                Effect::Ping { to } => {
                    if !self.client(to).is_muted {
                        answers.push((to, None));
                    }
                }
                Effect::Close { peer, close } => {
                    let heard = Heard::Closed(close.code(), close.reason().to_owned());
                    self.client(peer).heard.push_back(heard);
                    self.peers.remove(peer);
                }
                Effect::Ask { .. } => panic!("no transcript has an authority"),
            }
        }
        for (peer, answer) in answers {
            match answer {
                Some(text) => self.handle(Input::Text { peer, text }),
                None => self.handle(Input::Pong { peer }),
            }
        }
    }

    fn client(&mut self, peer: PeerId) -> &mut Client {
        let name = self.peers.get(peer).expect("an effect for a peer that is gone").clone();
        self.clients.get_mut(&name).unwrap()
    }
}

impl Stage for HubStage {
    fn act(&mut self, client: &str, action: Action) {
        match action {
            Action::Open => {
                let peer = self.peers.insert_with(|_| client.to_owned()).unwrap();
                let entry = Client { peer, heard: VecDeque::new(), is_muted: false, shows_pings: false };
                self.clients.insert(client.to_owned(), entry);
                let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
                self.handle(Input::Open { peer, dialect: Dialect::Ayame, address });
            }
            Action::Mute => self.clients.get_mut(client).unwrap().is_muted = true,
            Action::ShowPings => self.clients.get_mut(client).unwrap().shows_pings = true,
            Action::Vanish | Action::Leave => {
                let peer = self.clients[client].peer;
                self.peers.remove(peer);
                self.handle(Input::Ended { peer });
            }
        }
    }

    fn say(&mut self, client: &str, said: &Said) {
        let peer = self.clients[client].peer;
        match said {
            Said::Text(text) => self.handle(Input::Text { peer, text }),
            Said::Binary => self.handle(Input::Binary { peer }),
            Said::Pong => self.handle(Input::Pong { peer }),
        }
    }

    fn pass(&mut self, time: Duration) {
        let target = self.now.after(time);
        while let Some(due) = self.hub.next_timeout().filter(|due| *due <= target) {
            self.now = self.now.max(due);
            // A timer must move on: it may need some calls to look after everybody, but not for ever.
            for calls in 0.. {
                if self.hub.next_timeout().is_none_or(|next| next > self.now) {
                    break;
                }
                assert!(calls < 10_000, "the hub's timer stands still");
                self.hub.handle_timeout(self.now(), &mut self.out);
                self.apply("");
            }
        }
        self.now = target;
    }

    fn hear(&mut self, client: &str) -> Option<Heard> {
        self.clients.get_mut(client).unwrap().heard.pop_front()
    }

    fn left_over(&mut self, client: &str) -> Vec<Heard> {
        self.clients[client].heard.iter().cloned().collect()
    }

    fn clients(&self) -> Vec<String> {
        self.clients.keys().cloned().collect()
    }
}
