//! What those who look after the server may ask over its admin socket, and that nobody else may.

mod common;

use common::{
    server::{TempDir, TestServer, wait_until},
    start::{refused, suzu},
    unix::{ask, connect},
    wire::{Bystanders, Frame, HANDSHAKE, Wire},
};
use serde_json::{Value, json};
use socket2::{Domain, SockAddr, Socket, Type};
use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::PathBuf,
};

fn start(args: &[&str]) -> (TestServer, PathBuf) {
    let state = TempDir::new();
    let socket = state.join("admin.sock");
    let mut all = vec!["--admin-socket", socket.to_str().unwrap()];
    all.extend(args);
    let server = TestServer::start_in(state, &all);
    (server, socket)
}

/// A WebSocket on a path.
fn open(server: &TestServer, path: &str) -> Wire {
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    assert!(wire.head().starts_with("HTTP/1.1 101 "));
    wire
}

fn entry(list: &Value, key: &str, value: &str) -> Value {
    let list = list.as_array().unwrap();
    list.iter().find(|entry| entry[key] == value).unwrap_or_else(|| panic!("no {value}: {list:?}")).clone()
}

fn closes(wire: &mut Wire) -> Frame {
    let mut frame = wire.frame();
    while frame.first != common::wire::CLOSE {
        frame = wire.frame();
    }
    frame
}

#[test]
fn rooms_and_clients_are_listed() {
    let (server, socket) = start(&[]);
    assert_eq!(ask(&socket, "GET /rooms"), (200, json!({ "rooms": [] })));
    let mut ayame = Wire::open(server.address);
    ayame.text(r#"{"type":"register","roomId":"front door","clientId":"bell"}"#);
    ayame.frame();
    let mut mesh = open(&server, "/mesh");
    mesh.text(r#"{"type":"connect","room":"hall","id":"tablet"}"#);
    mesh.frame();
    let _chat = open(&server, "/chat?room=talk");
    let (status, rooms) = ask(&socket, "GET /rooms");
    assert_eq!(status, 200);
    for (room, dialect) in [("front door", "ayame"), ("hall", "mesh"), ("talk", "chat")] {
        let expected = json!({ "room": room, "dialect": dialect, "seats": 1 });
        assert_eq!(entry(&rooms["rooms"], "room", room), expected);
    }
    let (_, clients) = ask(&socket, "GET /clients");
    assert_eq!(clients["clients"].as_array().unwrap().len(), 3);
    let bell = entry(&clients["clients"], "client", "bell");
    assert_eq!((&bell["room"], &bell["address"]), (&json!("front door"), &json!("127.0.0.1")));
    assert_eq!(entry(&clients["clients"], "room", "talk")["client"], Value::Null);
}

#[test]
fn a_room_is_ended_and_nobody_else_notices() {
    let (server, socket) = start(&["--resume-grace-sec", "3600"]);
    let mut bystanders = Bystanders::seat(server.address);
    let mut pair = [(); 2].map(|()| Wire::join(server.address, "a/b \u{9234}"));
    let mut mesh = open(&server, "/mesh");
    mesh.text(r#"{"type":"connect","room":"a/b 鈴","id":"here"}"#);
    mesh.frame();
    let mut absent = open(&server, "/mesh");
    absent.text(r#"{"type":"connect","room":"a/b 鈴","id":"away"}"#);
    absent.frame();
    mesh.frame();
    drop(absent);
    let clients = || ask(&socket, "GET /clients").1["clients"].as_array().unwrap().len();
    wait_until("the absent one to be gone", || clients() == 5);
    assert_eq!(ask(&socket, "DELETE /rooms/a%2Fb%20%E9%88%B4"), (200, json!({ "ended": 2 })));
    for wire in &mut pair {
        assert_eq!(wire.frame().text(), r#"{"type":"bye"}"#);
        closes(wire);
    }
    assert_eq!((closes(&mut mesh).close_code(), clients()), (1008, 2));
    assert_eq!(ask(&socket, "DELETE /rooms/a%2Fb%20%E9%88%B4").0, 404);
    bystanders.exchange();
}

#[test]
fn a_client_is_let_go() {
    let (server, socket) = start(&[]);
    let mut bystanders = Bystanders::seat(server.address);
    let mut talkers = ["one", "two"].map(|id| {
        let mut wire = open(&server, "/mesh");
        wire.text(&format!(r#"{{"type":"connect","room":"hall","id":"{id}"}}"#));
        wire.frame();
        wire
    });
    talkers[0].frame();
    let (_, clients) = ask(&socket, "GET /clients");
    let id = entry(&clients["clients"], "client", "one")["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&socket, &format!("DELETE /clients/{id}")), (200, json!({ "ended": 1 })));
    let close = closes(&mut talkers[0]);
    assert_eq!((close.close_code(), close.close_reason()), (1008, "dismissed"));
    let news: Value = serde_json::from_str(talkers[1].frame().text()).unwrap();
    assert_eq!(news, json!({ "type": "peer-disconnected", "peer": { "id": "one" }, "reason": "dismissed" }));
    assert_eq!(ask(&socket, &format!("DELETE /clients/{id}")).0, 404);
    bystanders.exchange();
}

#[test]
fn a_reload_is_answered_by_what_came_of_it() {
    let state = TempDir::new();
    let (file, socket) = (state.join("suzu.conf"), state.join("admin.sock"));
    fs::write(&file, format!("admin_socket = {}\n", socket.display())).unwrap();
    let server = TestServer::start_in(state, &["-C", file.to_str().unwrap()]);
    assert_eq!(ask(&socket, "POST /reload"), (200, json!({ "reloaded": true, "needs_restart": [] })));
    fs::write(&file, "max_clients = 5\n").unwrap();
    let expected = json!({ "reloaded": true, "needs_restart": ["max_clients", "admin_socket"] });
    assert_eq!(ask(&socket, "POST /reload"), (200, expected));
    fs::write(&file, "max_clients = none\n").unwrap();
    let (status, answer) = ask(&socket, "POST /reload");
    assert_eq!(status, 422);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("suzu.conf:1: max_clients: \"none\" is not a whole number")
    );
    drop(server);
}

#[test]
fn it_is_only_for_those_who_run_the_server() {
    let (server, socket) = start(&[]);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    for line in ["GET /rooms", "GET /clients", "DELETE /rooms/a", "POST /reload"] {
        let answer =
            Wire::connect(server.address).exchange(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404 "), "{line}: {answer}");
    }
    // And it is for nothing else.
    assert_eq!(ask(&socket, "GET /signaling").0, 404);
    for (line, status) in
        [("POST /rooms", 405), ("GET /reload", 405), ("DELETE /rooms/%zz", 400), ("GET /", 404)]
    {
        let (found, answer) = ask(&socket, line);
        assert_eq!((found, answer["error"].is_string()), (status, true), "{line}: {answer}");
    }
    let nonsense = connect(&socket).exchange(b"\x16\x03\x01\x02\x00nonsense\r\n\r\n");
    assert!(nonsense.starts_with("HTTP/1.1 400 "), "{nonsense}");
}

#[test]
fn half_a_request_is_given_up_and_only_so_many_are_there() {
    let (server, socket) = start(&["--head-timeout-sec", "0.3"]);
    let mut bystanders = Bystanders::seat(server.address);
    let mut halves: Vec<_> = (0..4)
        .map(|_| {
            let mut half = connect(&socket);
            half.send(b"DELETE /rooms/bystan");
            half
        })
        .collect();
    let mut fifth = connect(&socket);
    assert_eq!(fifth.rest(), b"", "it is turned away");
    for half in &mut halves {
        let answer = String::from_utf8(half.rest()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    drop(halves);
    wait_until("a place", || {
        !connect(&socket).exchange(b"GET /rooms HTTP/1.1\r\nHost: a\r\n\r\n").is_empty()
    });
    bystanders.exchange();
}

#[test]
fn the_socket_goes_with_the_server_and_what_a_crash_left_gives_way() {
    let (mut server, socket) = start(&[]);
    server.signal("KILL");
    server.wait();
    assert!(socket.exists(), "a crash leaves it");
    let state = std::mem::replace(&mut server.state, TempDir::new());
    let socket_text = socket.to_str().unwrap().to_owned();
    let mut again = TestServer::start_in(state, &["--admin-socket", &socket_text]);
    assert_eq!(ask(&socket, "GET /rooms").0, 200);
    // Another one does not take it away from a server that is there.
    let other = std::process::Command::new(env!("CARGO_BIN_EXE_suzu"))
        .args(["--listen", "127.0.0.1:0", "--tls", "off", "--admin-socket", &socket_text])
        .output()
        .unwrap();
    let complaint = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(complaint.contains(&format!("cannot listen on unix:{socket_text}: ")), "{complaint}");
    again.signal("TERM");
    assert!(again.wait().success());
    assert!(!socket.exists());
}

#[test]
fn the_socket_of_somebody_else_is_left_alone() {
    let state = TempDir::new();
    let (datagrams, busy) = (state.join("datagrams"), state.join("busy"));
    let _datagram = UnixDatagram::bind(&datagrams).unwrap();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(&busy).unwrap()).unwrap();
    listener.listen(0).unwrap();
    // Nobody takes it in, and for another one there is no place.
    let _first = connect(&busy);
    let long = state.join(&"x".repeat(108));
    for (path, why) in
        [(&datagrams, "address in use"), (&busy, "address in use"), (&long, "path must be shorter")]
    {
        let (code, complaint) =
            refused(suzu(&state.path, &["--tls", "off", "--admin-socket", path.to_str().unwrap()]));
        let expected = format!("suzu: cannot listen on unix:{}: {why}", path.display());
        assert!(code == 1 && complaint.starts_with(&expected), "{complaint}");
    }
    let (mut old, socket) = start(&[]);
    fs::remove_file(&socket).unwrap();
    let _new = TestServer::start(&["--admin-socket", socket.to_str().unwrap()]);
    old.signal("TERM");
    assert!(old.wait().success());
    assert_eq!(ask(&socket, "GET /rooms").0, 200);
}
