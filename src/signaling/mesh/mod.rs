//! The mesh dialect: rooms of many, each message addressed from one to another (protocols.md section 3).
//!
//! This file is what the messages mean; [`seats`] is where peers sit, and how a seat outlives its socket.

mod seats;
mod waiting;

use super::{
    Close, Dialect, Effect, Hub, IceServer, Kind, Outbox, PeerId, Refusal,
    dialect::{Wrong, borrowed, parse_message, present, to_json},
    session::{Seat, State},
};
use seats::Parcel;
pub(super) use seats::{MeshSeat, SeatId, Seats, dismiss, expire, handle_gone, handle_stop};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
pub use waiting::WAITING_BYTES;

pub(super) const PING: &str = r#"{"type":"ping"}"#;
const TYPES: &str = "connect, offer, answer, ice-candidate, message, disconnect, ping or pong";
const PONG: &str = r#"{"type":"pong"}"#;

/// The most that a client may say about itself in `meta`, in bytes.
pub(super) const META_BYTES_MAX: usize = 1024;
/// The longest id of a client, in bytes.
pub(super) const ID_BYTES_MAX: usize = 64;

/// Every message but `connect`, with what decides where it goes. The rest of it is passed over.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    /// Kept even if it is null, to be filled in where it stands.
    #[serde(borrow, default, deserialize_with = "present")]
    from: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "borrowed")]
    to: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    sdp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    candidate: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Connect<'a> {
    #[serde(borrow, default)]
    room: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    session: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

/// What the others are told about a peer.
#[derive(Serialize)]
struct Presence<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct PresenceMessage<'a> {
    r#type: &'static str,
    peer: Presence<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connected<'a> {
    r#type: &'static str,
    id: &'a str,
    room: &'a str,
    session: String,
    peers: Vec<Presence<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ice_servers: Vec<IceServer>,
}

pub(super) fn handle_text(hub: &mut Hub, peer: PeerId, text: &str, out: &mut Outbox) {
    let mut to = None;
    if let Err(wrong) = decide(hub, peer, text, &mut to, out) {
        let text = wrong.answer(to.as_deref()).into();
        out.push(Effect::Send { to: peer, kind: Kind::Error, text });
    }
}

fn decide<'a>(
    hub: &mut Hub,
    peer: PeerId,
    text: &'a str,
    to: &mut Option<Cow<'a, str>>,
    out: &mut Outbox,
) -> Result<(), Wrong> {
    let message: Message = parse_message(text)?;
    let kind = Kind::received(Dialect::Mesh, &message.kind);
    hub.arrived = kind;
    *to = message.to.clone();
    let Some(session) = hub.peers.get_mut(peer) else { return Ok(()) };
    let seat = match &session.state {
        State::Joined(Seat::Mesh(seat)) => Some(*seat),
        _ => None,
    };
    match (kind, seat) {
        (Kind::Ping, _) => out.push(Effect::Send { to: peer, kind: Kind::Pong, text: PONG.into() }),
        (Kind::Pong, _) => session.ponged = hub.now.mono,
        (Kind::Connect, None) => connect(hub, peer, parse_message(text)?, out)?,
        (Kind::Connect, Some(_)) => {
            return Err(Wrong("already-connected", "this socket has its seat already".into()));
        }
        (Kind::Disconnect, Some(_)) => hub.let_go(peer, Close::Left, out),
        (Kind::Offer | Kind::Answer | Kind::IceCandidate | Kind::Message, Some(seat)) => {
            check_payload(kind, &message)?;
            pass_on(hub, seat, &message, text, out)?;
        }
        (Kind::Offer | Kind::Answer | Kind::IceCandidate | Kind::Message | Kind::Disconnect, None) => {
            return Err(Wrong("not-connected", "the first message is connect".into()));
        }
        _ => return Err(Wrong::kind(&message.kind, TYPES)),
    }
    Ok(())
}

fn check_payload(kind: Kind, message: &Message<'_>) -> Result<(), Wrong> {
    let is_object = |value: Option<&RawValue>| value.is_some_and(|value| value.get().starts_with('{'));
    match kind {
        Kind::Offer | Kind::Answer if !is_object(message.sdp) => {
            Err(Wrong::message("sdp must be an object with type and sdp"))
        }
        Kind::IceCandidate if !is_object(message.candidate) => {
            Err(Wrong::message("candidate must be an object"))
        }
        Kind::Message if message.data.is_none() => Err(Wrong::message("data is missing")),
        Kind::Message => Ok(()),
        _ if message.to.is_none() => Err(Wrong::message("to is missing: the id of a peer in this room")),
        _ => Ok(()),
    }
}

/// To the seat that the message is for, or to all others: byte for byte if it said whom it is from, else with that filled in.
fn pass_on(
    hub: &mut Hub,
    seat: SeatId,
    message: &Message<'_>,
    text: &str,
    out: &mut Outbox,
) -> Result<(), Wrong> {
    let Some(own) = hub.mesh.get(seat) else { return Ok(()) };
    let room = own.room;
    let text = signed(text, message.from, &own.id)?;
    let full: Vec<SeatId> = if let Some(to) = &message.to {
        let receiver = seats::find(hub, room, to).filter(|other| *other != seat);
        let unknown = || Wrong("unknown-peer", "nobody else in this room has that id".into());
        let receiver = receiver.ok_or_else(unknown)?;
        let parcel = match text {
            Cow::Borrowed(text) => Parcel::Arrived(text),
            Cow::Owned(text) => Parcel::Made(hub.arrived, text.into()),
        };
        if seats::deliver(hub, receiver, parcel, out) { Vec::new() } else { vec![receiver] }
    } else {
        let others: Vec<SeatId> = hub.rooms.peers(room).filter(|other| *other != seat).collect();
        let mut full = Vec::new();
        for other in others {
            let parcel = match &text {
                Cow::Borrowed(text) => Parcel::Arrived(text),
                Cow::Owned(text) => Parcel::Made(hub.arrived, text.as_str().into()),
            };
            if !seats::deliver(hub, other, parcel, out) {
                full.push(other);
            }
        }
        full
    };
    if full.is_empty() {
        return Ok(());
    }
    seats::end_full(hub, full, out);
    Err(Wrong("queue-full", "a peer was away and more was waiting for it than may: it lost its seat".into()))
}

/// The message with its sender's id in `from`.
fn signed<'a>(text: &'a str, from: Option<&RawValue>, id: &str) -> Result<Cow<'a, str>, Wrong> {
    let Some(from) = from else {
        let body = text.trim_ascii_start().strip_prefix('{').unwrap_or_default();
        // Ids need no escapes (`check_connect`), and this is on the way of every message.
        let mut signed = String::with_capacity(id.len() + body.len() + r#"{"from":"","#.len());
        for part in [r#"{"from":""#, id, r#"","#, body] {
            signed.push_str(part);
        }
        return Ok(signed.into());
    };
    match borrowed(&mut serde_json::Deserializer::from_str(from.get())) {
        Ok(Some(claimed)) if *claimed == *id => Ok(text.into()),
        Ok(Some(_)) => Err(Wrong("wrong-from", "from must be the sender's own id, or absent".into())),
        Err(_) => Err(Wrong::message("from must be a string")),
        Ok(None) => {
            // Where the null stands within the text that it was borrowed from.
            let start = from.get().as_ptr().addr().wrapping_sub(text.as_ptr().addr());
            let (before, after) = (text.get(..start), text.get(start + from.get().len()..));
            Ok(format!("{}\"{id}\"{}", before.unwrap_or_default(), after.unwrap_or_default()).into())
        }
    }
}

fn connect(hub: &mut Hub, peer: PeerId, connect: Connect<'_>, out: &mut Outbox) -> Result<(), Wrong> {
    let room = connect.room.as_deref().filter(|room| !room.is_empty());
    let Some(room) = room else { return Err(Wrong::message("room is missing")) };
    check_connect(&connect, hub.limits.max_id_bytes)?;
    let Some((admission, _)) = hub.admit(peer, connect.id.as_deref(), connect.token.as_deref(), room, out)
    else {
        let refusal = Refusal::Unauthorized;
        let text = Wrong::from(refusal).answer(None).into();
        out.push(Effect::Send { to: peer, kind: Kind::Error, text });
        hub.let_go(peer, Close::Refused(refusal), out);
        return Ok(());
    };
    // A guest is called what its token says, whatever it says itself.
    let name = admission.name.as_deref().or(connect.name.as_deref());
    let name = name.filter(|name| name.len() <= hub.limits.max_id_bytes);
    let id = match &connect.id {
        Some(id) => Cow::Borrowed(&**id),
        None => hub.ids.next(hub.now.unix_ms).to_string().into(),
    };
    let taken = hub.rooms.find(Dialect::Mesh, room).and_then(|room| seats::find(hub, room, &id));
    let result = match taken {
        Some(seat) => seats::resume(hub, seat, peer, connect.session.as_deref(), out)
            .then_some(seat)
            .ok_or(Refusal::IdTaken),
        None => seats::take(hub, peer, room, &id, name, connect.meta),
    };
    match result {
        Ok(seat) => {
            let ice_servers = ice_servers(hub);
            let text = connected(hub, seat, taken.is_some(), ice_servers).into();
            out.push(Effect::Send { to: peer, kind: Kind::Connected, text });
            if taken.is_some() {
                hub.counts.resumes += 1;
                seats::drain(hub, seat, out);
            } else {
                hub.counts.accept(Dialect::Mesh);
                // After its own `connected`: the news may cost others their seats, which is news for this one.
                seats::announce(hub, seat, out);
            }
        }
        Err(refusal) => {
            let text = Wrong::from(refusal).answer(None).into();
            out.push(Effect::Send { to: peer, kind: Kind::Error, text });
            hub.let_go(peer, Close::Refused(refusal), out);
        }
    }
    Ok(())
}

fn check_connect(connect: &Connect<'_>, max_id_bytes: usize) -> Result<(), Wrong> {
    let too_large =
        |name: &str, max: usize| Wrong("too-large", format!("{name} may have {max} bytes").into());
    let is_id = |id: &str| {
        (1..=ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let over = |text: &Option<Cow<'_, str>>| text.as_ref().is_some_and(|text| text.len() > max_id_bytes);
    match connect {
        Connect { id: Some(id), .. } if !is_id(id) => {
            Err(Wrong::message("id must be 1 to 64 of A-Z a-z 0-9 . _ -"))
        }
        Connect { room, .. } if over(room) => Err(too_large("room", max_id_bytes)),
        Connect { name, .. } if over(name) => Err(too_large("name", max_id_bytes)),
        Connect { meta: Some(meta), .. } if meta.get().len() > META_BYTES_MAX => {
            Err(too_large("meta", META_BYTES_MAX))
        }
        _ => Ok(()),
    }
}

/// What a client is told to find others by. TURN servers know it by an id that it has not chosen.
fn ice_servers(hub: &mut Hub) -> Vec<IceServer> {
    if hub.ice_servers.is_empty() {
        return Vec::new();
    }
    let client = hub.ids.next(hub.now.unix_ms).to_string();
    hub.ice_servers.list(&client, hub.now.unix_ms / 1_000)
}

fn connected(hub: &Hub, seat: SeatId, resumed: bool, ice_servers: Vec<IceServer>) -> String {
    let Some(own) = hub.mesh.get(seat) else { return String::new() };
    let others =
        hub.rooms.peers(own.room).filter(|other| *other != seat).filter_map(|other| hub.mesh.get(other));
    to_json(&Connected {
        r#type: "connected",
        id: &own.id,
        room: hub.rooms.name(own.room),
        session: own.session_text(),
        peers: others.map(MeshSeat::presence).collect(),
        resumed,
        ice_servers,
    })
}
