//! A `config.ini` of Ayame starts the program as it is: `suzu -C config.ini` (docs/from-ayame.md).

mod common;

use common::{
    netns::is_alone,
    server::{TempDir, TestServer},
    wire::Wire,
};
use std::{
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
};

/// The keys and values of config_example.ini of OpenAyame/ayame, as `make init` made a config.ini of it; its comments are keys that are
/// switched off.
const EXAMPLE: &str = "\
debug = true
log_dir = .
log_name = ayame.log
log_level = debug
signaling_log_name = signaling.log

listen_ipv4_address = 0.0.0.0
listen_port_number = 3000

# authn_webhook_url = http://127.0.0.1:3001/ayame/webhook/authn
# disconnect_webhook_url = http://127.0.0.1:3001/ayame/webhook/disconnect
# webhook_request_timeout = 5
# webhook_log_name = webhook.log

listen_prometheus_ipv4_address = 0.0.0.0
listen_prometheus_port_number = 4000";

/// All keys that Ayame 2026.2.0 documents, with its defaults where it has any, and the examples of its documentation elsewhere.
const EVERY_KEY: &str = "\
; the log
debug = false
log_dir = .
log_name = ayame.jsonl
log_stdout = false
log_rotate_max_size = 200
log_rotate_max_backups = 7
log_rotate_max_age = 30
log_rotate_compress = false
log_message_key_name = message
log_timestamp_key_name = time
signaling_log_name = signaling.jsonl
signaling_log_filters = register,offer,answer,candidate,connected,message
webhook_log_name = webhook.jsonl
debug_console_log = false
debug_console_log_json = false

type_message = false

; where it listens
listen_ipv4_address = 0.0.0.0
listen_port_number = 3000
listen_prometheus_ipv4_address = 0.0.0.0
listen_prometheus_port_number = 4000

websocket_read_timeout_sec = 90
websocket_ping_interval_sec = 5
websocket_pong_timeout_sec = 60

copy_websocket_header_names = X-Forwarded-For, X-Real-IP
authn_webhook_url =
disconnect_webhook_url = http://127.0.0.1:3001/ayame/webhook/disconnect
webhook_request_timeout_sec = 5
";

/// A folder with a config.ini, and the program in it as Ayame is called.
fn called_like_ayame(config: &[u8]) -> (TempDir, Command) {
    let folder = TempDir::new();
    fs::write(folder.join("config.ini"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["-C", "config.ini"]).current_dir(&folder.path);
    (folder, command)
}

/// Which keys its log names at the start, in their order.
fn named(server: &TestServer) -> Vec<String> {
    let log = server.whole_log();
    let lines = log.lines().filter_map(|line| line.split_once("config.ini:"));
    lines.map(|(_, rest)| rest.split(": ").nth(1).unwrap().to_owned()).collect()
}

fn exchange(address: [u8; 4], port: u16, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    Wire::connect(SocketAddr::from((address, port))).exchange(request.as_bytes())
}

#[test]
fn the_published_example_starts_it_unchanged() {
    if !is_alone("the_published_example_starts_it_unchanged") {
        return;
    }
    let (folder, command) = called_like_ayame(EXAMPLE.as_bytes());
    let server = TestServer::start_command(command, TempDir::new());
    assert_eq!(server.address, SocketAddr::from(([0, 0, 0, 0], 3000)));
    let _seated = Wire::join(SocketAddr::from(([127, 0, 0, 1], 3000)), "room");
    assert!(exchange([127, 0, 0, 1], 3000, "/.ok").starts_with("HTTP/1.1 200 "));
    let metrics = exchange([127, 0, 0, 1], 4000, "/metrics");
    assert!(metrics.starts_with("HTTP/1.1 200 ") && metrics.contains("ayame_requests_total"), "{metrics}");
    assert_eq!(named(&server), ["log_name", "signaling_log_name"]);
    let files: Vec<_> = fs::read_dir(&folder.path).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["config.ini"], "the log is on standard error");
}

#[test]
fn a_file_with_every_key_starts_it_unchanged() {
    if !is_alone("a_file_with_every_key_starts_it_unchanged") {
        return;
    }
    let (_folder, command) = called_like_ayame(EVERY_KEY.as_bytes());
    let server = TestServer::start_command(command, TempDir::new());
    let _seated = Wire::join(SocketAddr::from(([127, 0, 0, 1], 3000)), "room");
    let expected = "log_name log_rotate_max_size log_rotate_max_backups log_rotate_max_age \
                    signaling_log_filters webhook_log_name";
    assert_eq!(named(&server).join(" "), expected);
}

#[test]
fn flags_win_over_its_keys() {
    let (_folder, mut command) = called_like_ayame(EXAMPLE.as_bytes());
    command.args(["--listen", "127.0.0.1:0", "--listen-metrics", "127.0.0.1:0", "--log-level", "warn"]);
    let server = TestServer::start_command(command, TempDir::new());
    assert_eq!(server.address.ip().to_string(), "127.0.0.1");
    let _seated = Wire::join(server.address, "room");
    assert!(!server.whole_log().contains("DEBUG"), "{}", server.whole_log());
    assert_eq!(named(&server), ["log_name", "signaling_log_name"]);
}

#[test]
fn a_key_that_takes_effect_by_a_flag_is_not_named() {
    let (_folder, mut command) = called_like_ayame(b"log_dir = ./\nlog_message_key_name = msg\n");
    command.args(["--listen", "127.0.0.1:0", "--signaling-log", "true"]);
    let server = TestServer::start_command(command, TempDir::new());
    assert_eq!(named(&server), [""; 0]);
}

#[test]
fn check_shows_what_becomes_of_it() {
    let (_folder, mut command) = called_like_ayame(EXAMPLE.as_bytes());
    let output = command.arg("--check").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{text}");
    for line in ["listen = 0.0.0.0:3000", "listen_metrics = 0.0.0.0:4000", "log_level = debug"] {
        assert!(text.lines().any(|shown| shown == line), "{line}: {text}");
    }
    let warnings: Vec<_> = text.lines().filter(|line| line.starts_with("# warning: config.ini:")).collect();
    assert_eq!(warnings.len(), 2, "{text}");
    assert!(warnings[0].starts_with("# warning: config.ini:3: log_name: the log has no file"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("# memory ceiling: "), "{text}");
}

#[test]
fn comments_may_be_in_any_encoding_and_values_may_not() {
    // 設定 in Shift_JIS.
    let comment = b"# \x90\xdd\x92\xe8\ntype_message = true ; \x90\xdd\n";
    let (_folder, mut command) = called_like_ayame(comment);
    let output = command.arg("--check").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for value in [&b"log_dir = \x90\xdd\n"[..], b"log_dir = a\\\n\x90\xdd\n", b"state_dir = a # \x90\xdd\n"] {
        let (_folder, mut command) = called_like_ayame(&[b"debug = true\n", value].concat());
        let output = command.arg("--check").stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "suzu: config.ini:2: the line is not in UTF-8\n");
    }
}
