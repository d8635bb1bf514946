//! Where to listen, what a path speaks, and TLS.

use super::Setting;
use crate::config::values::{
    boolean, dialects, host_names, number, parsed, path, route, show, show_dialects, show_list, show_path,
    show_tls_mode, tls_mode,
};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        group: "Addresses",
        unit: "ADDRESS",
        default: "[::]:3000",
        allowed: "an IP address and a port, such as 127.0.0.1:3000 or [::]:3000 (port 0 takes a free one), or unix:/run/suzu.sock",
        help: "where to listen; may be given several times; [::] takes IPv4 too",
        may_repeat: true,
        is_secret: false,
        needs_restart: true,
        set: |config, value| parsed(value).map(|address| config.listen.push(address)),
        clear: |config| config.listen.clear(),
        show: |config| config.listen.iter().map(ToString::to_string).collect(),
    },
    optional!("Addresses", listen_metrics, "listen_metrics": "ADDRESS";
        "an IP address and a port, such as 127.0.0.1:4000, or unix:/run/suzu-metrics.sock" => parsed, show;
        "where /metrics and /.ok are alone; they are at the other addresses, too", restart),
    Setting {
        key: "route",
        group: "Addresses",
        unit: "PATH DIALECT",
        default: "/signaling ayame, /ws mailbox, /mesh mesh, /echo echo, /chat chat, /relay relay",
        allowed: "a path and one of ayame, mailbox, mesh, echo, chat, relay, such as \"/signaling ayame\"",
        help: "what a path speaks; may be given several times, and then these are all",
        may_repeat: true,
        is_secret: false,
        needs_restart: false,
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
];
