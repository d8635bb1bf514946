//! Secrets stand in files that nobody else can read, and nowhere else: not in a command line, not in what the program prints, not in the log.

mod common;

use common::{
    access::{SECRET, ask, connect_from, file_with_mode, mint, private_file, run},
    server::{TempDir, TestServer},
    start::{refused, suzu},
    wire::Wire,
};
use std::process::Command;

const KEY: &str = "open-sesame-4711";
const ROOM_KEY: &str = "attic-sesame-4712";
const TURN_SECRET: &str = "turn-sesame-4713";
const CREDENTIAL: &str = "ice-sesame-4714";
/// What is in each of them.
const MARK: &str = "sesame-471";

fn config(dir: &TempDir) -> String {
    let token_secret = private_file(dir, "token_secret", &format!("{SECRET} {MARK}\n"));
    let turn_secret = private_file(dir, "turn_secret", TURN_SECRET);
    format!(
        "signaling_key = {KEY}\nroom_key = attic {ROOM_KEY}\ntoken_secret_file = {token_secret}\n\
         turn_secret_file = {turn_secret}\nturn_uri = turn:box\nice_server = turn:box user {CREDENTIAL}\n"
    )
}

#[test]
fn no_secret_is_ever_in_the_log_or_the_banner() {
    let dir = TempDir::new();
    let file = private_file(&dir, "suzu.conf", &config(&dir));
    let token = mint(dir.join("token_secret").to_str().unwrap(), &["--room", "hall", "--ttl", "1h"]);
    let server = TestServer::start(&["-C", &file, "--log-level", "debug"]);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let signature = token.rsplit_once('.').unwrap().1;
    let guess = format!("guessed-{MARK}");
    for (last, (path, headers)) in [
        (format!("/relay?room=hall&token={KEY}"), ""),
        (format!("/relay?room=attic&token={ROOM_KEY}"), ""),
        (format!("/relay?room=attic&token={KEY}"), ""),
        (format!("/relay?room=hall&token={guess}"), ""),
        (format!("/nowhere?token={KEY}"), ""),
        (format!("/signaling?token={guess}"), ""),
        ("/relay?room=hall".to_owned(), &*bearer),
        ("/relay?room=attic".to_owned(), &*bearer),
        (format!("/relay?token={token}x"), ""),
        (format!("/relay?token={KEY}"), "Origin: https://evil.example\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut asked = ask(connect_from([127, 0, 3, last as u8], server.address), &path, headers);
        if asked.status == 101 {
            asked.wire.settle();
        }
    }
    let (key, frame) = ([KEY, ROOM_KEY, &guess, &token], "\"type\":\"register\",\"roomId\":\"hall\"");
    for (last, key) in key.into_iter().enumerate() {
        let connect = || connect_from([127, 0, 4, last as u8], server.address).upgraded();
        // Rightly, twice, too long, and as what is no message.
        for text in [
            format!("{{{frame},\"key\":\"{key}\"}}"),
            format!("{{{frame},\"key\":\"{key}\",\"key\":\"{key}\"}}"),
            format!("{{{frame},\"key\":\"{}\"}}", key.repeat(300)),
            format!("{{{frame},\"key\":\"{key}\"] {key}"),
        ] {
            let mut wire = connect();
            wire.text(&text);
            wire.frame();
        }
    }
    let mut mesh = ask(Wire::connect(server.address), "/mesh", "").let_in();
    mesh.text(&format!(r#"{{"type":"connect","room":"attic","token":"{ROOM_KEY}"}}"#));
    let connected = mesh.frame();
    assert!(connected.text().contains(CREDENTIAL), "the client is told: {connected:?}");
    server.wait_for_log("room=\"attic\" client=");
    let said = format!("{}{}", server.whole_log(), server.banner.join("\n"));
    for secret in [MARK, SECRET, signature] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn check_shows_that_there_are_secrets_and_not_which() {
    let dir = TempDir::new();
    let file = private_file(&dir, "suzu.conf", &config(&dir));
    let (code, listing, err) = run(&["-C", &file, "--check"]);
    assert_eq!((code, &*err), (0, ""), "{listing}");
    assert!(!listing.contains(MARK), "{listing}");
    for line in ["# signaling_key = (secret)", "# room_key = (secret)", "# ice_server = turn:box user ..."] {
        assert!(listing.contains(line), "{line} is missing in {listing}");
    }
}

#[test]
fn a_secret_on_the_command_line_is_refused_with_where_it_belongs() {
    for args in [
        &["--signaling-key", KEY][..],
        &[&format!("--signaling-key={KEY}")],
        &["--room-key", &format!("attic {ROOM_KEY}")],
        &["--ice-server", &format!("turn:box user {CREDENTIAL}")],
    ] {
        let (code, out, err) = run(args);
        assert_eq!((code, &*out), (2, ""), "{args:?}");
        assert!(err.contains("everybody on this machine can read a command line; put `"), "{err}");
        assert!(!err.contains(MARK), "{err}");
    }
}

#[test]
fn a_line_that_cannot_be_used_is_named_without_the_secret() {
    let dir = TempDir::new();
    for line in [
        format!("signaling_key {KEY}"),
        format!("signaling_key {KEY}=="),
        format!("signalling_key = {KEY}"),
        format!("room_key = {ROOM_KEY}"),
        format!("ice_server = turn:box {CREDENTIAL}"),
        format!("ice_server = turn:box user {CREDENTIAL} {CREDENTIAL}"),
        format!("signaling_key = {KEY}\nsignaling_key = {KEY}"),
    ] {
        let file = private_file(&dir, "suzu.conf", &line);
        let (code, _, err) = run(&["-C", &file, "--check"]);
        assert!(code == 2 && err.contains("suzu.conf:") && !err.contains(MARK), "{line}: {err}");
    }
}

#[test]
fn a_configuration_with_a_secret_that_everybody_can_read_is_refused() {
    let dir = TempDir::new();
    for line in [
        format!("signaling_key = {KEY}"),
        format!("room_key = attic {ROOM_KEY}"),
        format!("ice_server = turn:box user {CREDENTIAL}"),
    ] {
        for (mode, is_fine) in [(0o644, false), (0o604, false), (0o640, true), (0o600, true)] {
            let file = file_with_mode(&dir, "suzu.conf", &line, mode);
            let (code, _, err) = run(&["-C", &file, "--check"]);
            assert_eq!(code == 0, is_fine, "{line} with {mode:o}: {err}");
            assert!(is_fine || err.contains(&format!("run: chmod 600 {file}")), "{err}");
        }
    }
    let file = file_with_mode(&dir, "suzu.conf", "max_rooms = 3\nice_server = stun:box", 0o644);
    assert_eq!(run(&["-C", &file, "--check"]).0, 0, "without a secret in it everybody may read it");
}

#[test]
fn a_file_with_a_secret_that_everybody_can_read_is_refused() {
    let dir = TempDir::new();
    let file = file_with_mode(&dir, "secret", SECRET, 0o644);
    let complaint = format!("(mode 644); run: chmod 600 {file}");
    for args in
        [&["--token-secret-file", &*file][..], &["--turn-secret-file", &file, "--turn-uri", "turn:box"]]
    {
        let (_, err) = refused(suzu(&dir.path, args));
        assert!(err.contains(&complaint) && !err.contains(SECRET), "{err}");
    }
    let (code, _, err) = run(&["token", "--room", "a", "--ttl", "1h", "--token-secret-file", &file]);
    assert!(code == 2 && err.contains(&complaint), "{err}");
    for (text, expected) in [("", "it is empty"), ("\n", "it is empty"), ("short\n", "it has 5 bytes")] {
        let file = private_file(&dir, "secret", text);
        let (_, err) = refused(suzu(&dir.path, &["--token-secret-file", &file]));
        assert!(err.contains(expected), "{err}");
    }
    let (_, err) = refused(suzu(&dir.path, &["--token-secret-file", "/dev/zero"]));
    assert!(err.contains("it is not a file"), "{err}");
}

/// A server that systemd has given this directory of credentials.
fn start_with(credentials: &TempDir, args: &[&str]) -> TestServer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "127.0.0.1:0"]).args(args).env("CREDENTIALS_DIRECTORY", &credentials.path);
    TestServer::start_command(command, TempDir::new())
}

fn status(server: &TestServer, credential: &str) -> u16 {
    ask(Wire::connect(server.address), &format!("/relay?room=door&token={credential}"), "").status
}

#[test]
fn credentials_of_systemd_are_taken_where_the_configuration_has_none() {
    let credentials = TempDir::new();
    file_with_mode(&credentials, "signaling_key", &format!("{KEY}\n"), 0o400);
    let token_secret = file_with_mode(&credentials, "token_secret", SECRET, 0o440);
    file_with_mode(&credentials, "turn_secret", TURN_SECRET, 0o400);
    file_with_mode(
        &credentials,
        "room_keys",
        &format!("attic {ROOM_KEY}\n\nroof garden {ROOM_KEY}\n"),
        0o400,
    );
    let token = mint(&token_secret, &["--room", "door", "--ttl", "1h"]);

    let server = start_with(&credentials, &["--turn-uri", "turn:box"]);
    for room in ["attic", "roof%20garden"] {
        let wire = connect_from([127, 0, 3, 1], server.address);
        ask(wire, &format!("/relay?room={room}&token={ROOM_KEY}"), "").let_in();
    }
    assert_eq!([status(&server, KEY), status(&server, &token), status(&server, "x")], [101, 101, 401]);
    let mut wire = Wire::open(server.address);
    wire.text(&format!(r#"{{"type":"register","roomId":"door","key":"{KEY}"}}"#));
    assert!(wire.frame().text().contains(r#""iceServers":[{"urls":["turn:box"],"username":"#));

    let dir = TempDir::new();
    let file = private_file(&dir, "suzu.conf", "signaling_key = another\n");
    let server = start_with(&credentials, &["-C", &file, "--turn-uri", "turn:box"]);
    assert_eq!([status(&server, "another"), status(&server, KEY)], [101, 401], "the configuration wins");
}

#[test]
fn a_line_that_is_no_room_key_is_named_and_not_shown() {
    let (credentials, state) = (TempDir::new(), TempDir::new());
    let file = file_with_mode(&credentials, "room_keys", &format!("attic {ROOM_KEY}\n{ROOM_KEY}\n"), 0o400);
    let mut command = suzu(&state.path, &[]);
    command.env("CREDENTIALS_DIRECTORY", &credentials.path);
    let (_, err) = refused(command);
    assert!(
        err.contains(&format!("room_keys: {file}:2: it is not a room and a key; allowed: a room, a space")),
        "{err}"
    );
    assert!(!err.contains(MARK), "{err}");
}

#[test]
fn a_credential_of_systemd_that_everybody_can_read_is_refused() {
    let (credentials, state) = (TempDir::new(), TempDir::new());
    for name in ["signaling_key", "token_secret"] {
        let file = file_with_mode(&credentials, name, SECRET, 0o444);
        let mut command = suzu(&state.path, &[]);
        command.env("CREDENTIALS_DIRECTORY", &credentials.path);
        let (_, err) = refused(command);
        assert!(err.contains(&format!("run: chmod 600 {file}")), "{err}");
        std::fs::remove_file(file).unwrap();
    }
}
