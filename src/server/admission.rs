//! Who is taken in: what is asked of an address before anything is read, and of an upgrade before it gets its 101.

use super::Server;
use crate::{
    addresses::Limits,
    config::Config,
    http::{gate::Gate, origin::Names, response::Refusal, routes::Purpose, upgrade::Wishes},
    metrics::Refused,
    net::certificates::Host,
    signaling::{Dialect, credentials::Denial, rate::Rate},
    slots::Key,
};
use std::{net::IpAddr, time::Duration};

/// How many times what comes in a second may come at once.
const BURST: u32 = 10;

/// So many a second, ten times as many at once, and at least `least`; 0 is no limit.
pub(super) fn rate(per_second: u32, least: usize) -> Rate {
    let least = u32::try_from(least).unwrap_or(u32::MAX);
    match per_second {
        0 => Rate { burst: u32::MAX, per_second: u32::MAX },
        per_second => Rate { burst: per_second.saturating_mul(BURST).max(least), per_second },
    }
}

/// What an address may do by this configuration.
pub(super) fn limits(config: &Config) -> Limits {
    let no_limit_if_0 = |limit: u32| if limit == 0 { u32::MAX } else { limit };
    Limits {
        entries: config.max_addresses,
        connections_max: no_limit_if_0(config.max_connections_per_address),
        arrivals: rate(config.max_connections_per_second, 1),
    }
}

/// The rules of the door by this configuration, on this machine.
pub(super) fn gate(config: &Config, host: &Host) -> Gate {
    let own = host.name.iter().flat_map(|name| {
        let label = name.split('.').next().unwrap_or_default();
        [name.clone(), format!("{label}.local")]
    });
    let addresses = host.addresses.iter().map(ToString::to_string);
    Gate {
        allow_from: config.allow_from.clone(),
        allow_metrics_from: config.allow_metrics_from.clone(),
        trusted_proxies: config.trusted_proxies.clone().unwrap_or_default(),
        names: Names {
            own: own.chain(config.tls_names.iter().flatten().cloned()).chain(addresses).collect(),
            allowed: config.allow_origin.clone().unwrap_or_default(),
        },
    }
}

/// Says that a connection was turned away. Whose it was is private.
fn log_turned_away(address: IpAddr, reason: &str) {
    log::info!(reason; "a connection was turned away");
    log::debug!("it came from {address}");
}

impl Server {
    /// Whether a connection from this address is taken in. One from a proxy is counted when it is known whose it is.
    pub(super) fn may_come(&mut self, address: IpAddr, purpose: Purpose) -> bool {
        let is_allowed = self.site.gate.admits(address, purpose);
        if !is_allowed {
            self.metrics.refused(Refused::Network);
            let why = match purpose {
                Purpose::Metrics => "metrics are not for it; allow_metrics_from would allow it",
                _ => "it is not of this network; allow_from would allow it",
            };
            log_turned_away(address, why);
        }
        is_allowed
    }

    /// Counts a connection for its address; false if there are too many.
    pub(super) fn count(&mut self, key: Key, address: IpAddr) -> bool {
        let Some(client) = self.clients.get_mut(key) else { return false };
        match self.addresses.arrive(address, self.now.mono) {
            Ok(place) => {
                client.address = address;
                client.place = Some(place);
                true
            }
            Err(_) => {
                let why = "it has too many (max_connections_per_address, max_connections_per_second)";
                log_turned_away(address, why);
                false
            }
        }
    }

    /// Gives back what was counted.
    pub(super) fn uncount(&mut self, key: Key) {
        if let Some(place) = self.clients.get_mut(key).and_then(|client| client.place.take()) {
            self.addresses.leave(place, self.now.mono);
        }
    }

    /// What speaks against an upgrade: too many connections or wrong credentials from where it really comes, or a credential that opens
    /// nothing.
    pub(super) fn judge(
        &mut self,
        key: Key,
        dialect: Dialect,
        wishes: &Wishes,
        address: IpAddr,
    ) -> Result<(), Refusal> {
        let is_counted = self.clients.get(key).is_some_and(|client| client.place.is_some());
        if !is_counted {
            if !self.count(key, address) {
                return Err(Refusal::TooMany(1));
            }
            log::debug!(connection:% = key; "it is from {address}, by way of a proxy");
        }
        let credential = wishes.credential.as_deref();
        self.set_penalty(key);
        let verdict = self.hub.check_upgrade(dialect, &wishes.room, credential, self.now);
        match verdict {
            Ok(()) => Ok(()),
            Err(Denial::TooSoon) => {
                self.metrics.denied(Denial::TooSoon);
                let seconds = self.penalty(key).as_millis().div_ceil(1_000);
                Err(Refusal::TooMany(seconds.try_into().unwrap_or(u64::MAX)))
            }
            Err(denial) => {
                log::info!(connection:% = key, room = wishes.room, reason:% = denial; "not let in");
                self.refused(key, denial);
                Err(Refusal::Unauthorized)
            }
        }
    }

    /// How long no key from there is looked at.
    fn penalty(&self, key: Key) -> Duration {
        let place = self.clients.get(key).and_then(|client| client.place.as_ref());
        place.map_or(Duration::ZERO, |place| self.addresses.penalty(place, self.now.mono))
    }

    /// Tells the hub whether a key of this client would be looked at.
    pub(super) fn set_penalty(&mut self, key: Key) {
        let is_penalised = !self.penalty(key).is_zero();
        self.hub.set_penalised(is_penalised);
    }

    /// Somebody was not let in. If that may have been a guess, the next one from there waits, ever longer.
    pub(super) fn refused(&mut self, key: Key, denial: Denial) {
        self.metrics.denied(denial);
        let place = self.clients.get(key).and_then(|client| client.place.as_ref());
        if let Some(place) = place.filter(|_| denial.is_guess()) {
            let wait = self.addresses.refuse(place, self.now.mono);
            log::debug!(connection:% = key; "the next key from there waits {wait:?}");
        }
    }
}
