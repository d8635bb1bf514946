//! An authority decides who may register: the hub's side of it, with nobody asked over a network yet.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use suzu::{
    config::Config,
    signaling::{Dialect, Effect, Grant, Hub, IceServer, Input, Mono, Now, PeerId, Verdict},
    slots::Slots,
};

const NOW: Now = Now { mono: Mono::START, unix_ms: 1_700_000_000_000 };
const REGISTER: &str =
    r#"{"type":"register","roomId":"door","clientId":"alice","key":"k","authnMetadata":{"pin": 1}}"#;

struct Desk {
    hub: Hub,
    peers: Slots<()>,
}

impl Desk {
    fn new() -> Self {
        let mut limits = Config::default().signaling_limits();
        limits.ask_verdict = true;
        Self { hub: Hub::new(limits, [1; 32]), peers: Slots::with_capacity(8) }
    }

    fn open(&mut self) -> PeerId {
        let peer = self.peers.insert_with(|_| ()).unwrap();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(
            self.handle(Input::Open { peer, dialect: Dialect::Ayame, address, room: "", credential: None })
                .is_empty()
        );
        peer
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<Effect> {
        let mut out = Vec::new();
        self.hub.handle(input, NOW, &mut out);
        out
    }

    /// Registers, is decided upon, and returns what is sent to whom; closes as `close CODE`.
    fn decide(&mut self, peer: PeerId, verdict: Verdict) -> Vec<(PeerId, String)> {
        let asked = self.handle(Input::Text { peer, text: REGISTER });
        assert!(matches!(&asked[..], [Effect::Ask { .. }]), "{asked:?}");
        self.handle(Input::Verdict { peer, verdict })
            .into_iter()
            .map(|effect| match effect {
                Effect::Send { to, text, .. } => (to, text.into_owned()),
                Effect::Close { peer, close } => (peer, format!("close {}", close.code())),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

#[test]
fn the_question_has_all_that_the_client_said() {
    let mut desk = Desk::new();
    let peer = desk.open();
    let effects = desk.handle(Input::Text { peer, text: REGISTER });
    let [Effect::Ask { peer: about, question }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*about, peer);
    assert_eq!(question.connection_id.len(), 26);
    let register = &question.register;
    assert_eq!(
        (register.room_id(), register.client_id(), register.key()),
        ("door", Some("alice"), Some("k"))
    );
    assert_eq!(register.authn_metadata.as_ref().unwrap().get(), r#"{"pin": 1}"#, "as it was written");
}

#[test]
fn a_peer_is_not_read_until_the_verdict() {
    let mut desk = Desk::new();
    let peer = desk.open();
    assert!(desk.hub.can_read(peer));
    desk.handle(Input::Text { peer, text: REGISTER });
    assert!(!desk.hub.can_read(peer));
    desk.handle(Input::Verdict { peer, verdict: Verdict::Allow(Grant::default()) });
    assert!(desk.hub.can_read(peer));
}

#[test]
fn an_allowed_client_gets_its_seat_and_what_the_authority_gives() {
    let mut desk = Desk::new();
    let peer = desk.open();
    let turn = IceServer { urls: vec!["turn:10.0.0.1".into()], username: Some("u".into()), credential: None };
    let metadata = serde_json::value::RawValue::from_string(r#"{"role" : "host"}"#.into()).unwrap();
    let grant = Grant { ice_servers: vec![turn], authz_metadata: Some(metadata) };
    let sent = desk.decide(peer, Verdict::Allow(grant));
    let [(to, accept)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(*to, peer);
    let (head, rest) = accept.split_at(accept.find(r#","isExistClient""#).unwrap());
    assert!(head.starts_with(r#"{"type":"accept","connectionId":""#));
    assert_eq!(
        rest,
        r#","isExistClient":false,"isExistUser":false,"iceServers":[{"urls":["turn:10.0.0.1"],"username":"u"}],"authzMetadata":{"role" : "host"}}"#
    );
}

#[test]
fn a_denied_client_hears_why() {
    let mut desk = Desk::new();
    let peer = desk.open();
    let sent = desk.decide(peer, Verdict::Deny { reason: "come \"tomorrow\"".into() });
    assert_eq!(
        sent,
        [(peer, r#"{"type":"reject","reason":"come \"tomorrow\""}"#.into()), (peer, "close 1000".into())]
    );
    assert!(desk.hub.is_empty());
}

#[test]
fn no_verdict_is_a_refusal() {
    let mut desk = Desk::new();
    let peer = desk.open();
    let sent = desk.decide(peer, Verdict::Failed);
    assert_eq!(sent[0], (peer, r#"{"type":"reject","reason":"InternalServerError"}"#.into()));
}

#[test]
fn an_allowed_client_can_still_find_the_room_full() {
    let mut desk = Desk::new();
    for seat in 0..2 {
        let peer = desk.open();
        desk.handle(Input::Text { peer, text: &REGISTER.replace("alice", &format!("seat {seat}")) });
        desk.handle(Input::Verdict { peer, verdict: Verdict::Allow(Grant::default()) });
    }
    let late = desk.open();
    desk.handle(Input::Text { peer: late, text: REGISTER });
    let probes = desk.handle(Input::Verdict { peer: late, verdict: Verdict::Allow(Grant::default()) });
    assert!(
        probes.iter().all(|effect| matches!(effect, Effect::Ping { .. })) && probes.len() == 2,
        "{probes:?}"
    );
}

#[test]
fn a_verdict_about_somebody_who_is_gone_or_never_asked_changes_nothing() {
    let mut desk = Desk::new();
    let (gone, idle) = (desk.open(), desk.open());
    desk.handle(Input::Text { peer: gone, text: REGISTER });
    desk.handle(Input::Ended { peer: gone });
    for peer in [gone, idle] {
        assert!(desk.handle(Input::Verdict { peer, verdict: Verdict::Allow(Grant::default()) }).is_empty());
    }
    assert_eq!((desk.hub.len(), desk.hub.rooms_len()), (1, 0));
}
