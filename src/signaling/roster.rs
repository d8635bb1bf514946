//! Who is there, for those who look after the server; and how they let somebody go.

use super::{
    Close, Dialect, Effect, Hub, Kind, Limits, Now, Outbox, PeerId,
    credentials::Keys,
    ice::IceServers,
    mesh,
    session::{Seat, Session, State},
};

/// A room.
#[derive(Debug, PartialEq, Eq)]
pub struct RoomEntry<'a> {
    /// What is spoken there.
    pub dialect: Dialect,
    /// Its name.
    pub name: &'a str,
    /// How many sit there.
    pub seats: usize,
}

/// A client.
#[derive(Debug, PartialEq, Eq)]
pub struct PeerEntry<'a> {
    /// What the hub knows it by.
    pub peer: PeerId,
    /// What it speaks.
    pub dialect: Dialect,
    /// The room where it sits, if it does.
    pub room: Option<&'a str>,
    /// What it calls itself, if it has said so.
    pub client: Option<&'a str>,
}

impl Hub {
    /// All rooms.
    pub fn rooms(&self) -> impl Iterator<Item = RoomEntry<'_>> {
        self.rooms.iter().map(|(room, dialect, name)| RoomEntry {
            dialect,
            name,
            seats: self.rooms.peers(room).count(),
        })
    }

    /// All clients.
    pub fn peers(&self) -> impl Iterator<Item = PeerEntry<'_>> {
        self.peers.iter().map(|(peer, session)| self.entry(peer, session))
    }

    pub(super) fn entry<'a>(&'a self, peer: PeerId, session: &'a Session) -> PeerEntry<'a> {
        let (room, client) = match &session.state {
            State::Joined(Seat::Ayame(seat)) => (Some(seat.room), seat.client_id.as_deref()),
            State::Joined(Seat::Mailbox(seat)) => (Some(seat.room), seat.id()),
            State::Joined(Seat::Mesh(seat)) => {
                let seat = self.mesh.get(*seat);
                (seat.map(|seat| seat.room), seat.map(|seat| seat.id()))
            }
            State::Joined(Seat::Room(room)) => (Some(*room), None),
            _ => (None, None),
        };
        PeerEntry { peer, dialect: session.dialect, room: room.map(|room| self.rooms.name(room)), client }
    }

    /// Takes other limits, keys and ICE servers from now on. Nobody is let go by it, and tables stay as large as they are.
    pub fn reconfigure(&mut self, limits: Limits, keys: Keys, ice_servers: IceServers, now: Now) {
        let Limits {
            max_peers, max_clients, max_rooms, max_peers_per_room, pong_timeout, read_timeout, ..
        } = self.limits;
        self.limits = Limits { max_peers, max_clients, max_rooms, max_peers_per_room, ..limits };
        self.rejections.set_delay_max(self.limits.reject_delay_max);
        self.keys = keys;
        self.ice_servers = ice_servers;
        if self.limits.pong_timeout < pong_timeout || self.limits.read_timeout < read_timeout {
            // Nobody could answer pings that were not sent: shorter patience begins now.
            for session in self.peers.values_mut() {
                (session.heard, session.ponged) = (now.mono, now.mono);
            }
        }
        // Patience may be shorter than it was.
        if !self.peers.is_empty() {
            let peers: Vec<_> = self.peers.iter().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.arm(peer));
            let ping = now.mono.after(self.limits.ping_interval);
            self.next_ping = Some(self.next_ping.map_or(ping, |at| at.min(ping)));
        }
    }

    /// Lets all go who sit in rooms of this name.
    pub(super) fn dismiss_room(&mut self, name: &str, out: &mut Outbox) {
        for dialect in Dialect::ALL {
            let Some(room) = self.rooms.find(dialect, name) else { continue };
            let seats: Vec<_> = self.rooms.peers(room).collect();
            for seat in seats {
                if dialect == Dialect::Mesh {
                    mesh::dismiss(self, seat, out);
                } else {
                    self.dismiss(seat, out);
                }
            }
        }
    }

    /// Lets a client go, with the farewell of its dialect.
    pub(super) fn dismiss(&mut self, peer: PeerId, out: &mut Outbox) {
        let Some(session) = self.peers.get(peer) else { return };
        // Whoever has no seat has nothing to take leave of.
        let has_seat = matches!(session.state, State::Joined(_)) && !session.is_standalone();
        let farewell = session.dialect.farewell().filter(|_| has_seat);
        out.extend(farewell.map(|text| Effect::Send { to: peer, kind: Kind::Bye, text: text.into() }));
        self.let_go(peer, Close::Dismissed, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        signaling::{Input, Mono},
        slots::Slots,
    };
    use std::{net::Ipv4Addr, time::Duration};

    fn at(millis: u64) -> Now {
        Now { mono: Mono::from_millis(millis), unix_ms: 0 }
    }

    /// Does what is due; whether somebody is let go, and whether somebody is pinged.
    fn run(hub: &mut Hub, now: Now) -> (bool, bool) {
        let mut out = Outbox::new();
        while hub.next_timeout().is_some_and(|at| at <= now.mono) {
            hub.handle_timeout(now, &mut out);
        }
        let has = |wanted: fn(&Effect) -> bool| out.iter().any(wanted);
        (
            has(|effect| matches!(effect, Effect::Close { .. })),
            has(|effect| matches!(effect, Effect::Ping { .. })),
        )
    }

    #[test]
    fn shorter_patience_begins_when_it_is_set() {
        let seconds = Duration::from_secs;
        let limits = Config::default().signaling_limits();
        let old = Limits { ping_interval: seconds(30), pong_timeout: seconds(60), ..limits.clone() };
        let new = Limits { ping_interval: seconds(5), pong_timeout: seconds(10), ..limits };
        let mut hub = Hub::new(old, [0; 32]);
        let peer = Slots::<()>::with_capacity(1).insert_with(|_| ()).unwrap();
        let (address, out) = (Ipv4Addr::LOCALHOST.into(), &mut Outbox::new());
        let open = Input::Open { peer, dialect: Dialect::Echo, address, room: "", credential: None };
        hub.handle(open, at(0), out);
        // It has answered every ping that there was: none.
        hub.reconfigure(new, Keys::default(), IceServers::default(), at(20_000));
        assert_eq!(run(&mut hub, at(20_000)), (false, false));
        assert_eq!(run(&mut hub, at(25_000)), (false, true));
        hub.handle(Input::Pong { peer }, at(25_000), out);
        assert_eq!(run(&mut hub, at(34_999)), (false, true));
        // Whoever is silent is let go as soon as is said.
        assert_eq!(run(&mut hub, at(35_000)), (true, false));
    }
}
