//! The authn webhook of the real server: who is let in, and that whatever a webhook does, others notice nothing of it.

#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod common;
mod webhook_rig;

use common::{
    scene::Scene,
    server::{TempDir, TestServer, wait_until},
    start::{refused, suzu},
    wire::{Bystanders, CLOSE, HANDSHAKE, Wire},
};
use socket2::SockRef;
use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};
use webhook_rig::{
    backend::{ALLOWED, Backend, Gate, pause, reply},
    read_to_end,
};

const FAILED: &str = r#"{"type":"reject","reason":"InternalServerError"}"#;

fn register(room: &str) -> String {
    format!(r#"{{"type":"register","roomId":"{room}"}}"#)
}

/// The next frame is this text, and then comes Close 1000.
fn rejected(wire: &mut Wire, text: &str) {
    assert_eq!(wire.frame().text(), text);
    let close = wire.frame();
    assert_eq!((close.first, close.close_code(), close.close_reason()), (CLOSE, 1000, ""));
}

/// A WebSocket on this path with these headers.
fn open(server: &TestServer, path: &str, headers: &str) -> Wire {
    let mut wire = Wire::connect(server.address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{headers}{HANDSHAKE}\r\n").as_bytes());
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    wire
}

#[test]
fn the_authority_hears_all_and_what_it_gives_is_handed_on() {
    let backend = Backend::answering(|_| {
        r#"{"allowed":true,"iceServers":[{"urls":["turn:a","turn:b"],"username":"u","credential":"c"},{"urls":["stun:d"]}],"authzMetadata":{"b" : [1.0,1e2],"a":"\u0041"}}"#.to_owned()
    });
    let server = TestServer::start(&["--authn-webhook-url", &backend.url()]);
    let mut client = Wire::open(server.address);
    client.text(
        r#"{"type":"register","environment":"E","libwebrtc":"L","ayameClient":"A","authnMetadata":{"z" : 1.50, "a":[null,"\u0041"]},"key":"K","clientId":"alice","roomId":"door","standalone":false}"#,
    );
    let accept = client.frame();
    let (head, given) =
        accept.text().split_at(accept.text().find(r#","iceServers""#).expect("what was given"));
    assert_eq!(
        given,
        r#","iceServers":[{"urls":["turn:a","turn:b"],"username":"u","credential":"c"},{"urls":["stun:d"]}],"authzMetadata":{"b" : [1.0,1e2],"a":"\u0041"}}"#
    );
    let connection = head.split('"').nth(7).unwrap();
    assert_eq!(connection.len(), 26, "{head}");

    let asked = backend.wait_for(1);
    assert_eq!(
        asked[0].body,
        format!(
            r#"{{"roomId":"door","clientId":"alice","connectionId":"{connection}","signalingKey":"K","authnMetadata":{{"z" : 1.50, "a":[null,"\u0041"]}},"ayameClient":"A","libwebrtc":"L","environment":"E"}}"#
        )
    );
    assert!(asked[0].head.starts_with("POST /authn?key=secret HTTP/1.1\r\n"), "{}", asked[0].head);
    assert_eq!(asked[0].headers("Content-Type"), ["application/json"]);
    assert_eq!(asked[0].headers("Host"), [backend.server.address.to_string()]);

    let mut second = Wire::open(server.address);
    second.text(&register("door"));
    let accept = second.frame().text().to_owned();
    let asked = backend.wait_for(2);
    let id = asked[1].get("connectionId");
    assert_eq!(asked[1].body, format!(r#"{{"roomId":"door","clientId":"{id}","connectionId":"{id}"}}"#));
    assert!(accept.contains(&id) && accept.contains(r#""isExistUser":true"#), "{accept}");
    assert_eq!(backend.server.connections(), 1, "connections are kept");
    assert_eq!(server.log(), "", "none of this is worth a line");
}

#[test]
fn a_denied_client_hears_the_reason_and_an_allowed_one_can_find_the_room_full() {
    let backend = Backend::answering(|asked| match asked.get("roomId").as_str() {
        "closed" => r#"{"allowed":false,"reason":"come \"tomorrow\""}"#.to_owned(),
        _ => ALLOWED.to_owned(),
    });
    let mut scene = Scene::new(&["--authn-webhook-url", &backend.url()]);
    let mut denied = scene.open();
    denied.text(&register("closed"));
    rejected(&mut denied, r#"{"type":"reject","reason":"come \"tomorrow\""}"#);
    let mut late = scene.open();
    late.text(&register("bystanders"));
    // Only who is heard keeps its seat.
    wait_until("full", || {
        scene.bystanders.exchange();
        scene.server.log().contains("reason=\"full\"")
    });
    rejected(&mut late, r#"{"type":"reject","reason":"full"}"#);
    assert_eq!(backend.asked().len(), 4, "the verdict came before the seat");
    scene.end();
}

#[test]
fn whatever_is_wrong_with_an_answer_only_the_one_asked_about_notices() {
    let backend = Backend::start(|_, asked, stream| match asked.get("roomId").as_str() {
        "hangs" => {
            read_to_end(stream);
            false
        }
        "resets" => {
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
            false
        }
        "ends" => false,
        "500" => reply(stream, 500, ALLOWED),
        "204" => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_ok(),
        "302" => {
            stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n").is_ok()
        }
        "nonsense" => reply(stream, 200, "<html>it works</html>"),
        "no http" => stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").is_ok(),
        "missing" => reply(stream, 200, r#"{"reason":"no"}"#),
        "no reason" => reply(stream, 200, r#"{"allowed":false}"#),
        "urls" => reply(stream, 200, r#"{"allowed":true,"iceServers":[{"urls":"stun:a"}]}"#),
        "huge" => {
            let mut chunk = vec![b' '; 64 * 1024];
            chunk[..16].copy_from_slice(ALLOWED.as_bytes());
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
            (0..160).all(|_| stream.write_all(&chunk).is_ok())
        }
        "slow" => {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{ALLOWED:1000}");
            answer.bytes().all(|byte| {
                pause(Duration::from_millis(5));
                stream.write_all(&[byte]).is_ok()
            })
        }
        _ => reply(stream, 200, ALLOWED),
    });
    let args = ["--authn-webhook-url", &backend.url(), "--webhook-request-timeout-sec", "0.5"];
    let mut scene = Scene::new(&[&args[..], &["--reject-delay-max-sec", "0"]].concat());
    let cases = [
        ("hangs", "it took too long: the answer did not come"),
        ("resets", "the connection broke"),
        ("ends", "the connection ended before the answer did"),
        ("500", "it answered with 500"),
        ("204", "it answered with 204"),
        ("302", "it answered with 302"),
        ("nonsense", "its answer cannot be used: it is not a JSON object"),
        ("no http", "the answer is not HTTP/1.1"),
        ("missing", "its answer cannot be used: it is not a JSON object with allowed"),
        ("no reason", "its answer cannot be used: it says false, and no reason"),
        ("urls", "its answer cannot be used: its iceServers"),
        ("huge", "the answer is longer than 64 KiB"),
        ("slow", "it took too long: the answer did not come"),
    ];
    // All at once, and the bystanders talk meanwhile.
    let mut asking: Vec<_> = cases
        .iter()
        .map(|(room, _)| {
            let mut wire = scene.open();
            wire.text(&register(room));
            wire
        })
        .collect();
    let start = Instant::now();
    for _ in 0..20 {
        scene.bystanders.exchange();
    }
    assert!(start.elapsed() < Duration::from_millis(450), "20 exchanges took {:?}", start.elapsed());
    for wire in &mut asking {
        rejected(wire, FAILED);
    }
    let faults = scene.faults().join("\n");
    for (room, why) in cases {
        let url = format!("http://{}/authn after ", backend.server.address);
        let is_there = |line: &str| line.contains(&url) && line.contains(why);
        assert!(faults.lines().any(is_there), "{room}: {faults}");
    }
    assert!(!faults.contains("secret"), "the query is not logged: {faults}");
    scene.join("well").settle();
    scene.end();
}

#[test]
fn a_host_that_does_not_resolve_or_takes_no_connection_lets_nobody_in() {
    let refusing = format!("http://{}/", webhook_rig::refusing());
    for (url, why) in [
        ("http://nowhere.invalid/authn", "its name cannot be resolved"),
        (&*refusing, "it takes no connection: Connection refused"),
    ] {
        let server = TestServer::start(&["--authn-webhook-url", url, "--webhook-request-timeout-sec", "4"]);
        let mut others = Bystanders::of([(); 2].map(|()| open(&server, "/relay?room=r", "")));
        let mut client = Wire::open(server.address);
        client.text(&register("door"));
        others.exchange();
        rejected(&mut client, FAILED);
        server.wait_for_log(why);
        others.exchange();
    }
}

#[test]
fn what_a_client_says_while_it_is_asked_about_waits_in_its_socket() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::start(move |_, asked, stream| {
        if asked.get("clientId") == "eager" {
            held.wait();
        }
        reply(stream, 200, ALLOWED)
    });
    let server = TestServer::start(&["--authn-webhook-url", &backend.url()]);
    let mut mate = Wire::join(server.address, "door");
    let mut eager = Wire::open(server.address);
    eager.text(r#"{"type":"register","roomId":"door","clientId":"eager"}"#);
    let offers: Vec<_> =
        (0..200).map(|n| format!(r#"{{"type":"offer","sdp":"{n} {}"}}"#, "x".repeat(1_000))).collect();
    offers.iter().for_each(|offer| eager.text(offer));
    backend.wait_for(2);
    mate.settle();
    gate.open();
    assert!(eager.frame().text().contains(r#""isExistUser":true"#));
    for offer in offers {
        assert_eq!(mate.frame().text(), offer);
    }
}

#[test]
fn one_more_than_may_be_asked_about_is_rejected_at_once() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::start(move |_, _, stream| {
        held.wait();
        reply(stream, 200, ALLOWED)
    });
    let server = TestServer::start(&["--authn-webhook-url", &backend.url(), "--max-pending-webhooks", "2"]);
    let ask = |room: &str| {
        let mut wire = Wire::open(server.address);
        wire.text(&register(room));
        wire
    };
    let mut first = [ask("a"), ask("b")];
    backend.wait_for(2);
    let start = Instant::now();
    rejected(&mut ask("c"), FAILED);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    server.wait_for_log("2 others are (max_pending_webhooks)");
    gate.open();
    for wire in &mut first {
        assert!(wire.frame().text().contains(r#""type":"accept""#));
    }
    assert!(ask("c").frame().text().contains(r#""type":"accept""#));
    assert_eq!(backend.asked().len(), 3, "the one too many was never asked about");
}

#[test]
fn who_leaves_is_asked_about_no_longer() {
    let (ended, ends) = std::sync::mpsc::channel();
    let backend = Backend::start(move |_, asked, stream| {
        if asked.get("roomId") == "left" {
            let is_end = matches!(stream.read(&mut [0]), Ok(0) | Err(_));
            ended.send(is_end).unwrap();
            return false;
        }
        reply(stream, 200, ALLOWED)
    });
    let server = TestServer::start(&["--authn-webhook-url", &backend.url(), "--max-pending-webhooks", "1"]);
    for reset in [false, true] {
        let mut leaver = Wire::open(server.address);
        leaver.text(&register("left"));
        backend.wait_for(1 + 2 * usize::from(reset));
        if reset {
            SockRef::from(&leaver.stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(leaver);
        assert!(ends.recv_timeout(Duration::from_secs(4)).unwrap(), "its call is given up before its time");
        drop(Wire::join(server.address, "door"));
    }
    assert!(!server.log().contains("no verdict"), "{}", server.log());
}

#[test]
fn two_hundred_others_are_served_while_one_webhook_stalls() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::start(move |_, asked, stream| {
        if asked.get("roomId") == "stalled" {
            held.wait();
        }
        reply(stream, 200, ALLOWED)
    });
    let server = TestServer::start(&["--authn-webhook-url", &backend.url()]);
    let mut stalled = Wire::open(server.address);
    stalled.text(&register("stalled"));
    backend.wait_for(1);
    let mut pairs: Vec<_> = (0..100)
        .map(|n| Bystanders::of([(); 2].map(|()| Wire::join(server.address, &format!("room {n}")))))
        .collect();
    pairs.iter_mut().for_each(Bystanders::exchange);
    gate.open();
    assert!(stalled.frame().text().contains(r#""type":"accept""#), "it was asked about all that time");
    pairs.iter_mut().for_each(Bystanders::exchange);
}

#[test]
fn a_webhook_that_could_never_work_is_refused_at_the_start() {
    let dir = TempDir::new();
    for (args, code, wrong) in [
        (&["--authn-webhook-url", "ftp://a/"][..], 2, "--authn-webhook-url: a webhook begins with http://"),
        (&["--copy-websocket-header-names", "Host"], 2, "--copy-websocket-header-names: \"Host\" says"),
        (
            &["--authn-webhook-url", "http://a/", "--webhook-request-timeout-sec", "55"],
            2,
            "webhook_request_timeout_sec: 55s would let clients seem dead",
        ),
    ] {
        let (exit, complaint) = refused(suzu(&dir.path, args));
        assert!(exit == code && complaint.contains(wrong), "{args:?}: {exit} {complaint}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn https_goes_by_the_authorities_of_the_machine_which_sighup_reads_again() {
    // A server with an authority of its own that answers every POST, if only with 404.
    let other = TestServer::start(&[]);
    let stranger = TestServer::start(&[]);
    let (dir, state) = (TempDir::new(), TempDir::new());
    let roots = dir.join("roots.pem");
    let url = format!("https://{}/authn", other.address);
    let start = |roots: &std::path::Path| {
        let mut command = suzu(&state.path, &["--authn-webhook-url", &url, "--tls", "off"]);
        command.env("SSL_CERT_FILE", roots);
        command
    };
    let (exit, complaint) = refused(start(&roots));
    assert!(exit == 1 && complaint.contains("authn_webhook_url: "), "{exit} {complaint}");

    std::fs::copy(stranger.state.join("authority.pem"), &roots).unwrap();
    let server = TestServer::start_command(start(&roots), TempDir::new());
    let ask = || {
        let mut wire = Wire::open(server.address);
        wire.text(&register("door"));
        rejected(&mut wire, FAILED);
    };
    ask();
    server.wait_for_log("reason=\"TLS: ");
    let reload = |count: usize| {
        server.signal("HUP");
        let line = "looking again where webhooks are";
        wait_until("a reload", || server.whole_log().matches(line).count() == count);
    };
    std::fs::copy(other.state.join("authority.pem"), &roots).unwrap();
    reload(1);
    ask();
    server.wait_for_log("it answered with 404");
    std::fs::write(&roots, "").unwrap();
    reload(2);
    server.wait_for_log("webhooks go on with what was read before");
    ask();
    wait_until("another answer", || server.whole_log().matches("it answered with 404").count() == 2);
}
