//! The signaling log: what is kept of which messages, and that nothing depends on whether it can be written.

mod common;

use common::{
    access::ask,
    server::{TempDir, TestServer, wait_until},
    start::{refused, suzu},
    wire::{BINARY, Bystanders, Wire, frame},
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// A server that keeps messages in its state directory.
fn start(args: &[&str]) -> TestServer {
    let state = TempDir::new();
    let dir = state.path.to_str().unwrap().to_owned();
    TestServer::start_in(state, &[&["--signaling-log", "true", "--log-dir", &dir], args].concat())
}

/// What was kept, once so many lines are there.
fn kept(path: &Path, count: usize) -> Vec<Value> {
    let text = || fs::read_to_string(path).unwrap_or_default();
    wait_until("lines", || text().matches('\n').count() >= count);
    text().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn a_message_is_a_line_with_ayames_fields_and_no_secret() {
    let server = start(&[]);
    let path = server.state.join("signaling.jsonl");
    let mut alice = Wire::open(server.address);
    alice.text(r#"{"type":"register","roomId":"door","clientId":"alice","key":"hush","x":1.50}"#);
    let accept: Value = serde_json::from_str(alice.frame().text()).unwrap();
    let offer = r#"{"type": "offer","sdp":"v=0\r\n"}"#;
    for text in [r#"{"type":"pong"}"#, offer, r#"{"type":"bye"}"#] {
        alice.text(text);
    }
    let lines = kept(&path, 3);
    let id = &accept["connectionId"];
    let line = |kind: &str, raw: &str| {
        json!({
            "level": "INFO", "message": "signaling", "domain": "signaling", "roomId": "door", "clientId": "alice",
            "connectionId": id, "connection": "0.1", "dialect": "ayame", "type": kind, "rawMessage": raw,
        })
    };
    let register = r#"{"type":"register","roomId":"door","clientId":"alice","key":"(secret)","x":1.50}"#;
    let without_time = |line: &Value| {
        let mut line = line.clone();
        assert!(line.as_object_mut().unwrap().remove("time").unwrap().as_str().unwrap() > "2026");
        line
    };
    assert_eq!(
        lines.iter().map(without_time).collect::<Vec<_>>(),
        [line("register", register), line("offer", offer), line("bye", r#"{"type":"bye"}"#)],
        "whoever says bye is known to the last"
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "addresses are private");
    assert!(!server.whole_log().contains("v=0"));
}

#[test]
fn all_dialects_are_kept_and_whoever_is_rejected() {
    let server = start(&["--max-id-bytes", "16"]);
    let mut wires = Vec::new();
    for (path, text) in [
        ("/mesh", r#"{"type":"connect","room":"home","id":"pi","token":"hush"}"#),
        ("/ws?room=yard", r#"{"type":"connect","id":"7"}"#),
        ("/chat?room=bar", "hello"),
        ("/signaling", r#"{"type":"register","roomId":"a room that has a long name"}"#),
        ("/signaling", r#"{"type":"register","key":"hush""#),
    ] {
        let mut wire = ask(Wire::connect(server.address), path, "").let_in();
        wire.text(text);
        wire.frame();
        wires.push(wire);
    }
    wires[2].send(&frame(BINARY, b"1234567"));
    let lines = kept(&server.state.join("signaling.jsonl"), 6);
    let field =
        |name: &str| lines.iter().map(|line| line[name].as_str().unwrap_or("none")).collect::<Vec<_>>();
    assert_eq!(field("dialect"), ["mesh", "mailbox", "chat", "ayame", "ayame", "chat"]);
    assert_eq!(field("roomId"), ["home", "yard", "bar", "a room that has a long name", "", "bar"]);
    assert_eq!(field("clientId"), ["pi", "7", "", "", "", ""]);
    assert_eq!(field("type"), ["connect", "connect", "", "register", "", ""]);
    assert_eq!(field("rawMessage")[2], "hello");
    assert_eq!((&field("rawMessage")[4..], &lines[5]["bytes"]), (&["none", "none"][..], &json!(7)));
    let text = fs::read_to_string(server.state.join("signaling.jsonl")).unwrap();
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn filters_name_what_is_kept() {
    let server = start(&["--signaling-log-filters", "offer, pong", "--signaling-log-name", "some.jsonl"]);
    let mut alice = Wire::join(server.address, "door");
    for text in
        [r#"{"type":"offer"}"#, r#"{"type":"answer"}"#, r#"{"type":"pong"}"#, r#"{"type":"offer","n":2}"#]
    {
        alice.text(text);
    }
    let lines = kept(&server.state.join("some.jsonl"), 3);
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["offer", "pong", "offer"]);
    assert_eq!(lines[0]["clientId"], lines[0]["connectionId"], "who gives no id has ours");
}

#[test]
fn by_default_nothing_is_kept() {
    let state = TempDir::new();
    let dir = state.path.to_str().unwrap().to_owned();
    let server = TestServer::start_in(state, &["--log-dir", &dir, "--tls", "off"]);
    Bystanders::seat(server.address);
    assert_eq!(fs::read_dir(&server.state.path).unwrap().count(), 0);
}

#[test]
fn a_full_disk_is_said_once_and_signaling_goes_on() {
    let args = ["--signaling-log", "true", "--log-dir", "/dev", "--signaling-log-name", "full"];
    let mut server = TestServer::start(&args);
    let mut bystanders = Bystanders::seat(server.address);
    for _ in 0..50 {
        bystanders.exchange();
    }
    let log = server.log();
    assert_eq!(log.lines().count(), 1, "{log}");
    let expected = "ERROR [suzu::host::line_file] the signaling log: /dev/full cannot be written, lines are lost \
        reason=\"No space left on device (os error 28)\"";
    assert_eq!(log.trim_end(), expected);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    server.wait_for_log("the signaling log: /dev/full is not written any more, 10");
}

#[test]
fn after_a_rotation_and_a_sighup_there_is_a_new_file() {
    let server = start(&[]);
    let (path, rotated) = (server.state.join("signaling.jsonl"), server.state.join("signaling.jsonl.1"));
    let mut bystanders = Bystanders::seat(server.address);
    let before = kept(&path, 4).len();
    fs::rename(&path, &rotated).unwrap();
    bystanders.exchange();
    assert_eq!(kept(&rotated, before + 2).len(), before + 2, "until it is told, it goes on where it was");
    server.signal("HUP");
    server.wait_for_log("the configuration was read again");
    bystanders.exchange();
    let types: Vec<_> = kept(&path, 2).iter().map(|line| line["type"].clone()).collect();
    assert_eq!(types, ["offer", "answer"]);
    assert_eq!(kept(&rotated, 0).len(), before + 2);
}

#[test]
fn it_is_turned_on_and_off_while_the_server_runs() {
    let state = TempDir::new();
    let file = state.join("suzu.conf");
    let text = format!("log_dir = {}\nsignaling_log = ", state.path.display());
    fs::write(&file, format!("{text}false\n")).unwrap();
    let server = TestServer::start_in(state, &["-C", file.to_str().unwrap()]);
    let path = server.state.join("signaling.jsonl");
    let mut bystanders = Bystanders::seat(server.address);
    let mut reloads = 0;
    let mut reload = |text: String, line: &str| {
        fs::write(&file, text).unwrap();
        server.signal("HUP");
        reloads += usize::from(line.contains("again"));
        wait_until("the reload", || server.whole_log().matches(line).count() >= reloads.max(1));
    };
    reload(format!("{text}true\n"), "was read again");
    bystanders.exchange();
    assert_eq!(kept(&path, 2).len(), 2);
    reload(format!("{text}true\nsignaling_log_name = nowhere/a\n"), "stays as it is: the signaling log: ");
    bystanders.exchange();
    assert_eq!(kept(&path, 4).len(), 4);
    reload(format!("{text}false\n"), "was read again");
    bystanders.exchange();
    assert_eq!(kept(&path, 4).len(), 4);
}

#[test]
fn a_file_that_cannot_be_opened_ends_the_start() {
    let state = TempDir::new();
    let (code, complaint) =
        refused(suzu(&state.path, &["--tls", "off", "--signaling-log", "true", "--log-dir", "/nowhere"]));
    assert_eq!(code, 1);
    assert_eq!(
        complaint,
        "suzu: the signaling log: /nowhere/signaling.jsonl: No such file or directory (os error 2)\n"
    );
}
