//! The mailbox dialect: one offerer a room, others answer it, and what comes early is kept (protocols.md section 2).

use super::{
    Close, Dialect, Effect, Hub, Kind, Outbox, PeerId,
    dialect::{Wrong, parse_message, present, to_json},
    rooms::RoomId,
    session::{Seat, State},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A client's place in its room, and what it left for others there. It goes with the client.
#[derive(Debug)]
pub(super) struct MailboxSeat {
    pub(super) room: RoomId,
    /// By what others call it; empty until its first message.
    id: Box<str>,
    is_offerer: bool,
    /// It has connected and waits for an offer.
    awaits_offer: bool,
    offer: Option<Box<str>>,
    /// Each with a `|` behind it; they go out in one string, without the last `|`.
    candidates: String,
}

impl MailboxSeat {
    /// What others call it, once it has said so.
    pub(super) fn id(&self) -> Option<&str> {
        Some(&*self.id).filter(|id| !id.is_empty())
    }

    fn stored_bytes(&self) -> usize {
        self.offer.as_ref().map_or(0, |offer| offer.len()) + self.candidates.len()
    }
}

/// What a client sends. The fields are checked where they are needed: which are required depends on the type.
#[derive(Deserialize)]
struct Message {
    r#type: Option<String>,
    id: Option<String>,
    target_id: Option<String>,
    // A null is a value here, an absent field is none.
    #[serde(default, deserialize_with = "present")]
    sdp: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    candidate: Option<Value>,
}

/// What a client is sent; each type has its own fields.
#[derive(Serialize, Default)]
struct Reply<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<&'a str>,
}

const TYPES: &str = "connect, offer, answer or candidateAdd";

/// Seats the peer in the room that its URL named.
pub(super) fn handle_open(hub: &mut Hub, peer: PeerId, room: &str, out: &mut Outbox) {
    match hub.join_by_url(Dialect::Mailbox, room, peer) {
        Ok(room) => {
            let seat = MailboxSeat {
                room,
                id: "".into(),
                is_offerer: false,
                awaits_offer: false,
                offer: None,
                candidates: String::new(),
            };
            hub.counts.accept(Dialect::Mailbox);
            hub.set_state(peer, State::Joined(Seat::Mailbox(Box::new(seat))));
            hub.log_joined(peer);
        }
        Err(refusal) => {
            let text = Wrong::from(refusal).answer(None).into();
            out.push(Effect::Send { to: peer, kind: Kind::Error, text });
            hub.let_go(peer, Close::Refused(refusal), out);
        }
    }
}

/// The peer is gone: its seat becomes free, and with it what it stored. If it was the offerer, the next one that connects is.
pub(super) fn handle_gone(hub: &mut Hub, peer: PeerId, seat: &MailboxSeat) {
    hub.rooms.leave(seat.room, peer);
}

pub(super) fn handle_text(hub: &mut Hub, peer: PeerId, text: &str, out: &mut Outbox) {
    if let Err(wrong) = decide(hub, peer, text, out) {
        out.push(Effect::Send { to: peer, kind: Kind::Error, text: wrong.answer(None).into() });
    }
}

fn decide(hub: &mut Hub, peer: PeerId, text: &str, out: &mut Outbox) -> Result<(), Wrong> {
    let message: Message = parse_message(text)?;
    hub.arrived = Kind::received(Dialect::Mailbox, message.r#type.as_deref().unwrap_or_default());
    let id = message.id.filter(|id| !id.is_empty()).ok_or_else(|| Wrong::message("id is missing"))?;
    let kind = message.r#type.ok_or_else(|| Wrong::message("type is missing"))?;
    if !matches!(&*kind, "connect" | "offer" | "answer" | "candidateAdd") {
        return Err(Wrong::kind(&kind, TYPES));
    }
    identify(hub, peer, &id)?;
    match &*kind {
        "connect" => connect(hub, peer, out),
        "offer" => offer(hub, peer, &message.sdp.ok_or_else(|| Wrong::message("sdp is missing"))?, out)?,
        "answer" => {
            let sdp = message.sdp.ok_or_else(|| Wrong::message("sdp is missing"))?;
            answer(
                hub,
                peer,
                &message.target_id.ok_or_else(|| Wrong::message("target_id is missing"))?,
                &sdp,
                out,
            )?;
        }
        _ => {
            let candidate = message.candidate.ok_or_else(|| Wrong::message("candidate is missing"))?;
            candidate_add(hub, peer, &message.target_id.unwrap_or_default(), &candidate, out)?;
        }
    }
    Ok(())
}

/// The first message gives the client its id; later ones must have the same.
fn identify(hub: &mut Hub, peer: PeerId, id: &str) -> Result<(), Wrong> {
    let max = hub.limits.max_id_bytes;
    let Some(own) = seat(hub, peer) else { return Ok(()) };
    if *own.id == *id {
        return Ok(());
    }
    if !own.id.is_empty() {
        return Err(Wrong::message("id must stay what it was in the first message"));
    }
    if id.len() > max {
        return Err(Wrong("too-large", format!("id may have {max} bytes").into()));
    }
    if find(hub, own.room, id).is_some() {
        return Err(Wrong("id-taken", "another client in this room has this id".into()));
    }
    if let Some(own) = seat_mut(hub, peer) {
        own.id = id.into();
    }
    Ok(())
}

fn connect(hub: &mut Hub, peer: PeerId, out: &mut Outbox) {
    let Some(room) = seat(hub, peer).map(|own| own.room) else { return };
    match offerer(hub, room) {
        Some(offerer) if offerer == peer => {}
        Some(offerer) => {
            let Some(from) = seat(hub, offerer) else { return };
            match &from.offer {
                Some(_) => send_offer(from, peer, out),
                None => {
                    if let Some(own) = seat_mut(hub, peer) {
                        own.awaits_offer = true;
                    }
                }
            }
        }
        None => {
            if let Some(own) = seat_mut(hub, peer) {
                own.is_offerer = true;
                own.awaits_offer = false;
            }
            // To make one, that is.
            out.push(Effect::Send {
                to: peer,
                kind: Kind::Offer,
                text: to_json(&Reply { r#type: "offer", ..Reply::default() }).into(),
            });
        }
    }
}

fn offer(hub: &mut Hub, peer: PeerId, sdp: &Value, out: &mut Outbox) -> Result<(), Wrong> {
    let Some(own) = seat(hub, peer) else { return Ok(()) };
    if !own.is_offerer {
        return Err(Wrong(
            "not-offerer",
            "this room has another offerer, or connect was not sent yet".into(),
        ));
    }
    let text = json_text(hub, sdp)?;
    let before = own.offer.as_ref().map_or(0, |offer| offer.len());
    check_room_for(hub, peer, text.len(), before)?;
    if let Some(own) = seat_mut(hub, peer) {
        own.offer = Some(text.into());
    }
    let Some(own) = seat(hub, peer) else { return Ok(()) };
    let waiting: Vec<_> = hub
        .rooms
        .peers(own.room)
        .filter(|other| seat(hub, *other).is_some_and(|other| other.awaits_offer))
        .collect();
    for other in waiting {
        if let Some(own) = seat(hub, peer) {
            send_offer(own, other, out);
        }
        if let Some(other) = seat_mut(hub, other) {
            other.awaits_offer = false;
        }
    }
    Ok(())
}

fn send_offer(from: &MailboxSeat, to: PeerId, out: &mut Outbox) {
    let reply =
        Reply { r#type: "offer", sdp: from.offer.as_deref(), target_id: Some(&from.id), ..Reply::default() };
    out.push(Effect::Send { to, kind: Kind::Offer, text: to_json(&reply).into() });
}

fn answer(hub: &Hub, peer: PeerId, target: &str, sdp: &Value, out: &mut Outbox) -> Result<(), Wrong> {
    let Some(own) = seat(hub, peer) else { return Ok(()) };
    let to = find(hub, own.room, target).filter(|to| *to != peer);
    let to = to.ok_or_else(|| Wrong("unknown-peer", "nobody else in this room has that target_id".into()))?;
    let text = json_text(hub, sdp)?;
    let reply = Reply { r#type: "answer", sdp: Some(&text), ..Reply::default() };
    out.push(Effect::Send { to, kind: Kind::Answer, text: to_json(&reply).into() });
    let from = offerer(hub, own.room).and_then(|offerer| seat(hub, offerer));
    if let Some(candidates) = from.and_then(|from| from.candidates.strip_suffix('|')) {
        let reply = Reply { r#type: "candidate", candidate: Some(candidates), ..Reply::default() };
        out.push(Effect::Send { to: peer, kind: Kind::Candidate, text: to_json(&reply).into() });
    }
    Ok(())
}

fn candidate_add(
    hub: &mut Hub,
    peer: PeerId,
    target: &str,
    candidate: &Value,
    out: &mut Outbox,
) -> Result<(), Wrong> {
    let Some(own) = seat(hub, peer) else { return Ok(()) };
    let text = json_text(hub, candidate)?;
    if let Some(to) = find(hub, own.room, target).filter(|to| *to != peer) {
        let reply = Reply { r#type: "candidate", candidate: Some(&text), ..Reply::default() };
        out.push(Effect::Send { to, kind: Kind::Candidate, text: to_json(&reply).into() });
        return Ok(());
    }
    check_room_for(hub, peer, text.len() + 1, 0)?;
    if let Some(own) = seat_mut(hub, peer) {
        own.candidates.push_str(&text);
        own.candidates.push('|');
    }
    Ok(())
}

/// The JSON text of a value. It can be longer than what came in: exponents get a sign.
fn json_text(hub: &Hub, value: &Value) -> Result<String, Wrong> {
    let text = to_json(value);
    let max = hub.limits.max_message_bytes;
    if text.len() <= max {
        Ok(text)
    } else {
        Err(Wrong("too-large", format!("a value may have {max} bytes").into()))
    }
}

/// Whether so many more bytes may be stored, `freed` being given back.
fn check_room_for(hub: &Hub, peer: PeerId, bytes: usize, freed: usize) -> Result<(), Wrong> {
    let Some(own) = seat(hub, peer) else { return Ok(()) };
    let max = hub.limits.max_stored_bytes;
    if (own.stored_bytes() + bytes).saturating_sub(freed) > max {
        return Err(Wrong("too-large", format!("a client may store {max} bytes (max_stored_bytes)").into()));
    }
    Ok(())
}

fn seat(hub: &Hub, peer: PeerId) -> Option<&MailboxSeat> {
    match &hub.peers.get(peer)?.state {
        State::Joined(Seat::Mailbox(seat)) => Some(seat),
        _ => None,
    }
}

fn seat_mut(hub: &mut Hub, peer: PeerId) -> Option<&mut MailboxSeat> {
    match &mut hub.peers.get_mut(peer)?.state {
        State::Joined(Seat::Mailbox(seat)) => Some(seat),
        _ => None,
    }
}

/// The client of this id in a room; nobody has the empty id.
fn find(hub: &Hub, room: RoomId, id: &str) -> Option<PeerId> {
    let has_id = |peer: &PeerId| seat(hub, *peer).is_some_and(|seat| !id.is_empty() && *seat.id == *id);
    hub.rooms.peers(room).find(has_id)
}

fn offerer(hub: &Hub, room: RoomId) -> Option<PeerId> {
    hub.rooms.peers(room).find(|peer| seat(hub, *peer).is_some_and(|seat| seat.is_offerer))
}
