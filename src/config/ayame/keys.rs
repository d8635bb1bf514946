//! The table of Ayame's keys (docs/from-ayame.md explains each), as of 2026.2.0 and back to the first with a `config.ini`.

use super::{Fate, Fate::*, Form::*, Key};

const NO_ROTATION: &str = "suzu rotates nothing: the journal does, or logrotate";
const NO_LOG_FILE: &str =
    "the log has no file of its own; it goes to standard error, which the journal keeps, or `2>> FILE`";
const JSON_ONLY: Fate =
    SettingWith(&[("log_format", "json"), ("signaling_log", "true")], "only lines of JSON have such names");
const SIGNALING: Fate = SettingWith(
    &[("signaling_log", "true")],
    "that log is off by default, because what clients send has addresses in it",
);

/// All that Ayame knows, in the order of its documentation.
pub(in crate::config) const KEYS: &[Key] = &[
    Key { name: "debug", form: Boolean, fate: Part },
    Key {
        name: "log_dir",
        form: Text,
        fate: SettingWith(
            &[("signaling_log", "true")],
            "only that log is in a file, the other one goes to standard error",
        ),
    },
    Key { name: "log_name", form: Text, fate: Otherwise(NO_LOG_FILE) },
    Key { name: "log_level", form: Level, fate: Setting },
    Key {
        name: "log_stdout",
        form: Boolean,
        fate: Otherwise("the log goes to standard error, not to standard output; `2>&1` sends it there"),
    },
    Key { name: "log_rotate_max_size", form: Count, fate: Otherwise(NO_ROTATION) },
    Key { name: "log_rotate_max_backups", form: Count, fate: Otherwise(NO_ROTATION) },
    Key { name: "log_rotate_max_age", form: Count, fate: Otherwise(NO_ROTATION) },
    Key { name: "log_rotate_compress", form: Boolean, fate: Otherwise(NO_ROTATION) },
    Key { name: "log_message_key_name", form: Text, fate: JSON_ONLY },
    Key { name: "log_timestamp_key_name", form: Text, fate: JSON_ONLY },
    Key { name: "signaling_log_name", form: Text, fate: SIGNALING },
    Key { name: "signaling_log_filters", form: List, fate: SIGNALING },
    Key {
        name: "webhook_log_name",
        form: Text,
        fate: Otherwise("webhooks have no log of their own; what goes wrong with them is in the one log"),
    },
    Key {
        name: "debug_console_log",
        form: Boolean,
        fate: Otherwise("the log goes to standard error without it, and has no colours with it"),
    },
    Key { name: "debug_console_log_json", form: Boolean, fate: Part },
    Key { name: "type_message", form: Boolean, fate: Setting },
    Key { name: "listen_ipv4_address", form: Host, fate: Part },
    Key { name: "listen_port_number", form: Port, fate: Part },
    Key { name: "websocket_read_timeout_sec", form: Seconds, fate: Setting },
    Key { name: "websocket_pong_timeout_sec", form: Seconds, fate: Setting },
    Key { name: "websocket_ping_interval_sec", form: Seconds, fate: Setting },
    Key { name: "copy_websocket_header_names", form: Headers, fate: Setting },
    Key { name: "authn_webhook_url", form: Text, fate: Setting },
    Key { name: "disconnect_webhook_url", form: Text, fate: Setting },
    Key { name: "webhook_request_timeout_sec", form: Seconds, fate: Setting },
    Key { name: "listen_prometheus_ipv4_address", form: Host, fate: Part },
    Key { name: "listen_prometheus_port_number", form: Port, fate: Part },
    // Of earlier versions, or of their example files only.
    Key {
        name: "webhook_request_timeout",
        form: Text,
        fate: Otherwise("neither Ayame nor suzu reads it; the key is webhook_request_timeout_sec"),
    },
    Key {
        name: "webhook_tls_fullchain_file",
        form: Text,
        fate: Otherwise("suzu shows webhooks no certificate of its own"),
    },
    Key {
        name: "webhook_tls_private_key_file",
        form: Text,
        fate: Otherwise("suzu shows webhooks no certificate of its own"),
    },
    Key {
        name: "webhook_tls_verify_cacert_file",
        form: Text,
        fate: Otherwise(
            "the file of authorities for webhooks is the one that the environment's SSL_CERT_FILE names",
        ),
    },
];

/// Finds a key, in any case.
pub(in crate::config) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name.eq_ignore_ascii_case(name))
}
