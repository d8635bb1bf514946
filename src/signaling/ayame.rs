//! The Ayame dialect: what each message means (protocols.md section 1, compatible with OpenAyame/ayame 2026.2.0).

use super::{
    Close, Dialect, Effect, Grant, Hub,
    Kind::{self, Answer, Bye, Candidate, Connected, Message, Offer, Pong},
    Misspoke, Outbox, PeerId, Question, SessionEnd, Verdict,
    counts::Rejection,
    dialect::{parse_object, to_json},
    ids::Ulid,
    rooms::RoomId,
    seating,
    session::{Applicant, AyameSeat, Seat, Session, State},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// Seats in a room.
pub(super) const SEATS: usize = 2;

/// The reason of a reject when the room has no seat left.
pub(super) const FULL: &str = "full";
/// The reason of a reject when no key or token opens the room.
pub(super) const UNAUTHORIZED: &str = "unauthorized";
/// The reason of a reject when the server could not do its part.
pub(super) const INTERNAL_SERVER_ERROR: &str = "InternalServerError";

pub(super) const PING: &str = r#"{"type":"ping"}"#;
pub(super) const BYE: &str = r#"{"type":"bye"}"#;

/// The only field that decides what happens to a message; all else is passed over.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// The client's first message. A null is the same as an absent field.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    room_id: Option<String>,
    client_id: Option<String>,
    signaling_key: Option<String>,
    key: Option<String>,
    /// Passed on to the authority.
    pub authn_metadata: Option<Box<RawValue>>,
    /// Name and version of the client library.
    pub ayame_client: Option<String>,
    /// Name and version of the browser or device.
    pub environment: Option<String>,
    /// Version of the WebRTC library.
    pub libwebrtc: Option<String>,
    standalone: Option<bool>,
}

impl Register {
    /// The room to sit in; empty if none was named, which no accepted register has.
    pub fn room_id(&self) -> &str {
        self.room_id.as_deref().unwrap_or_default()
    }

    /// The client's own id, if it gave one that is not empty.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref().filter(|id| !id.is_empty())
    }

    /// The signaling key: `signalingKey`, else `key`, which is what real clients send.
    pub fn key(&self) -> Option<&str> {
        self.signaling_key.as_deref().or(self.key.as_deref())
    }

    /// Whether the client is done with the server once it is connected.
    pub fn is_standalone(&self) -> bool {
        self.standalone == Some(true)
    }

    /// Drops what only an authority looks at: it may be long.
    fn forget_the_rest(&mut self) {
        self.authn_metadata = None;
        self.ayame_client = None;
        self.environment = None;
        self.libwebrtc = None;
    }

    /// What cannot be accepted, in words for the client.
    fn over_limit(&self, max_id_bytes: usize, max_key_bytes: usize) -> Option<String> {
        let fields = [
            ("roomId", Some(self.room_id()), max_id_bytes),
            ("clientId", self.client_id(), max_id_bytes),
            ("key", self.key(), max_key_bytes),
        ];
        let is_over = |value: Option<&str>, max: usize| value.is_some_and(|value| value.len() > max);
        let (name, value, max) = fields.into_iter().find(|(_, value, max)| is_over(*value, *max))?;
        Some(format!("{name} has {} bytes, allowed are {max}", value.map_or(0, str::len)))
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the keys.
        f.debug_struct("Register").field("room_id", &self.room_id()).finish_non_exhaustive()
    }
}

/// A STUN or TURN server, as `RTCIceServer` of the WebRTC API has it.
#[derive(Clone, Serialize, Deserialize)]
pub struct IceServer {
    /// Always an array on the wire.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the credential.
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accept<'a> {
    r#type: &'static str,
    connection_id: String,
    is_exist_client: bool,
    is_exist_user: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ice_servers: &'a [IceServer],
    #[serde(skip_serializing_if = "Option::is_none")]
    authz_metadata: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Reject<'a> {
    r#type: &'static str,
    reason: &'a str,
}

/// The answer to a register that got a seat. `is_exist` says whether somebody sits there already; then the newcomer
/// makes the offer.
pub(super) fn accept(connection_id: Ulid, is_exist: bool, grant: &Grant) -> String {
    to_json(&Accept {
        r#type: "accept",
        connection_id: connection_id.to_string(),
        // momo and the web SDK read only isExistUser, others only isExistClient.
        is_exist_client: is_exist,
        is_exist_user: is_exist,
        ice_servers: &grant.ice_servers,
        authz_metadata: grant.authz_metadata.as_deref(),
    })
}

pub(super) fn reject(reason: &str) -> String {
    to_json(&Reject { r#type: "reject", reason })
}

pub(super) fn handle_text(hub: &mut Hub, peer: PeerId, text: &str, out: &mut Outbox) {
    if let Err(misspoke) = decide(hub, peer, text, out) {
        hub.let_go(peer, Close::Misspoke(misspoke), out);
    }
}

fn decide(hub: &mut Hub, peer: PeerId, text: &str, out: &mut Outbox) -> Result<(), Misspoke> {
    let Some(session) = hub.peers.get_mut(peer) else { return Ok(()) };
    let envelope: Envelope = parse_object(text)?;
    let kind = Kind::received(Dialect::Ayame, &envelope.kind);
    hub.arrived = kind;
    match (kind, &session.state) {
        (Pong, _) => session.ponged = hub.now.mono,
        (Bye, _) => hub.let_go(peer, Close::Left, out),
        (Kind::Register, State::ExpectRegister { .. }) => register(hub, peer, parse_object(text)?, out)?,
        (Kind::Register, _) => return Err(Misspoke::RegisteredTwice),
        (Offer | Answer | Candidate, State::Joined(Seat::Ayame(seat))) => relay(seat.room, peer, hub, out),
        (Message, State::Joined(Seat::Ayame(seat))) if hub.limits.type_message => {
            relay(seat.room, peer, hub, out)
        }
        (Connected, State::Joined(Seat::Ayame(seat))) if seat.standalone => {
            hub.let_go(peer, Close::Left, out)
        }
        (Connected, State::Joined(_)) => {}
        (Offer | Answer | Candidate | Connected, _) => return Err(Misspoke::NotRegistered),
        (Message, _) if hub.limits.type_message => return Err(Misspoke::NotRegistered),
        _ => return Err(Misspoke::UnknownType),
    }
    Ok(())
}

/// To the other seat, byte for byte; alone in the room, to nobody.
fn relay(room: RoomId, from: PeerId, hub: &Hub, out: &mut Outbox) {
    out.extend(hub.rooms.peers(room).filter(|to| *to != from).map(|to| Effect::Relay { to }));
}

fn register(hub: &mut Hub, peer: PeerId, register: Register, out: &mut Outbox) -> Result<(), Misspoke> {
    if register.room_id().is_empty() {
        return Err(Misspoke::NoRoomId);
    }
    if let Some(reason) = register.over_limit(hub.limits.max_id_bytes, hub.max_key_bytes()) {
        hub.reject(peer, &register, Rejection::TooLarge, reason.into(), out);
        return Ok(());
    }
    let Some((_, proof)) = hub.admit(peer, register.client_id(), register.key(), register.room_id(), out)
    else {
        hub.reject(peer, &register, Rejection::Unauthorized, UNAUTHORIZED.into(), out);
        return Ok(());
    };
    let connection_id = hub.ids.next(hub.now.unix_ms);
    let since = hub.input;
    let ice_servers = hub.ice_servers.list(&connection_id.to_string(), hub.now.unix_ms / 1_000);
    let grant = Grant { ice_servers, ..Grant::default() };
    let mut applicant = Box::new(Applicant { register, connection_id, since, proof, grant });
    if !hub.limits.ask_verdict {
        applicant.register.forget_the_rest();
        seating::admit(hub, peer, applicant, out);
        return Ok(());
    }
    let question =
        Question { connection_id: connection_id.to_string(), register: applicant.register.clone() };
    out.push(Effect::Ask { peer, question: Box::new(question) });
    hub.set_state(peer, State::ExpectVerdict { applicant });
    Ok(())
}

pub(super) fn handle_verdict(hub: &mut Hub, peer: PeerId, verdict: Verdict, out: &mut Outbox) {
    let Some(session) = hub.peers.get_mut(peer) else { return };
    if !matches!(session.state, State::ExpectVerdict { .. }) {
        return;
    }
    let Some(mut applicant) = session.take_applicant() else { return };
    match verdict {
        Verdict::Allow(grant) => {
            // What the authority says about ICE servers wins; if it says nothing, ours are told.
            let own = std::mem::replace(&mut applicant.grant, grant).ice_servers;
            if applicant.grant.ice_servers.is_empty() {
                applicant.grant.ice_servers = own;
            }
            applicant.since = hub.input;
            applicant.register.forget_the_rest();
            // The verdict comes before the seat: an allowed client can still find the room full.
            seating::admit(hub, peer, applicant, out);
        }
        Verdict::Deny { reason } => {
            hub.reject(peer, &applicant.register, Rejection::Denied, reason.into(), out)
        }
        Verdict::Failed => {
            hub.reject(peer, &applicant.register, Rejection::Failed, INTERNAL_SERVER_ERROR.into(), out)
        }
    }
}

/// When either seat ends, for any reason, the room ends with it: the other hears bye and is closed, in that order.
/// Old SDKs clean up only on that close.
pub(super) fn handle_gone(hub: &mut Hub, peer: PeerId, seat: &AyameSeat, out: &mut Outbox) {
    report(hub, peer, seat, out);
    hub.rooms.leave(seat.room, peer);
    hub.is_unsettled = true;
    let Some(mate) = hub.rooms.peers(seat.room).next() else { return };
    if let Some(seat) = hub.peers.get(mate).and_then(Session::ayame_seat) {
        report(hub, mate, seat, out);
    }
    hub.log_end(mate, Some(Close::RoomEnded));
    hub.rooms.leave(seat.room, mate);
    let Some(session) = hub.take(mate) else { return };
    if !session.is_standalone() {
        out.push(Effect::Send { to: mate, kind: Kind::Bye, text: BYE.into() });
    }
    out.push(Effect::Close { peer: mate, close: Close::RoomEnded });
}

/// Says that the session with this seat is over. The room has its name for as long as somebody sits there.
pub(super) fn report(hub: &Hub, peer: PeerId, seat: &AyameSeat, out: &mut Outbox) {
    let end = SessionEnd::new(hub.rooms.name(seat.room), seat.client_id.as_deref(), seat.connection_id);
    out.push(Effect::Report { peer, end: Box::new(end) });
}
