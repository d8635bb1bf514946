//! One address: what it may do, what it has done, and how long that is remembered.

use crate::lan;
use crate::signaling::{
    Mono,
    rate::{Bucket, Rate},
};
use std::{net::IpAddr, time::Duration};

/// Refused credentials that are answered at once.
const FREE: u32 = 3;
/// How long the first delayed answer is held back; each further one twice as long.
const DELAY_FIRST: Duration = Duration::from_millis(250);
/// No answer is held back longer.
const DELAY_MAX: Duration = Duration::from_secs(30);
/// An address from which no credential was refused for this long is forgiven. A good credential does not help: a guesser may have one.
const MEMORY: Duration = Duration::from_secs(300);

/// What an address may do, and how many addresses are remembered.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Addresses in the table, at most [`ENTRIES_MAX`](super::ENTRIES_MAX). With fewer than there may be connections, some connections share an entry.
    pub entries: usize,
    /// Open connections at the same time per address.
    pub connections_max: u32,
    /// New connections per address.
    pub arrivals: Rate,
}

/// Why a connection is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// Its address has as many connections as it may have.
    Connections,
    /// Its address opens connections faster than it may.
    Arrivals,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) open: u32,
    refusals: u32,
    refused_at: Mono,
    arrivals: Bucket,
}

/// An IPv4 address, or the first half of an IPv6 address. The former are kept as the /64 `0:ffff:a.b.c.d::`, which nobody can have (RFC 4291
/// section 2.4 leaves `0000::/8` unassigned but for `::`, whose /64 also has `::1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network(pub(super) u64);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(0xffff << 32 | u64::from(address.to_bits())),
            // In a local network everybody has the same /64: there each address is somebody.
            IpAddr::V6(address) if lan::is_local(IpAddr::V6(address)) => {
                let [network, host] = [(address.to_bits() >> 64) as u64, address.to_bits() as u64];
                Self(network ^ host.rotate_left(17))
            }
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }
}

impl Counts {
    pub(super) fn new(rate: Rate, now: Mono) -> Self {
        Self { open: 0, refusals: 0, refused_at: Mono::START, arrivals: Bucket::full(rate, now) }
    }

    /// Since when there is no guilt, or from when on there will be none.
    pub(super) fn forgiven_from(&self) -> Mono {
        if self.refusals == 0 { Mono::START } else { self.refused_at.after(MEMORY) }
    }

    pub(super) fn arrive(&mut self, limits: &Limits, now: Mono) -> Result<(), TooMany> {
        if self.open >= limits.connections_max {
            return Err(TooMany::Connections);
        }
        if !self.arrivals.take(1, limits.arrivals, now) {
            return Err(TooMany::Arrivals);
        }
        self.open += 1;
        Ok(())
    }

    pub(super) fn refuse(&mut self, now: Mono) -> Duration {
        if self.forgiven_from() <= now {
            self.forgive();
        }
        self.refusals = self.refusals.saturating_add(1);
        self.refused_at = now;
        self.delay()
    }

    /// Forgets the guilt.
    pub(super) fn forgive(&mut self) {
        self.refusals = 0;
    }

    fn delay(&self) -> Duration {
        let Some(steps) = self.refusals.checked_sub(FREE + 1) else { return Duration::ZERO };
        DELAY_FIRST.saturating_mul(2u32.saturating_pow(steps)).min(DELAY_MAX)
    }

    pub(super) fn penalty(&self, now: Mono) -> Duration {
        self.refused_at.after(self.delay()).since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { entries: 4, connections_max: 2, arrivals: Rate { burst: 3, per_second: 1 } };
    const AT: Mono = Mono::from_millis(1_000);

    #[test]
    fn an_address_has_so_many_connections_and_so_many_a_second() {
        let mut counts = Counts::new(LIMITS.arrivals, AT);
        assert_eq!(counts.arrive(&LIMITS, AT), Ok(()));
        assert_eq!(counts.arrive(&LIMITS, AT), Ok(()));
        assert_eq!(counts.arrive(&LIMITS, AT), Err(TooMany::Connections));
        counts.open = 0;
        assert_eq!(counts.arrive(&LIMITS, AT), Ok(()), "what was not taken in was not counted");
        assert_eq!(counts.arrive(&LIMITS, AT), Err(TooMany::Arrivals));
        assert_eq!(counts.arrive(&LIMITS, AT.after(Duration::from_secs(1))), Ok(()));
    }

    #[test]
    fn answers_come_ever_later_up_to_half_a_minute() {
        let mut counts = Counts::new(LIMITS.arrivals, AT);
        let delays: Vec<u128> = (0..13).map(|_| counts.refuse(AT).as_millis()).collect();
        assert_eq!(delays, [0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(counts.penalty(AT), DELAY_MAX);
        assert_eq!(counts.penalty(AT.after(Duration::from_secs(29))), Duration::from_secs(1));
        assert_eq!(counts.penalty(AT.after(DELAY_MAX)), Duration::ZERO);
        counts.refusals = u32::MAX;
        assert_eq!(counts.refuse(AT), DELAY_MAX);
    }

    #[test]
    fn guilt_is_forgiven_after_a_time_without_more_of_it() {
        let mut counts = Counts::new(LIMITS.arrivals, AT);
        assert!(counts.forgiven_from() <= AT, "nobody begins with guilt");
        for _ in 0..4 {
            counts.refuse(AT);
        }
        assert_eq!(counts.forgiven_from(), AT.after(MEMORY));
        let nearly = Mono::from_millis(AT.after(MEMORY).as_millis() - 1);
        assert_eq!(counts.refuse(nearly), Duration::from_millis(500), "it is not forgiven yet");
        assert_eq!(counts.refuse(nearly.after(MEMORY)), Duration::ZERO);
    }

    #[test]
    fn one_origin_by_any_of_its_names() {
        let network = |address: &str| Network::from(address.parse::<IpAddr>().unwrap());
        for (a, b, expected) in [
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::1", "127.0.0.1", false),
            ("::1", "0.0.0.0", false),
            ("::1", "::1", true),
            ("fd00::1", "fd00::2", false),
            ("fe80::1", "fe80::2", false),
            ("fd00:0:0:1::1", "fd00::1", false),
        ] {
            assert_eq!(network(a) == network(b), expected, "{a} {b}");
        }
    }
}
