//! Limits and times.

use super::Setting;
use crate::config::values::{number, seconds, show, show_seconds};

pub(super) const SETTINGS: &[Setting] = &[
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
        "whose connections and wrong keys are remembered", restart),
    setting!("Limits", max_clients, "max_clients": "clients" = "256";
        "1 to 60000" => |v| number(v, 1..=60_000), show;
        "WebSocket clients at the same time; one more gets a 503", restart),
    setting!("Limits", max_pending_connections, "max_pending_connections": "connections" = "64";
        "1 to 5000" => |v| number(v, 1..=5_000), show;
        "other connections: arriving, leaving, or reading a page", restart),
    setting!("Limits", max_rooms, "max_rooms": "rooms" = "128";
        "1 to 60000" => |v| number(v, 1..=60_000), show;
        "rooms at the same time", restart),
    setting!("Limits", max_peers_per_room, "max_peers_per_room": "peers" = "8";
        "2 to 256" => |v| number(v, 2..=256), show;
        "seats in a room of mesh, mailbox, chat or relay (Ayame's rooms have two)", restart),
    setting!("Limits", max_message_bytes, "max_message_bytes": "bytes" = "65536";
        "1024 to 16777216" => |v| number(v, 1_024..=16 << 20), show;
        "the longest message; a longer one is answered by Close 1009"),
    setting!("Limits", max_queue_bytes, "max_queue_bytes": "bytes" = "131072";
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
];
