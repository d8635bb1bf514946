//! A conversation with the hub alone, in virtual time.

use super::transcript::{Action, Heard, Said, Stage};
use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use suzu::{
    config::Config,
    http::upgrade::Wishes,
    signaling::{Dialect, Effect, Hub, Input, Mono, Now, Outbox, PeerId},
    slots::Slots,
};

pub struct HubStage {
    routes: Vec<(String, Dialect)>,
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
    wants_binary: bool,
}

impl Client {
    /// As the server does it: a client that asked for binary frames gets no others.
    fn hears(&mut self, heard: Heard) {
        self.heard.push_back(match heard {
            Heard::Text(text) if self.wants_binary => Heard::Binary(text.into_bytes()),
            heard => heard,
        });
    }
}

impl HubStage {
    pub fn new(config: &Config) -> Self {
        let (keys, ice_servers) = config.access().unwrap();
        Self {
            routes: config.routes(),
            hub: Hub::new(config.signaling_limits(), [1; 32]).with_access(keys, ice_servers),
            now: Mono::START,
            out: Outbox::new(),
            peers: Slots::with_capacity(config.max_connections()),
            clients: BTreeMap::new(),
        }
    }

    fn now(&self) -> Now {
        Now { mono: self.now, unix_ms: 1_700_000_000_000 + self.now.as_millis() }
    }

    /// The hub itself, to ask it.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Something that no transcript has happens to a client.
    pub fn happens<'a>(&mut self, client: &str, input: impl FnOnce(PeerId) -> Input<'a>) {
        let peer = self.clients[client].peer;
        let input = input(peer);
        if let Input::Overflowed { peer } = input {
            self.peers.remove(peer);
        }
        self.handle(input);
    }

    /// Whether the server would read what this client says.
    pub fn can_read(&self, client: &str) -> bool {
        self.hub.can_read(self.clients[client].peer)
    }

    fn handle(&mut self, input: Input<'_>) {
        let arrived = match &input {
            Input::Text { text, .. } => Some(Heard::Text((*text).to_owned())),
            Input::Binary { bytes, .. } => Some(Heard::Binary(bytes.to_vec())),
            _ => None,
        };
        self.hub.handle(input, self.now(), &mut self.out);
        self.apply(arrived);
    }

    fn apply(&mut self, arrived: Option<Heard>) {
        let mut answers = Vec::new();
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Send { to, text, .. } => {
                    let is_ping = text == r#"{"type":"ping"}"#;
                    let client = self.client(to);
                    if is_ping && !client.is_muted {
                        answers.push((to, Some(r#"{"type":"pong"}"#)));
                    }
                    if !is_ping || client.shows_pings {
                        client.hears(Heard::Text(text.into_owned()));
                    }
                }
                Effect::SendWaiting { to, text, .. } => self.client(to).hears(Heard::Text(text.into())),
                Effect::SendBinary { to, bytes } => self.client(to).hears(Heard::Binary(bytes)),
                Effect::Relay { to } => self.client(to).hears(arrived.clone().expect("a relay of nothing")),
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
                // For whoever counts wrong keys.
                Effect::Refused { .. } => {}
                // Not the client's business.
                Effect::Report { .. } => {}
                // Whoever plays the authority answers with [`HubStage::happens`].
                Effect::Ask { .. } => {}
            }
        }
        for (peer, answer) in answers {
            match answer {
                Some(text) => self.handle(Input::Text { peer, text }),
                None => self.handle(Input::Pong { peer }),
            }
        }
    }

    fn wishes(&self, path: &str) -> (Dialect, Wishes) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let dialect = self.routes.iter().find(|(route, _)| route == path).expect("a path that is served").1;
        (dialect, Wishes::of_query(query))
    }

    fn client(&mut self, peer: PeerId) -> &mut Client {
        let name = self.peers.get(peer).expect("an effect for a peer that is gone").clone();
        self.clients.get_mut(&name).unwrap()
    }
}

impl Stage for HubStage {
    fn open(&mut self, client: &str, path: &str) {
        let (dialect, wishes) = self.wishes(path);
        let peer = self.peers.insert_with(|_| client.to_owned()).unwrap();
        let wants_binary = wishes.wants_binary;
        let entry =
            Client { peer, heard: VecDeque::new(), is_muted: false, shows_pings: false, wants_binary };
        self.clients.insert(client.to_owned(), entry);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.handle(Input::Open {
            peer,
            dialect,
            address,
            room: &wishes.room,
            credential: wishes.credential.as_deref(),
        });
    }

    fn ask(&mut self, _client: &str, path: &str) -> u16 {
        let (dialect, wishes) = self.wishes(path);
        let checked = self.hub.check_upgrade(dialect, &wishes.room, wishes.credential.as_deref(), self.now());
        if checked.is_ok() { 101 } else { 401 }
    }

    fn act(&mut self, client: &str, action: Action) {
        match action {
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
            Said::Binary(bytes) => self.handle(Input::Binary { peer, bytes }),
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
                self.apply(None);
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
