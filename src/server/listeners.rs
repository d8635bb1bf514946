//! The sockets on which connections come in: our own, or those that somebody has handed over.

use crate::{
    config::Config,
    host::inherited::{self, Inherited},
    http::routes::Purpose,
    net::{address::Address, listener::Listener},
};
use mio::{Registry, Token};
use std::io;

/// Who may open a Unix socket for clients: everybody who gets to its path, as with systemd.
const PUBLIC_MODE: u32 = 0o666;
/// Who may open the one for those who look after the server: only who runs it.
const ADMIN_MODE: u32 = 0o600;
/// The name of an inherited socket for them.
const ADMIN_NAME: &str = "admin";
/// And of one for metrics.
const METRICS_NAME: &str = "metrics";

/// A listener and its mark.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) listener: Listener,
    pub(super) purpose: Purpose,
    pub(super) is_ready: bool,
}

/// Listens on all addresses; where sockets for clients were handed over, on these in place of the configured ones.
pub(super) fn open(
    config: &Config,
    inherited: Vec<Inherited>,
    registry: &Registry,
) -> io::Result<Vec<Listening>> {
    let mut opened = Vec::new();
    for Inherited { name, socket } in inherited {
        let purpose = match &*name {
            ADMIN_NAME => Purpose::Admin,
            METRICS_NAME => Purpose::Metrics,
            _ => Purpose::Public,
        };
        let listener = match socket {
            // Nothing would keep anybody from it, not even the page of somebody else in a browser on this machine.
            inherited::Socket::Tcp(_) if purpose == Purpose::Admin => Err(io::Error::other(
                "it is for those who look after suzu; allowed: ListenStream= with a path",
            )),
            inherited::Socket::Tcp(tcp) => Listener::inherit_tcp(tcp),
            inherited::Socket::Unix(unix) => Listener::inherit_unix(unix),
        };
        opened.push((
            purpose,
            listener.map_err(|error| about(error, &format!("the inherited socket {name:?}")))?,
        ));
    }
    let has = |opened: &[(Purpose, Listener)], purpose| opened.iter().any(|(other, _)| *other == purpose);
    if has(&opened, Purpose::Public) {
        log::info!("listening on inherited sockets: the setting listen is not used");
    } else {
        for address in &config.listen {
            opened.push((Purpose::Public, bind(address, PUBLIC_MODE)?));
        }
    }
    if let Some(address) = config.listen_metrics.as_ref().filter(|_| !has(&opened, Purpose::Metrics)) {
        opened.push((Purpose::Metrics, bind(address, PUBLIC_MODE)?));
    }
    if let Some(path) = config.admin_socket.clone().filter(|_| !has(&opened, Purpose::Admin)) {
        opened.push((Purpose::Admin, bind(&Address::Unix(path), ADMIN_MODE)?));
    }
    let mut listeners = Vec::with_capacity(opened.len());
    for (purpose, mut listener) in opened {
        listener.register(registry, Token(listeners.len()))?;
        listeners.push(Listening { listener, purpose, is_ready: true });
    }
    Ok(listeners)
}

/// Whether clients can come to this port, whoever has opened it.
pub(super) fn has_port(listeners: &[Listening], port: u16) -> bool {
    let public = listeners.iter().filter(|listening| listening.purpose == Purpose::Public);
    let addresses = public.filter_map(|listening| listening.listener.local_address().ok());
    addresses.filter_map(|address| address.ip()).any(|ip| ip.port() == port)
}

fn bind(address: &Address, mode: u32) -> io::Result<Listener> {
    Listener::bind(address, mode).map_err(|error| about(error, &format!("cannot listen on {address}")))
}

fn about(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
