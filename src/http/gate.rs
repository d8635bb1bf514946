//! Who may speak to this server at all: by address, by what it calls this machine, and by whose page it is.

use super::{
    forwarded::client_address,
    origin::{self, Names},
    request::Request,
    routes::{Purpose, Via},
};
use crate::networks::{AllowFrom, Network};
use std::net::IpAddr;

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// From where clients may come.
    pub allow_from: AllowFrom,
    /// From where metrics may be asked for, besides this machine.
    pub allow_metrics_from: AllowFrom,
    /// Whose word about a client's address is believed.
    pub trusted_proxies: Vec<Network>,
    /// What clients may call this machine, and whose pages may connect.
    pub names: Names,
}

impl Gate {
    /// Whether a connection from there is taken in by a listener for this. What a proxy passes on is judged when the request is there.
    pub fn admits(&self, address: IpAddr, purpose: Purpose) -> bool {
        let is_welcome = match purpose {
            Purpose::Metrics => self.may_scrape(address),
            Purpose::Public | Purpose::Admin => self.allow_from.admits(address),
        };
        is_welcome || self.is_proxy(address)
    }

    /// Whether metrics may be asked for from there.
    pub fn may_scrape(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback() || self.allow_metrics_from.admits(address)
    }

    /// Whether this is a proxy whose word is believed.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// Where the client really is, if it may come.
    ///
    /// # Errors
    /// Why not, and which setting would allow it; without the address, since it is logged.
    pub(super) fn check(&self, request: &Request<'_>, via: Via) -> Result<IpAddr, String> {
        let address =
            client_address(via.address, &self.trusted_proxies, &request.x_forwarded_for, &request.forwarded)
                .ok_or("the proxy does not say who the client is (X-Forwarded-For, Forwarded)")?;
        if via.purpose == Purpose::Metrics {
            self.check_scrape(address)?;
        } else if !self.allow_from.admits(address) {
            return Err("the client is not of this network; allow_from would allow it".to_owned());
        }
        origin::verdict(request.host, request.origin, &self.names).map_err(|foreign| foreign.to_string())?;
        Ok(address)
    }

    /// Whether metrics may be asked for from there.
    ///
    /// # Errors
    /// Which setting would allow it.
    pub(super) fn check_scrape(&self, address: IpAddr) -> Result<(), String> {
        if self.may_scrape(address) {
            return Ok(());
        }
        Err("metrics are not for this address; allow_metrics_from would allow it".to_owned())
    }
}
