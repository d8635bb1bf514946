//! What belongs to one dialect, and webhooks.

use super::Setting;
use crate::config::values::{
    boolean, header_names, number, seconds, seconds_or_none, show, show_list, show_seconds, show_url,
    webhook_url,
};

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
            needs_restart: true,
            set: |config, value| webhook_url(value).map(|url| config.$field = url),
            clear: |config| config.$field = None,
            show: |config| config.$field.iter().map(show_url).collect(),
        }
    };
}

pub(super) const SETTINGS: &[Setting] = &[
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
        "for a webhook to answer, with all that is between", restart),
    setting!("Webhooks", max_pending_webhooks, "max_pending_webhooks": "clients" = "64";
        "1 to 1000" => |v| number(v, 1..=1_000), show;
        "asked about at the same time; one more is rejected at once", restart),
    Setting {
        key: "copy_websocket_header_names",
        group: "Webhooks",
        unit: "LIST",
        default: "",
        allowed: "a list of up to 16 names of headers, such as Cookie,Authorization",
        help: "headers of a client's upgrade, up to 4 KiB, that webhooks about it have, too",
        may_repeat: false,
        is_secret: false,
        needs_restart: false,
        set: |config, value| header_names(value).map(|names| config.copy_websocket_header_names = names),
        clear: |_| {},
        show: |config| match &*config.copy_websocket_header_names {
            [] => Vec::new(),
            names => vec![show_list(names)],
        },
    },
];
