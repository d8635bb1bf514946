//! How a server begins: sockets, certificates, tables.

use super::{
    Reread, SIGNALS, Server, admission,
    clock::{self, Clock},
    handshakes::Handshakes,
    listeners,
    signaling_log::{Open, SignalingLog},
    surroundings::LOOK_PAUSE,
    tuning::Tuning,
    webhooks::Hooks,
};
use crate::{
    addresses::Addresses,
    config::Config,
    deadlines::Deadlines,
    host::{inherited::Inherited, log, machine, manager::Manager, signals::Signals},
    http::{
        routes::{Endpoint, Site},
        trust::Trust,
    },
    metrics::Metrics,
    net::{
        certificates::{AuthorityCertificate, Host},
        contexts::{Contexts, SPARE_MAX},
        stream::READ_BYTES,
        tls::Tls,
    },
    signaling::{Dialect, Hub, Outbox},
    slots::Slots,
};
use mio::{Events, Poll};
use rand::{TryRng, rngs::SysRng};
use std::{io, rc::Rc};

impl Server {
    /// Listens on all addresses or goes on with inherited sockets, loads or makes the certificates, and allocates all tables. On SIGHUP the
    /// configuration is read again by `reread`.
    ///
    /// # Errors
    /// Whatever the system says, with the address where one was the matter; or what is wrong with the certificates.
    pub fn bind(config: &Config, inherited: Vec<Inherited>, reread: Reread) -> io::Result<Self> {
        let poll = Poll::new()?;
        let signals = Signals::take(poll.registry(), SIGNALS)?;
        let listeners = listeners::open(config, inherited, poll.registry())?;
        let has_default_https = listeners::has_port(&listeners, 443);
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        let mut addresses_seed = [0; 4];
        for part in &mut addresses_seed {
            *part = SysRng.try_next_u64().map_err(io::Error::other)?;
        }
        let (keys, ice_servers) = config.access().map_err(io::Error::other)?;
        let mut clock = Clock::start();
        let now = clock.now();
        log::handle_timeout(clock::for_log(now));
        let host = machine::look(&Host::default());
        let source = config.certificates(machine::state_dir());
        let tls = source.map(|source| Tls::start(&source, &host, now.unix_ms / 1_000));
        let tls = tls.transpose().map_err(io::Error::other)?;
        let hooks = Hooks::start(config, poll.registry(), now)?;
        let (endpoints, dialects) = endpoints(config);
        let connections = config.max_connections();
        Ok(Self {
            poll,
            events: Events::with_capacity(SPARE_MAX),
            now,
            clock,
            signals,
            manager: Manager::find(),
            listeners,
            accept_again: None,
            is_exhausted: false,
            is_crowded: false,
            clients: Slots::with_capacity(connections),
            deadlines: Deadlines::with_capacity(connections),
            hub: Hub::new(config.signaling_limits(), seed).with_access(keys, ice_servers),
            out: Outbox::with_capacity(256),
            dialects,
            site: Site { has_default_https, ..site(config, &host, tls.as_ref(), endpoints) },
            addresses: Addresses::new(admission::limits(config), addresses_seed),
            handshakes: Handshakes::new(config.max_tls_handshakes, config.tls_handshake_timeout),
            tls,
            hooks,
            signaling_log: SignalingLog::new(Open::by(config)?),
            metrics: Metrics::default(),
            tuning: Tuning::of(config),
            turn_bytes: 0,
            scratch: vec![0; READ_BYTES].into_boxed_slice(),
            contexts: Rc::new(Contexts::new(config.websocket_limits())),
            runnable: Vec::with_capacity(connections),
            dirty: Vec::with_capacity(connections),
            doomed: Vec::with_capacity(connections),
            lost: Vec::with_capacity(connections),
            working: Vec::with_capacity(connections),
            stopping: None,
            config: config.clone(),
            host,
            look_again: now.mono.after(LOOK_PAUSE),
            reread,
        })
    }
}

/// The paths that speak WebSocket, and what each of them speaks.
pub(super) fn endpoints(config: &Config) -> (Vec<Endpoint>, Vec<Dialect>) {
    let routes = config.routes().into_iter();
    routes.map(|(path, dialect)| (Endpoint { path, speaks: dialect.name() }, dialect)).unzip()
}

/// What there is to be had by HTTP, and who may have it. Whether https has its default port is the listeners' business.
pub(super) fn site(config: &Config, host: &Host, tls: Option<&Tls>, endpoints: Vec<Endpoint>) -> Site {
    let authority = tls.and_then(Tls::authority);
    Site {
        endpoints,
        is_full: false,
        trust: authority
            .and_then(|AuthorityCertificate { name, der, pem, sha256 }| Trust::new(name, der, pem, sha256)),
        gate: admission::gate(config, host),
        requires_tls: config.require_tls,
        has_default_https: false,
        copied_names: if config.has_webhooks() {
            config.copy_websocket_header_names.clone()
        } else {
            Vec::new()
        },
    }
}
