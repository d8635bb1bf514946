//! The one table of settings. A setting is one row: its key, what it means, and how it is read and shown.

use super::{
    Config,
    values::{
        HIDDEN, address, boolean, dialects, header_names, hide, host_names, level, networks, number, parsed,
        path, patterns, room_key, route, seconds, seconds_or_none, secret, show, show_all, show_dialects,
        show_level, show_list, show_path, show_seconds, show_tls_mode, show_url, tls_mode, webhook_url,
    },
};
use crate::signaling::ice;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The key in a file; in kebab case with `--` before it, the flag.
    pub key: &'static str,
    /// The heading under which `--help` shows it.
    pub group: &'static str,
    /// What the value is, for `--help`: a unit or a form.
    pub unit: &'static str,
    /// The default, as it would be written, empty if there is none; several values of a setting that may be repeated are separated by `, `.
    pub default: &'static str,
    /// What may be written.
    pub allowed: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// Whether it may be given more than once.
    pub may_repeat: bool,
    /// Whether it must stand in no command line, which everybody on the machine can read.
    pub is_secret: bool,
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
    pub(super) clear: fn(&mut Config),
    /// The values in force, as they would be written.
    pub show: fn(&Config) -> Vec<String>,
}

impl Setting {
    /// The default's values, one by one; none if there is no default.
    pub fn defaults(&self) -> impl Iterator<Item = &'static str> {
        let separator = if self.may_repeat { ", " } else { "\n" };
        self.default.split(separator).filter(|value| !value.is_empty())
    }

    /// The default in words.
    pub fn default_in_words(&self) -> &'static str {
        if self.default.is_empty() { "none" } else { self.default }
    }

    /// The flag on the command line.
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }
}

/// A row for a number, a time, a word: whatever is one value in one field.
macro_rules! setting {
    ($group:literal, $field:ident, $key:literal: $unit:literal = $default:expr;
     $allowed:literal => $read:expr, $show:expr;
     $help:literal) => {
        Setting {
            key: $key,
            group: $group,
            unit: $unit,
            default: $default,
            allowed: $allowed,
            help: $help,
            may_repeat: false,
            is_secret: false,
            set: |config, value| $read(value).map(|value| config.$field = value),
            clear: |_| {},
            show: |config| vec![$show(&config.$field)],
        }
    };
}

/// A row for something that need not be there.
macro_rules! optional {
    ($group:literal, $field:ident, $key:literal: $unit:literal;
     $allowed:literal => $read:expr, $show:expr;
     $help:literal) => {
        Setting {
            key: $key,
            group: $group,
            unit: $unit,
            default: "",
            allowed: $allowed,
            help: $help,
            may_repeat: false,
            is_secret: matches!($key.as_bytes(), b"signaling_key"),
            set: |config, value| $read(value).map(|value| config.$field = Some(value)),
            clear: |_| {},
            show: |config| config.$field.iter().map(|value| $show(value)).collect(),
        }
    };
}

/// A row for the URL of a webhook.
macro_rules! webhook {
    ($field:ident, $key:literal; $help:literal) => {
        Setting {
            key: $key,
            group: "Webhooks",
            unit: "URL",
            default: "",
            allowed: "http:// or https://, such as http://127.0.0.1:3001/webhook; empty: none",
            help: $help,
            may_repeat: false,
            is_secret: false,
            set: |config, value| webhook_url(value).map(|url| config.$field = url),
            clear: |_| {},
            show: |config| config.$field.iter().map(show_url).collect(),
        }
    };
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        group: "Addresses",
        unit: "ADDRESS:PORT",
        default: "[::]:3000",
        allowed: "an IP address and a port, such as 127.0.0.1:3000 or [::]:3000; port 0 takes a free one",
        help: "where to listen; may be given several times; [::] takes IPv4 too",
        may_repeat: true,
        is_secret: false,
        set: |config, value| address(value).map(|address| config.listen.push(address)),
        clear: |config| config.listen.clear(),
        show: |config| config.listen.iter().map(ToString::to_string).collect(),
    },
    Setting {
        key: "route",
        group: "Addresses",
        unit: "PATH DIALECT",
        default: "/signaling ayame, /ws mailbox, /mesh mesh, /echo echo, /chat chat, /relay relay",
        allowed: "a path and one of ayame, mailbox, mesh, echo, chat, relay, such as \"/signaling ayame\"",
        help: "what a path speaks; may be given several times, and then these are all",
        may_repeat: true,
        is_secret: false,
        set: |config, value| route(value).map(|route| config.route.push(route)),
        clear: |config| config.route.clear(),
        show: |config| {
            config.route.iter().map(|(path, dialect)| format!("{path} {}", dialect.name())).collect()
        },
    },
    setting!("Addresses", dialects, "dialects": "LIST" = "ayame,mailbox,mesh,echo,chat,relay";
        "a list of ayame, mailbox, mesh, echo, chat, relay" => dialects, show_dialects;
        "only routes to these are there"),
    setting!("TLS", tls, "tls": "MODE" = if cfg!(feature = "tls") { "auto" } else { "off" };
        "auto, off or files" => tls_mode, show_tls_mode;
        "https and wss, too: by an authority of our own, not, or by two files"),
    optional!("TLS", tls_cert, "tls_cert": "FILE";
        "the name of a PEM file, with tls = files" => path, show_path;
        "the chain of certificates, the server's own first; read again when it changes"),
    optional!("TLS", tls_key, "tls_key": "FILE";
        "the name of a PEM file, with tls = files" => path, show_path;
        "its private key, which others must not be able to read"),
    optional!("TLS", tls_names, "tls_names": "LIST";
        "a list of host names, such as door.example.com" => host_names, show_list;
        "other names of this machine, for tls = auto"),
    setting!("TLS", require_tls, "require_tls": "true|false" = "false";
        "true or false" => boolean, show;
        "send other machines from http to https"),
    setting!("TLS", max_tls_handshakes, "max_tls_handshakes": "handshakes" = "32";
        "1 to 5000" => |v| number(v, 1..=5_000), show;
        "under way at the same time; others wait"),
    optional!("TLS", state_dir, "state_dir": "DIRECTORY";
        "the name of a directory" => path, show_path;
        "else $STATE_DIRECTORY, $XDG_STATE_HOME/suzu or ~/.local/state/suzu"),
    setting!("Access", allow_from, "allow_from": "NETWORKS" = "lan";
        "lan, any, or a list of networks such as 192.168.1.0/24,fd00::/8" => parsed, show;
        "from where clients may come; lan is private, link-local and loopback addresses"),
    optional!("Access", trusted_proxies, "trusted_proxies": "NETWORKS";
        "a list of networks such as 127.0.0.1,10.0.0.0/8" => networks, show_all;
        "whose X-Forwarded-For or Forwarded is believed"),
    optional!("Access", allow_origin, "allow_origin": "LIST";
        "a list of names or origins: https://example.com, *.example.com, or *" => patterns, show_all;
        "pages of the internet that may connect; those of the local network may"),
    optional!("Access", signaling_key, "signaling_key": "KEY";
        "any text, in a file that others cannot read" => secret, hide;
        "the key of all rooms that have none of their own"),
    Setting {
        key: "room_key",
        group: "Access",
        unit: "ROOM KEY",
        default: "",
        allowed: "a room and its key, in a file that others cannot read",
        help: "the key of one room; may be given several times, also for one room",
        may_repeat: true,
        is_secret: true,
        set: |config, value| room_key(value).map(|key| config.room_key.push(key)),
        clear: |config| config.room_key.clear(),
        show: |config| config.room_key.iter().map(|_| HIDDEN.to_owned()).collect(),
    },
    optional!("Access", token_secret_file, "token_secret_file": "FILE";
        "the name of a file of 32 bytes or more, which others cannot read" => path, show_path;
        "the secret that signs tokens (JWT, HS256); see suzu token --help"),
    Setting {
        key: "ice_server",
        group: "ICE",
        unit: "URL [USERNAME CREDENTIAL]",
        default: "",
        allowed: "such as stun:192.168.1.1:3478, or \"turn:turn.example.com USERNAME CREDENTIAL\"",
        help: "what clients are told to use; may be given several times",
        may_repeat: true,
        is_secret: false,
        set: |config, value| ice::parse(value).map(|server| config.ice_server.push(server)),
        clear: |config| config.ice_server.clear(),
        show: |config| config.ice_server.iter().map(ice::show).collect(),
    },
    Setting {
        key: "turn_uri",
        group: "ICE",
        unit: "URI",
        default: "",
        allowed: "such as turn:turn.example.com:3478?transport=udp",
        help: "a TURN server that shares turn_secret_file; may be given several times",
        may_repeat: true,
        is_secret: false,
        set: |config, value| ice::parse_turn_uri(value).map(|uri| config.turn_uri.push(uri)),
        clear: |config| config.turn_uri.clear(),
        show: |config| config.turn_uri.clone(),
    },
    optional!("ICE", turn_secret_file, "turn_secret_file": "FILE";
        "the name of a file that others cannot read" => path, show_path;
        "coturn's static-auth-secret (use-auth-secret)"),
    setting!("ICE", turn_ttl, "turn_ttl_sec": "seconds" = "86400";
        "60 to 604800" => |v| number(v, 60..=604_800), show;
        "how long a client may use its TURN credentials"),
    setting!("Limits", max_connections_per_address, "max_connections_per_address": "connections" = "32";
        "0 to 60000; 0 is no limit" => |v| number(v, 0..=60_000), show;
        "at the same time, from one address (IPv6: one /64)"),
    setting!("Limits", max_connections_per_second, "max_connections_per_second": "connections" = "20";
        "0 to 60000; 0 is no limit" => |v| number(v, 0..=60_000), show;
        "new ones from one address; ten times as many at once"),
    setting!("Limits", max_messages_per_second, "max_messages_per_second": "messages" = "100";
        "0 to 1000000; 0 is no limit" => |v| number(v, 0..=1_000_000), show;
        "that are read from one client; ten times as many at once; more wait"),
    setting!("Limits", max_bytes_per_second, "max_bytes_per_second": "bytes" = "262144";
        "0 to 1073741824; 0 is no limit" => |v| number(v, 0..=1 << 30), show;
        "that are read from one client; ten times as many at once; more wait"),
    setting!("Limits", max_addresses, "max_addresses": "addresses" = "1024";
        "16 to 16384" => |v| number(v, 16..=16_384), show;
        "whose connections and wrong keys are remembered"),
    setting!("Limits", max_clients, "max_clients": "clients" = "256";
        "1 to 60000" => |v| number(v, 1..=60_000), show;
        "WebSocket clients at the same time; one more gets a 503"),
    setting!("Limits", max_pending_connections, "max_pending_connections": "connections" = "64";
        "1 to 5000" => |v| number(v, 1..=5_000), show;
        "other connections: arriving, leaving, or reading a page"),
    setting!("Limits", max_rooms, "max_rooms": "rooms" = "128";
        "1 to 60000" => |v| number(v, 1..=60_000), show;
        "rooms at the same time"),
    setting!("Limits", max_peers_per_room, "max_peers_per_room": "peers" = "8";
        "2 to 256" => |v| number(v, 2..=256), show;
        "seats in a room of mesh, mailbox, chat or relay (Ayame's rooms have two)"),
    setting!("Limits", max_message_bytes, "max_message_bytes": "bytes" = "65536";
        "1024 to 16777216" => |v| number(v, 1_024..=16 << 20), show;
        "the longest message; a longer one is answered by Close 1009"),
    setting!("Limits", max_queue_bytes, "max_queue_bytes": "bytes" = "262144";
        "2048 to 67108864" => |v| number(v, 2_048..=64 << 20), show;
        "what may wait for a slow client; one further behind is let go"),
    setting!("Limits", max_id_bytes, "max_id_bytes": "bytes" = "255";
        "16 to 4096" => |v| number(v, 16..=4_096), show;
        "length of a room id, client id or key"),
    setting!("Limits", max_stored_bytes, "max_stored_bytes": "bytes" = "65536";
        "1024 to 1048576" => |v| number(v, 1_024..=1 << 20), show;
        "what one mailbox client may leave for others"),
    setting!("Times", head_timeout, "head_timeout_sec": "seconds" = "5";
        "0.01 to 86400" => seconds, show_seconds;
        "for a request to arrive"),
    setting!("Times", tls_handshake_timeout, "tls_handshake_timeout_sec": "seconds" = "10";
        "0.01 to 86400" => seconds, show_seconds;
        "for a TLS handshake, before the request"),
    setting!("Times", register_timeout, "register_timeout_sec": "seconds" = "10";
        "0.01 to 86400" => seconds, show_seconds;
        "for a client to register after it has connected"),
    setting!("Times", close_timeout, "close_timeout_sec": "seconds" = "3";
        "0.01 to 86400" => seconds, show_seconds;
        "for a connection to end after its close; at most 3 when the server stops"),
    setting!("Times", websocket_ping_interval, "websocket_ping_interval_sec": "seconds" = "5";
        "0.01 to 86400" => seconds, show_seconds;
        "between pings; one tick for all clients"),
    setting!("Times", websocket_pong_timeout, "websocket_pong_timeout_sec": "seconds" = "60";
        "0.01 to 86400" => seconds, show_seconds;
        "without a pong, after which a client is let go"),
    setting!("Times", websocket_read_timeout, "websocket_read_timeout_sec": "seconds" = "90";
        "0.01 to 86400" => seconds, show_seconds;
        "without any message, after which a client is let go"),
    setting!("Ayame", eviction_silence, "eviction_silence_sec": "seconds" = "2";
        "0.01 to 86400" => seconds, show_seconds;
        "that a seated client may stay silent when a newcomer needs its seat"),
    setting!("Ayame", reject_delay_max, "reject_delay_max_sec": "seconds" = "8";
        "0 to 86400" => seconds_or_none, show_seconds;
        "how long a reject may wait if its address is rejected again and again"),
    setting!("Ayame", type_message, "type_message": "true|false" = "false";
        "true or false" => boolean, show;
        "relay messages of the type `message` too"),
    setting!("Mesh", resume_grace, "resume_grace_sec": "seconds" = "10";
        "0 to 86400" => seconds_or_none, show_seconds;
        "that a seat outlives its socket, for the client to come back"),
    webhook!(authn_webhook_url, "authn_webhook_url";
        "asked by POST whether an Ayame client that registers may come in"),
    webhook!(disconnect_webhook_url, "disconnect_webhook_url";
        "told by POST when the session of an Ayame client is over"),
    setting!("Webhooks", webhook_request_timeout, "webhook_request_timeout_sec": "seconds" = "5";
        "0.01 to 86400" => seconds, show_seconds;
        "for a webhook to answer, with all that is between"),
    setting!("Webhooks", max_pending_webhooks, "max_pending_webhooks": "clients" = "64";
        "1 to 1000" => |v| number(v, 1..=1_000), show;
        "asked about at the same time; one more is rejected at once"),
    Setting {
        key: "copy_websocket_header_names",
        group: "Webhooks",
        unit: "LIST",
        default: "",
        allowed: "a list of up to 16 names of headers, such as Cookie,Authorization",
        help: "headers of a client's upgrade, up to 4 KiB, that webhooks about it have, too",
        may_repeat: false,
        is_secret: false,
        set: |config, value| header_names(value).map(|names| config.copy_websocket_header_names = names),
        clear: |_| {},
        show: |config| match &*config.copy_websocket_header_names {
            [] => Vec::new(),
            names => vec![show_list(names)],
        },
    },
    setting!("Log", log_level, "log_level": "LEVEL" = "info";
        "off, error, warn, info or debug" => level, show_level;
        "what goes to standard error"),
];

/// Finds a setting by its key, in any case.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_default_is_allowed_and_shown_as_it_is_written() {
        let config = Config::default();
        for setting in SETTINGS {
            let mut again = Config::default();
            for (place, value) in setting.defaults().enumerate() {
                assert_eq!(again.set(setting, value, place == 0), Ok(()), "{}", setting.key);
            }
            assert_eq!((setting.show)(&config).join(", "), setting.default, "{}", setting.key);
        }
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn a_bad_value_says_what_was_wrong_and_what_is_allowed() {
        for (key, value, message) in [
            ("max_clients", "many", "\"many\" is not a whole number; allowed: 1 to 60000 (default 256)"),
            ("max_clients", "0", "0 is out of range; allowed: 1 to 60000 (default 256)"),
            ("max_clients", "-1", "\"-1\" is not a whole number; allowed: 1 to 60000 (default 256)"),
            (
                "head_timeout_sec",
                "soon",
                "\"soon\" is not a number of seconds; allowed: 0.01 to 86400 (default 5)",
            ),
            ("head_timeout_sec", "0", "0 is out of range; allowed: 0.01 to 86400 (default 5)"),
            ("head_timeout_sec", "NaN", "NaN is out of range; allowed: 0.01 to 86400 (default 5)"),
            (
                "type_message",
                "maybe",
                "\"maybe\" is neither true nor false; allowed: true or false (default false)",
            ),
            (
                "log_level",
                "loud",
                "\"loud\" is not a level; allowed: off, error, warn, info or debug (default info)",
            ),
        ] {
            let result = Config::default().set(find(key).unwrap(), value, true);
            assert_eq!(result, Err(message.to_owned()), "{key} = {value}");
        }
        let listen = Config::default().set(find("listen").unwrap(), "3000", true).unwrap_err();
        assert!(
            listen.starts_with("\"3000\" is not an address with a port; allowed: an IP address"),
            "{listen}"
        );
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused() {
        let mut config = Config::default();
        config.max_queue_bytes = config.max_message_bytes;
        assert!(config.check().unwrap_err().starts_with("max_queue_bytes: 65536 is too little"));
        let config = Config { websocket_ping_interval: Duration::from_secs(60), ..Config::default() };
        assert!(config.check().unwrap_err().starts_with("websocket_pong_timeout_sec"));
    }
}
