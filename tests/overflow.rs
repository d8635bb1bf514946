//! A mesh peer that reads too slowly has missed a message when it is closed: its seat does not wait for it.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use suzu::{
    config::Config,
    signaling::{Dialect, Effect, Hub, Input, Mono, Now, PeerId},
    slots::Slots,
};

const NOW: Now = Now { mono: Mono::START, unix_ms: 1_700_000_000_000 };

struct Room {
    hub: Hub,
    peers: Slots<()>,
}

impl Room {
    /// Connects with an id and perhaps a session; what is sent as `(to, text)`.
    fn connect(&mut self, id: &str, session: &str) -> (PeerId, Vec<(PeerId, String)>) {
        let peer = self.peers.insert_with(|_| ()).unwrap();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.handle(Input::Open { peer, dialect: Dialect::Mesh, address, room: "", credential: None });
        let text = format!(r#"{{"type":"connect","room":"home","id":"{id}","session":"{session}"}}"#);
        let sent = self.handle(Input::Text { peer, text: &text });
        (peer, sent)
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<(PeerId, String)> {
        let mut out = Vec::new();
        self.hub.handle(input, NOW, &mut out);
        out.into_iter()
            .map(|effect| match effect {
                Effect::Send { to, text, .. } => (to, text.into_owned()),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

#[test]
fn who_has_missed_a_message_cannot_resume_as_if_it_had_not() {
    let limits = Config::default().signaling_limits();
    let mut room = Room { hub: Hub::new(limits, [1; 32]), peers: Slots::with_capacity(8) };
    let (kitchen, _) = room.connect("kitchen", "");
    let (door, sent) = room.connect("door", "");
    let connected: serde_json::Value = serde_json::from_str(&sent[0].1).unwrap();
    let session = connected["session"].as_str().unwrap();

    let told = room.handle(Input::Overflowed { peer: door });
    let news = r#"{"type":"peer-disconnected","peer":{"id":"door"},"reason":"queue-full"}"#;
    assert_eq!(told, [(kitchen, news.to_owned())]);

    let (again, sent) = room.connect("door", session);
    assert_eq!(sent[0].0, again);
    assert!(sent[0].1.starts_with(r#"{"type":"connected","id":"door","#), "{sent:?}");
    assert!(!sent[0].1.contains("resumed"), "it starts anew, and knows it: {sent:?}");
}
