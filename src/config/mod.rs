//! Settings: from the defaults, a file and the command line, in this order, to the small `Limits` struct of each part.
//!
//! [`mod@settings`] is the one table of what can be set; flags, file keys, `--help`, `--check` and the README's table all
//! come from it. Nobody below the server ever sees [`Config`].

mod access;
pub mod args;
mod ayame;
pub mod file;
pub mod help;
mod ini;
pub mod settings;
mod spelling;
mod values;

use crate::{
    host::log,
    http::origin::Pattern,
    net::{
        address::Address,
        certificates::{Files, Local, Source},
        webhook, websocket,
    },
    networks::{AllowFrom, Network},
    signaling::{self, Dialect, IceServer, WAITING_BYTES, credentials::Secret},
};
use ::log::LevelFilter;
use settings::{Setting, settings};
use std::{path::PathBuf, time::Duration};
pub(crate) use values::seconds;

/// Who vouches for this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// An authority of its own.
    Auto,
    /// Nobody: plain http.
    Off,
    /// Whoever made the certificates in two files.
    Files,
}

impl TlsMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Off, Self::Files];
}

/// Everything that can be set. The fields are documented in [`mod@settings`].
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "each field is a row of the settings, where its meaning, unit and default are"
)]
pub struct Config {
    /// What the operator should know about the file: one line for each, with its place.
    pub warnings: Vec<String>,
    pub listen: Vec<Address>,
    pub listen_metrics: Option<Address>,
    pub route: Vec<(String, Dialect)>,
    pub dialects: Vec<Dialect>,
    pub tls: TlsMode,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_names: Option<Vec<String>>,
    pub require_tls: bool,
    pub max_tls_handshakes: usize,
    pub state_dir: Option<PathBuf>,
    pub allow_from: AllowFrom,
    pub allow_metrics_from: AllowFrom,
    pub trusted_proxies: Option<Vec<Network>>,
    pub allow_origin: Option<Vec<Pattern>>,
    pub signaling_key: Option<Secret>,
    pub room_key: Vec<(String, Secret)>,
    pub token_secret_file: Option<PathBuf>,
    pub ice_server: Vec<IceServer>,
    pub turn_uri: Vec<String>,
    pub turn_secret_file: Option<PathBuf>,
    pub turn_ttl: u64,
    pub max_connections_per_address: u32,
    pub max_connections_per_second: u32,
    pub max_messages_per_second: u32,
    pub max_bytes_per_second: u32,
    pub max_addresses: usize,
    pub max_clients: usize,
    pub max_pending_connections: usize,
    pub max_rooms: usize,
    pub max_peers_per_room: usize,
    pub max_message_bytes: usize,
    pub max_queue_bytes: usize,
    pub max_id_bytes: usize,
    pub max_stored_bytes: usize,
    pub head_timeout: Duration,
    pub tls_handshake_timeout: Duration,
    pub register_timeout: Duration,
    pub close_timeout: Duration,
    pub websocket_ping_interval: Duration,
    pub websocket_pong_timeout: Duration,
    pub websocket_read_timeout: Duration,
    pub eviction_silence: Duration,
    pub reject_delay_max: Duration,
    pub resume_grace: Duration,
    pub authn_webhook_url: Option<webhook::Url>,
    pub disconnect_webhook_url: Option<webhook::Url>,
    pub webhook_request_timeout: Duration,
    pub max_pending_webhooks: usize,
    pub copy_websocket_header_names: Vec<String>,
    pub type_message: bool,
    pub log_level: LevelFilter,
    pub admin_socket: Option<PathBuf>,
    pub log_format: log::Format,
    pub log_message_key_name: String,
    pub log_timestamp_key_name: String,
    pub signaling_log: bool,
    pub log_dir: PathBuf,
    pub signaling_log_name: String,
    pub signaling_log_filters: Vec<String>,
}

impl Default for Config {
    /// The defaults of the table.
    fn default() -> Self {
        let mut config = Self {
            warnings: Vec::new(),
            listen: Vec::new(),
            listen_metrics: None,
            route: Vec::new(),
            dialects: Vec::new(),
            tls: TlsMode::Off,
            tls_cert: None,
            tls_key: None,
            tls_names: None,
            require_tls: false,
            max_tls_handshakes: 0,
            state_dir: None,
            allow_from: AllowFrom::Lan,
            allow_metrics_from: AllowFrom::Lan,
            trusted_proxies: None,
            allow_origin: None,
            signaling_key: None,
            room_key: Vec::new(),
            token_secret_file: None,
            ice_server: Vec::new(),
            turn_uri: Vec::new(),
            turn_secret_file: None,
            turn_ttl: 0,
            max_connections_per_address: 0,
            max_connections_per_second: 0,
            max_messages_per_second: 0,
            max_bytes_per_second: 0,
            max_addresses: 0,
            max_clients: 0,
            max_pending_connections: 0,
            max_rooms: 0,
            max_peers_per_room: 0,
            max_message_bytes: 0,
            max_queue_bytes: 0,
            max_id_bytes: 0,
            max_stored_bytes: 0,
            head_timeout: Duration::ZERO,
            tls_handshake_timeout: Duration::ZERO,
            register_timeout: Duration::ZERO,
            close_timeout: Duration::ZERO,
            websocket_ping_interval: Duration::ZERO,
            websocket_pong_timeout: Duration::ZERO,
            websocket_read_timeout: Duration::ZERO,
            eviction_silence: Duration::ZERO,
            reject_delay_max: Duration::ZERO,
            resume_grace: Duration::ZERO,
            authn_webhook_url: None,
            disconnect_webhook_url: None,
            webhook_request_timeout: Duration::ZERO,
            max_pending_webhooks: 0,
            copy_websocket_header_names: Vec::new(),
            type_message: false,
            log_level: LevelFilter::Info,
            admin_socket: None,
            log_format: log::Format::Auto,
            log_message_key_name: String::new(),
            log_timestamp_key_name: String::new(),
            signaling_log: false,
            log_dir: PathBuf::new(),
            signaling_log_name: String::new(),
            signaling_log_filters: Vec::new(),
        };
        for setting in settings() {
            for value in setting.defaults() {
                let result = (setting.set)(&mut config, value);
                debug_assert!(result.is_ok(), "the default of {}: {result:?}", setting.key);
            }
        }
        config
    }
}

impl Config {
    /// Sets one setting to what was written for it. `is_first` is false for the second and later values of a setting that may be
    /// repeated.
    ///
    /// # Errors
    /// What was wrong with the value and what is allowed.
    pub fn set(&mut self, setting: &Setting, value: &str, is_first: bool) -> Result<(), String> {
        if !is_first && !setting.may_repeat {
            return Err("it is set twice".to_owned());
        }
        if is_first && setting.may_repeat {
            (setting.clear)(self);
        }
        (setting.set)(self, value).map_err(|wrong| {
            let (allowed, default) = (setting.allowed, setting.default_in_words());
            format!("{wrong}; allowed: {allowed} (default {default})")
        })
    }

    /// Checks what one setting alone cannot know.
    ///
    /// # Errors
    /// What does not fit together, and what would.
    pub fn check(&self) -> Result<(), String> {
        // A frame's header is at most 10 bytes from a server; what else a message takes that waits for an absent seat is more.
        let queue_min = self.max_message_bytes.saturating_add(WAITING_BYTES);
        if self.max_queue_bytes < queue_min {
            return Err(format!(
                "max_queue_bytes: {} is too little for one message of max_message_bytes = {}; allowed: {queue_min} or more",
                self.max_queue_bytes, self.max_message_bytes
            ));
        }
        self.check_ice()?;
        if self.websocket_pong_timeout <= self.websocket_ping_interval {
            return Err(format!(
                "websocket_pong_timeout_sec: {:?} would cut off everybody between two pings; allowed: more than \
                 websocket_ping_interval_sec = {:?}",
                self.websocket_pong_timeout, self.websocket_ping_interval
            ));
        }
        if self.websocket_read_timeout <= self.websocket_ping_interval {
            return Err(format!(
                "websocket_read_timeout_sec: {:?} would cut off everybody between two pings; allowed: more than \
                 websocket_ping_interval_sec = {:?}",
                self.websocket_read_timeout, self.websocket_ping_interval
            ));
        }
        let is_twice = |address: &Address| {
            let all = self.listen.iter().chain(&self.listen_metrics);
            address.ip().is_none_or(|ip| ip.port() != 0) && all.filter(|other| *other == address).count() > 1
        };
        if let Some(address) = self.listen.iter().find(|address| is_twice(address)) {
            return Err(format!("listen: {address} is there twice; allowed: each address once"));
        }
        let is_twice = |path: &str| self.route.iter().filter(|(other, _)| other == path).count() > 1;
        if let Some((path, _)) = self.route.iter().find(|(path, _)| is_twice(path)) {
            return Err(format!("route: {path} is there twice; allowed: each path once"));
        }
        if self.routes().is_empty() {
            return Err("route: none is left for the dialects that are on; allowed: at least one".to_owned());
        }
        if self.turn_uri.is_empty() != self.turn_secret_file.is_none() {
            return Err("turn_uri and turn_secret_file: one is missing; allowed: both or neither".to_owned());
        }
        self.check_webhooks()?;
        self.check_log()?;
        self.check_tls()
    }

    /// Whoever is asked about is not read meanwhile, and so its pongs are not.
    fn check_webhooks(&self) -> Result<(), String> {
        let patience = self.websocket_pong_timeout.min(self.websocket_read_timeout);
        let timeout = self.webhook_request_timeout;
        if self.authn_webhook_url.is_some()
            && self.websocket_ping_interval.saturating_add(timeout) >= patience
        {
            return Err(format!(
                "webhook_request_timeout_sec: {timeout:?} would let clients seem dead while they are asked about; allowed: less \
                 than websocket_pong_timeout_sec and websocket_read_timeout_sec without websocket_ping_interval_sec = {:?}",
                self.websocket_ping_interval
            ));
        }
        Ok(())
    }

    fn check_log(&self) -> Result<(), String> {
        if self.log_message_key_name == self.log_timestamp_key_name {
            return Err(format!(
                "log_message_key_name and log_timestamp_key_name: both are {}; allowed: two names",
                self.log_message_key_name
            ));
        }
        Ok(())
    }

    fn check_tls(&self) -> Result<(), String> {
        let has_files = (self.tls_cert.is_some(), self.tls_key.is_some());
        let wrong = match (self.tls, has_files) {
            (TlsMode::Auto | TlsMode::Files, _) if !cfg!(feature = "tls") => {
                "tls: this suzu was built without TLS; allowed: off"
            }
            (TlsMode::Files, (false, _)) => "tls_cert: it is missing; tls = files takes tls_cert and tls_key",
            (TlsMode::Files, (_, false)) => "tls_key: it is missing; tls = files takes tls_cert and tls_key",
            (TlsMode::Auto | TlsMode::Off, (true, _)) => {
                "tls_cert: it would not be used; allowed with tls = files"
            }
            (TlsMode::Auto | TlsMode::Off, (_, true)) => {
                "tls_key: it would not be used; allowed with tls = files"
            }
            (TlsMode::Off, _) if self.require_tls => {
                "require_tls: there is no TLS with tls = off; allowed with tls = auto or files"
            }
            _ => return Ok(()),
        };
        Err(wrong.to_owned())
    }

    /// How many connections there can be: the clients, those that are arriving or leaving, and one newcomer for whom another gives way.
    pub fn max_connections(&self) -> usize {
        self.max_clients + self.max_pending_connections + 1
    }

    /// The paths that speak WebSocket, and their dialects.
    pub fn routes(&self) -> Vec<(String, Dialect)> {
        self.route.iter().filter(|(_, dialect)| self.dialects.contains(dialect)).cloned().collect()
    }

    /// Where certificates come from: `state_dir` is used where the setting of that name has no value.
    pub fn certificates(&self, state_dir: Option<PathBuf>) -> Option<Source> {
        match (self.tls, self.tls_cert.clone().zip(self.tls_key.clone())) {
            (TlsMode::Files, Some((certificate, key))) => Some(Source::Files(Files { certificate, key })),
            (TlsMode::Auto, _) => Some(Source::Local(Local {
                state_dir: self.state_dir.clone().or(state_dir),
                names: self.tls_names.clone().unwrap_or_default(),
            })),
            _ => None,
        }
    }

    /// Whether any webhook is set.
    pub fn has_webhooks(&self) -> bool {
        self.authn_webhook_url.is_some() || self.disconnect_webhook_url.is_some()
    }

    /// The core's share.
    pub fn signaling_limits(&self) -> signaling::Limits {
        signaling::Limits {
            max_peers: self.max_connections(),
            max_clients: self.max_clients,
            max_message_bytes: self.max_message_bytes,
            max_rooms: self.max_rooms,
            max_peers_per_room: self.max_peers_per_room,
            max_id_bytes: self.max_id_bytes,
            max_stored_bytes: self.max_stored_bytes,
            max_queue_bytes: self.max_queue_bytes,
            resume_grace: self.resume_grace,
            register_timeout: self.register_timeout,
            ping_interval: self.websocket_ping_interval,
            pong_timeout: self.websocket_pong_timeout,
            read_timeout: self.websocket_read_timeout,
            eviction_silence: self.eviction_silence,
            reject_delay_max: self.reject_delay_max,
            type_message: self.type_message,
            ask_verdict: self.authn_webhook_url.is_some(),
        }
    }

    /// The log's share.
    pub fn log_settings(&self) -> log::Settings {
        log::Settings {
            level: self.log_level,
            format: self.log_format,
            message_key: self.log_message_key_name.clone(),
            timestamp_key: self.log_timestamp_key_name.clone(),
        }
    }

    /// The connections' share.
    pub fn websocket_limits(&self) -> websocket::Limits {
        websocket::Limits { max_message_bytes: self.max_message_bytes, max_queue_bytes: self.max_queue_bytes }
    }
}
