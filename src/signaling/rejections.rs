//! Who was rejected how often lately: the more often, the later the next answer.
//!
//! Native clients retry a rejected register at once and for ever. Answering each try a little later than the one before turns a
//! storm into a trickle, and a person who mistyped a room name still gets the first answers at once.

use super::{
    Close, Effect, Hub, Kind, Mono, Outbox, PeerId, Register, ayame, counts::Rejection, session::Session,
    session::State,
};
use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

/// Rejections that are answered at once.
const FREE: u32 = 3;
/// How long the first delayed answer is held back; each further one twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// An address that was not rejected for this long is forgiven.
const MEMORY: Duration = Duration::from_secs(60);
/// How many addresses are remembered. Beyond that the one with the fewest rejections is forgotten.
const ADDRESSES: usize = 256;

impl Hub {
    /// Rejects a peer: at once, or later if its address is rejected again and again.
    pub(super) fn reject(
        &mut self,
        peer: PeerId,
        register: &Register,
        why: Rejection,
        reason: Cow<'static, str>,
        out: &mut Outbox,
    ) {
        let Some(session) = self.peers.get(peer) else { return };
        self.counts.reject(session.dialect, why);
        let delay = self.rejections.count(session.address, self.now.mono);
        // Those held back keep places that others may need: a quarter of them at the most.
        let is_leaving = |session: &Session| matches!(session.state, State::Leaving { .. });
        let leaving = self.peers.iter().filter(|(_, session)| is_leaving(session)).count();
        let delay = if leaving >= self.limits.max_clients / 4 { Duration::ZERO } else { delay };
        // If a key is the matter, that stands in a line of its own.
        let level = if why == Rejection::Unauthorized { log::Level::Debug } else { log::Level::Info };
        self.log_rejected(level, peer, register, &reason, delay);
        self.set_state(peer, State::Leaving { reason, until: self.now.mono.after(delay) });
        if delay.is_zero() {
            self.send_reject(peer, out);
        }
    }

    pub(super) fn send_reject(&mut self, peer: PeerId, out: &mut Outbox) {
        let Some(session) = self.peers.get(peer) else { return };
        if let State::Leaving { reason, .. } = &session.state {
            out.push(Effect::Send { to: peer, kind: Kind::Reject, text: ayame::reject(reason).into() });
        }
        self.let_go(peer, Close::Rejected, out);
    }
}

/// Counts rejections by address in a table of fixed size.
#[derive(Debug)]
pub(super) struct Rejections {
    seen: Vec<Entry>,
    delay_max: Duration,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    count: u32,
    last: Mono,
}

impl Rejections {
    /// Bytes that the table takes.
    pub(super) const BYTES: usize = ADDRESSES * size_of::<Entry>();

    /// Another longest time from now on.
    pub(super) fn set_delay_max(&mut self, delay_max: Duration) {
        self.delay_max = delay_max;
    }

    /// An empty table; no answer is held back longer than `delay_max`.
    pub(super) fn new(delay_max: Duration) -> Self {
        Self { seen: Vec::with_capacity(ADDRESSES), delay_max }
    }

    /// Counts one more rejection of this address and says how long to hold the answer back.
    pub(super) fn count(&mut self, address: IpAddr, now: Mono) -> Duration {
        let address = network(address);
        let Some(entry) = self.entry(address, now) else { return Duration::ZERO };
        if now.since(entry.last) >= MEMORY {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
        let Some(steps) = entry.count.checked_sub(FREE + 1) else { return Duration::ZERO };
        FIRST_DELAY.saturating_mul(2u32.saturating_pow(steps)).min(self.delay_max)
    }

    /// The address's entry, made where there is none: a linear walk, paid only by those who are rejected.
    fn entry(&mut self, address: IpAddr, now: Mono) -> Option<&mut Entry> {
        let known = self.seen.iter().position(|entry| entry.address == address);
        let index = match known {
            Some(index) => index,
            None if self.seen.len() < ADDRESSES => {
                self.seen.push(Entry { address, count: 0, last: now });
                self.seen.len() - 1
            }
            None => {
                let harmless = |entry: &Entry| (now.since(entry.last) < MEMORY, entry.count, entry.last);
                let index = (0..self.seen.len()).min_by_key(|index| self.seen.get(*index).map(harmless))?;
                *self.seen.get_mut(index)? = Entry { address, count: 0, last: now };
                index
            }
        };
        self.seen.get_mut(index)
    }
}

/// What counts as one origin: an IPv4 address, or the /64 that one IPv6 host can move about in.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Mono = Mono::from_millis(1_000);

    fn delays(rejections: &mut Rejections, address: &str, times: usize) -> Vec<u128> {
        (0..times).map(|_| rejections.count(address.parse().unwrap(), AT).as_millis()).collect()
    }

    #[test]
    fn answers_come_ever_later_up_to_the_cap() {
        let mut rejections = Rejections::new(Duration::from_secs(2));
        assert_eq!(delays(&mut rejections, "10.0.0.1", 8), [0, 0, 0, 250, 500, 1000, 2000, 2000]);
        assert_eq!(delays(&mut rejections, "10.0.0.2", 1), [0], "another address is another matter");
        let later = AT.after(MEMORY);
        assert_eq!(rejections.count("10.0.0.1".parse().unwrap(), later), Duration::ZERO, "forgiven");
    }

    #[test]
    fn one_origin_by_any_of_its_names() {
        let mut rejections = Rejections::new(Duration::from_secs(2));
        delays(&mut rejections, "10.0.0.1", 3);
        assert_eq!(delays(&mut rejections, "::ffff:10.0.0.1", 1), [250]);
        delays(&mut rejections, "fd00::1", 3);
        assert_eq!(delays(&mut rejections, "fd00::2", 1), [250], "the same /64");
        assert_eq!(delays(&mut rejections, "fd00:0:0:1::2", 1), [0]);
    }

    #[test]
    fn a_flood_of_addresses_forgets_the_harmless_and_never_grows() {
        let mut rejections = Rejections::new(Duration::from_secs(2));
        delays(&mut rejections, "10.9.9.9", 5);
        let room = rejections.seen.capacity();
        for n in 0..2_000u32 {
            rejections.count(IpAddr::from(n.to_be_bytes()), AT);
        }
        assert_eq!(rejections.seen.capacity(), room);
        assert_eq!(delays(&mut rejections, "10.9.9.9", 1), [1000], "the guilty one is remembered");
    }
}
