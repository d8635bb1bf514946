//! Who may come in, and what clients are told to find each other by.

use super::Setting;
use crate::config::values::{
    HIDDEN, networks, number, parsed, path, patterns, room_key, secret, show, show_all, show_path,
};
use crate::signaling::ice;

pub(super) const SETTINGS: &[Setting] = &[
    setting!("Access", allow_from, "allow_from": "NETWORKS" = "lan";
        "lan, any, or a list of networks such as 192.168.1.0/24,fd00::/8" => parsed, show;
        "from where clients may come; lan is private, link-local and loopback addresses"),
    setting!("Access", allow_metrics_from, "allow_metrics_from": "NETWORKS" = "lan";
        "lan, any, or a list of networks such as 192.168.1.0/24,fd00::/8" => parsed, show;
        "from where /metrics may be read; this machine always may"),
    optional!("Access", trusted_proxies, "trusted_proxies": "NETWORKS";
        "a list of networks such as 127.0.0.1,10.0.0.0/8" => networks, show_all;
        "whose X-Forwarded-For or Forwarded is believed"),
    optional!("Access", allow_origin, "allow_origin": "LIST";
        "a list of names or origins: https://example.com, *.example.com, or *" => patterns, show_all;
        "pages of the internet that may connect; those of the local network may"),
    Setting {
        key: "signaling_key",
        group: "Access",
        unit: "KEY",
        default: "",
        allowed: "any text, in a file that others cannot read",
        help: "the key of all rooms that have none of their own",
        may_repeat: false,
        is_secret: true,
        needs_restart: false,
        set: |config, value| secret(value).map(|key| config.signaling_key = Some(key)),
        clear: |config| config.signaling_key = None,
        show: |config| config.signaling_key.iter().map(|_| HIDDEN.to_owned()).collect(),
    },
    Setting {
        key: "room_key",
        group: "Access",
        unit: "ROOM KEY",
        default: "",
        allowed: "a room and its key, in a file that others cannot read",
        help: "the key of one room; may be given several times, also for one room",
        may_repeat: true,
        is_secret: true,
        needs_restart: false,
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
        needs_restart: false,
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
        needs_restart: false,
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
];
