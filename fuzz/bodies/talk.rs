//! Conversations in one dialect, as tests/transcripts has them: what clients say is anything. What others hear of it is held against what was
//! said, read by serde_json.
//!
//! Besides the lines of a transcript (what somebody should hear is passed over) there are `a! overflow`, `a! dismiss`, `a! stop`,
//! `a! verdict {...}` and `! dismiss-room NAME`.

use super::{
    hub_stage::HubStage,
    oracle,
    transcript::{Action, Heard, Line, Said, Stage, parse},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use suzu::{
    config::{Config, settings},
    signaling::{Dialect, Input, Verdict, verdict},
};

const CLIENTS: [&str; 6] = ["a", "b", "c", "d", "again", "thief"];
/// The most that happens.
const LINES_MAX: usize = 100;
/// The most that passes at once, and in all.
const PASS_MAX: Duration = Duration::from_secs(200);
const TIME_MAX: Duration = Duration::from_secs(1_000);
/// What a conversation may set: nothing that reads a file.
const SETTINGS: [&str; 16] = [
    "authn_webhook_url",
    "eviction_silence_sec",
    "ice_server",
    "max_id_bytes",
    "max_message_bytes",
    "max_peers_per_room",
    "max_queue_bytes",
    "max_rooms",
    "max_stored_bytes",
    "register_timeout_sec",
    "reject_delay_max_sec",
    "resume_grace_sec",
    "room_key",
    "signaling_key",
    "type_message",
    "websocket_pong_timeout_sec",
];

/// Plays a conversation in one of these dialects.
pub(super) fn run(dialects: &[Dialect], bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let config = config(&text);
    if config.check().is_err() || config.access().is_err() {
        return;
    }
    let mut talk = Talk {
        stage: HubStage::new(&config),
        routes: config.routes().into_iter().filter(|(_, dialect)| dialects.contains(dialect)).collect(),
        open: BTreeMap::new(),
        fresh: BTreeSet::new(),
        ids: BTreeMap::new(),
        left: TIME_MAX,
    };
    for line in text.lines().take(LINES_MAX) {
        talk.line(line);
    }
    talk.end();
}

fn config(text: &str) -> Config {
    let mut config = Config { max_clients: 6, max_pending_connections: 1, ..super::defaults() };
    let mut seen = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("set ")).take(16) {
        let Some((key, value)) = line.split_once(' ').filter(|(key, _)| SETTINGS.contains(key)) else {
            continue;
        };
        let setting = settings::find(key).expect("a setting");
        let is_first = !seen.contains(&key);
        seen.push(key);
        let _ = config.set(setting, value, is_first);
    }
    config.max_rooms = config.max_rooms.min(6);
    config.max_peers_per_room = config.max_peers_per_room.min(6);
    config
}

struct Talk {
    stage: HubStage,
    routes: Vec<(String, Dialect)>,
    /// Who is connected, and what it speaks.
    open: BTreeMap<&'static str, Dialect>,
    /// Who has said nothing yet.
    fresh: BTreeSet<&'static str>,
    /// What mesh clients are called.
    ids: BTreeMap<&'static str, String>,
    /// How much time may still pass.
    left: Duration,
}

impl Talk {
    fn line(&mut self, text: &str) {
        if let Some(name) = text.strip_prefix("! dismiss-room ") {
            // It says nothing of any client, so any will do.
            if let Some(client) = self.open.keys().next() {
                self.stage.happens(client, |_| Input::DismissRoom { name });
                self.listen(None);
            }
            return;
        }
        if let Some((client, what)) = text.split_once("! ")
            && self.happens(client, what)
        {
            return self.listen(None);
        }
        let Ok(transcript) = parse("", text) else { return };
        for (_, line) in transcript.lines {
            self.play(line);
        }
    }

    fn play(&mut self, line: Line) {
        match line {
            Line::Pass(time) => {
                let time = time.min(PASS_MAX).min(self.left);
                self.left -= time;
                self.stage.pass(time);
                self.listen(None);
            }
            Line::Open(client, path) | Line::Refused(client, _, path) => self.open(&client, &path),
            Line::Do(client, action) => {
                let Some(client) = self.present(&client) else { return };
                self.stage.act(client, action);
                if matches!(action, Action::Vanish | Action::Leave) {
                    self.gone(client);
                }
                self.listen(None);
            }
            Line::Say(client, said) => {
                let Some(client) = self.present(&client) else { return };
                if self.stage.can_read(client) {
                    self.stage.say(client, &said);
                    self.listen(Some((client, &said)));
                }
            }
            Line::Hear(..) | Line::Closed(..) | Line::Quiet(..) => {}
        }
    }

    fn open(&mut self, client: &str, path: &str) {
        let Some(client) = CLIENTS.into_iter().find(|name| *name == client) else { return };
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        let Some((route, dialect)) =
            self.routes.iter().find(|(known, _)| known == route).or(self.routes.first())
        else {
            return;
        };
        let (path, dialect) = (format!("{route}?{query}"), *dialect);
        if self.open.contains_key(client) || self.stage.ask(client, &path) != 101 {
            return;
        }
        self.open.insert(client, dialect);
        self.fresh.insert(client);
        self.stage.open(client, &path);
        self.listen(None);
    }

    /// What no transcript has; whether it was that.
    fn happens(&mut self, client: &str, what: &str) -> bool {
        let Some(client) = self.present(client) else { return false };
        match what.split_once(' ').unwrap_or((what, "")) {
            ("overflow", "") => {
                self.gone(client);
                self.stage.happens(client, |peer| Input::Overflowed { peer });
            }
            ("dismiss", "") => self.stage.happens(client, |peer| Input::Dismiss { peer }),
            ("stop", "") => self.stage.happens(client, |peer| Input::Stop { peer }),
            ("verdict", answer) => {
                let verdict = verdict::read(answer.as_bytes()).unwrap_or(Verdict::Failed);
                self.stage.happens(client, |peer| Input::Verdict { peer, verdict });
            }
            _ => return false,
        }
        true
    }

    fn present(&self, client: &str) -> Option<&'static str> {
        self.open.keys().find(|name| **name == client).copied()
    }

    fn gone(&mut self, client: &'static str) {
        self.open.remove(client);
        self.fresh.remove(client);
        self.ids.remove(client);
    }

    /// Looks at all that was heard, after somebody has said something or something else has happened.
    fn listen(&mut self, said: Option<(&'static str, &Said)>) {
        let mut heard = BTreeMap::new();
        for client in CLIENTS {
            if !self.stage.clients().iter().any(|known| known == client) {
                continue;
            }
            let mut own = Vec::new();
            while let Some(one) = self.stage.hear(client) {
                own.push(one);
            }
            heard.insert(client, own);
        }
        let text = said.and_then(|(from, said)| match said {
            Said::Text(text) => Some((from, text.as_str())),
            _ => None,
        });
        for (client, own) in &heard {
            for one in own {
                if let Heard::Text(message) = one {
                    let dialect = *self.open.get(client).unwrap_or_else(|| panic!("{message} to nobody"));
                    self.check(client, dialect, message, text);
                }
            }
        }
        if let Some((from, text)) = text {
            self.check_answer(from, text, &heard);
        }
        for (client, own) in heard {
            if own.iter().any(|one| matches!(one, Heard::Closed(..))) {
                assert!(
                    matches!(own.last(), Some(Heard::Closed(..))),
                    "{client} hears something after the close: {own:?}"
                );
                self.gone(client);
            }
        }
    }

    /// Whatever a client hears has a type that its dialect has; and what others say, it hears as they said it.
    fn check(
        &mut self,
        to: &'static str,
        dialect: Dialect,
        message: &str,
        said: Option<(&'static str, &str)>,
    ) {
        match dialect {
            Dialect::Chat | Dialect::Relay => {
                let (from, text) = said.expect("somebody said it");
                assert!(message == text && (dialect == Dialect::Chat || from != to), "{message} of {text}");
                return;
            }
            Dialect::Echo => {
                let (from, text) = said.expect("somebody said it");
                assert_eq!((to, message.strip_prefix("echo:")), (from, Some(text)));
                return;
            }
            Dialect::Ayame | Dialect::Mailbox | Dialect::Mesh => {}
        }
        let kind = oracle::kind(message).unwrap_or_else(|| panic!("this is no message: {message}"));
        assert!(dialect.sends().iter().any(|known| known.name() == kind), "{message} in {dialect:?}");
        match (dialect, &*kind) {
            (Dialect::Ayame, "offer" | "answer" | "candidate" | "message") => {
                let (from, text) = said.expect("somebody said it");
                assert!(from != to && message == text, "{message} of {text}");
            }
            (Dialect::Mesh, "connected") => {
                let id = oracle::string(message, "id").expect("everybody has an id");
                self.ids.insert(to, id);
            }
            (Dialect::Mesh, "offer" | "answer" | "ice-candidate" | "message") => {
                let (from, text) = said.expect("somebody said it");
                // Whoever comes back hears what has waited.
                if from != to {
                    self.check_mesh(message, text, &self.ids[from]);
                }
            }
            _ => {}
        }
    }

    /// A message of the mesh is what was said, and says by whom.
    fn check_mesh(&self, message: &str, text: &str, id: &str) {
        let rest = |text| {
            let members = oracle::members(text).expect("an object");
            let members = members.into_iter().filter(|(key, _)| key != "from");
            members.map(|(key, value)| (key, value.get().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(rest(message), rest(text));
        assert_eq!(oracle::string(message, "from").as_deref(), Some(id), "{message}");
    }

    /// Whoever says what is no message is told so or let go, and nobody else hears of it.
    fn check_answer(&mut self, from: &'static str, text: &str, heard: &BTreeMap<&str, Vec<Heard>>) {
        let is_fresh = self.fresh.remove(from);
        let is_message = oracle::kind(text).is_some();
        let (dialect, own) = (self.open[from], &heard[from]);
        match dialect {
            Dialect::Ayame if is_fresh && !is_message => {
                assert_eq!(own[..], [Heard::Closed(1000, String::new())], "{text}");
            }
            Dialect::Mesh | Dialect::Mailbox if !is_message => {
                let [Heard::Text(error)] = &own[..] else { panic!("{own:?} to {text}") };
                let code = oracle::string(error, "code");
                assert!(matches!(code.as_deref(), Some("bad-json" | "bad-message")), "{error} to {text}");
                let others = heard.iter().filter(|(client, _)| **client != from);
                assert!(others.into_iter().all(|(_, heard)| heard.is_empty()), "{heard:?} to {text}");
            }
            _ => {}
        }
    }

    /// When everybody has gone, nothing is left.
    fn end(&mut self) {
        while let Some(client) = self.open.keys().next().copied() {
            self.gone(client);
            self.stage.act(client, Action::Vanish);
            self.listen(None);
        }
        // Longer than any seat can be kept.
        self.stage.pass(Duration::from_secs(100_000));
        let hub = self.stage.hub();
        assert!(hub.is_empty() && hub.rooms_len() == 0, "somebody is left: {hub:?}");
        assert_eq!(hub.next_timeout(), None, "nobody is there, and something is due");
    }
}
