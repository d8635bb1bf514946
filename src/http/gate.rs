//! Who may speak to this server at all: by address, by what it calls this machine, and by whose page it is.

use super::{
    forwarded::client_address,
    origin::{self, Names},
    request::Request,
};
use crate::networks::{AllowFrom, Network};
use std::net::IpAddr;

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// From where clients may come.
    pub allow_from: AllowFrom,
    /// Whose word about a client's address is believed.
    pub trusted_proxies: Vec<Network>,
    /// What clients may call this machine, and whose pages may connect.
    pub names: Names,
}

impl Gate {
    /// Whether a connection from there is taken in. What a proxy passes on is judged when the request is there.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.allow_from.admits(address) || self.is_proxy(address)
    }

    /// Whether this is a proxy whose word is believed.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// Where the client really is, if it may come.
    ///
    /// # Errors
    /// Why not, and which setting would allow it.
    pub(super) fn check(&self, request: &Request<'_>, peer: IpAddr) -> Result<IpAddr, String> {
        let address =
            client_address(peer, &self.trusted_proxies, &request.x_forwarded_for, &request.forwarded)
                .ok_or("the proxy does not say who the client is (X-Forwarded-For, Forwarded)")?;
        if !self.allow_from.admits(address) {
            return Err(format!("{address} is not of this network; allow_from would allow it"));
        }
        origin::verdict(request.host, request.origin, &self.names).map_err(|foreign| foreign.to_string())?;
        Ok(address)
    }
}
