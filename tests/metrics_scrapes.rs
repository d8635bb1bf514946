//! Who may read the metrics and where, and that a scrape gets its answer whatever the server is about to do.

mod common;

use common::{
    access::{connect_from, file_with_mode, request, run},
    netns::is_alone,
    scrape::{Scrape, scrape_until},
    server::{TempDir, TestServer, wait_until},
    wire::{Wire, tcp, with_deadlines},
};
use socket2::{Domain, Socket, Type};
use std::{fs, net::SocketAddr};

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: a\r\n";

/// The status and the body of an answer.
fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let answer = Wire::connect(address).exchange(request.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn metrics_are_for_this_machine_and_the_local_network() {
    let args = ["--trusted-proxies", "127.0.0.1", "--allow-from", "any"];
    let server = TestServer::start(&args);
    for (client, expected) in [
        ("127.0.0.1", 200),
        ("192.168.1.9", 200),
        ("fd00::9", 200),
        ("203.0.113.9", 403),
        ("2001:db8::9", 403),
    ] {
        let (status, body) = ask(server.address, &format!("{GET}X-Forwarded-For: {client}\r\n\r\n"));
        assert_eq!(status, expected, "{client}: {body}");
        if expected == 403 {
            let words = "metrics are not for this address; allow_metrics_from would allow it\n";
            assert_eq!(body, words);
        }
    }
}

#[test]
fn allow_metrics_from_says_who_else() {
    let server = TestServer::start(&["--allow-metrics-from", "127.0.0.2,203.0.113.0/24"]);
    for (client, expected) in [([127, 0, 0, 1], 200), ([127, 0, 0, 2], 200), ([127, 0, 0, 3], 200)] {
        let asked = request(connect_from(client, server.address), "/metrics", "");
        assert_eq!(asked.status, expected, "all of 127.0.0.0/8 is this machine");
    }
    let server = TestServer::start(&[
        "--allow-metrics-from",
        "any",
        "--trusted-proxies",
        "127.0.0.1",
        "--allow-from",
        "any",
    ]);
    assert_eq!(ask(server.address, &format!("{GET}X-Forwarded-For: 203.0.113.9\r\n\r\n")).0, 200);
}

#[test]
fn metrics_are_read_and_nothing_else() {
    let server = TestServer::start(&[]);
    let (status, body) = ask(server.address, "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((status, &*body), (200, ""));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(ask(server.address, &format!("{method} /metrics HTTP/1.1\r\nHost: a\r\n\r\n")).0, 405);
    }
    // No page of the internet reads them through somebody's browser.
    assert_eq!(ask(server.address, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n").0, 403);
    let (code, _, complaint) = run(&["--route", "/metrics ayame"]);
    assert!(
        code == 2 && complaint.contains("\"/metrics\" is not a path that can be given away"),
        "{complaint}"
    );
}

#[test]
fn an_address_of_their_own_has_them_and_nothing_else() {
    let server = TestServer::start(&["--listen-metrics", "127.0.0.1:0"]);
    let line = server.banner.iter().find_map(|line| line.strip_prefix("metrics at http://")).unwrap();
    let own: SocketAddr = line.strip_suffix("/metrics").unwrap().parse().unwrap();
    assert_ne!(own.port(), server.address.port());
    let _client = Wire::join(server.address, "door");
    assert_eq!(Scrape::of(own).get("suzu_clients{dialect=\"ayame\"}"), 1.0);
    for (line, expected) in [
        ("GET /.ok", 200),
        ("HEAD /metrics", 200),
        ("GET /", 404),
        ("GET /signaling", 404),
        ("GET /trust", 404),
        ("POST /metrics", 405),
    ] {
        let (status, body) = ask(own, &format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(status, expected, "{line}: {body}");
    }
    assert_eq!(
        ask(own, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").1,
        "nothing is here; there are /metrics and /.ok\n"
    );
    Scrape::of(server.address);
}

#[test]
fn who_may_not_come_in_may_still_read_metrics_at_their_own_address() {
    let args = [
        "--listen-metrics",
        "127.0.0.1:0",
        "--allow-from",
        "127.0.0.1",
        "--allow-metrics-from",
        "192.168.0.0/16",
    ];
    let server = TestServer::start(&args);
    let line = server.banner.iter().find_map(|line| line.strip_prefix("metrics at http://")).unwrap();
    let own: SocketAddr = line.strip_suffix("/metrics").unwrap().parse().unwrap();
    assert_eq!(request(connect_from([127, 0, 0, 2], own), "/metrics", "").status, 200);
    assert!(connect_from([127, 0, 0, 2], server.address).ends(), "but not where clients come in");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for (args, wrong) in [
        (
            &["--listen-metrics", "4000"][..],
            "--listen-metrics: \"4000\" is not an address with a port; allowed: ",
        ),
        (&["--allow-metrics-from", "home"], "--allow-metrics-from: \"home\" is not a network"),
        (
            &["--listen", "127.0.0.1:4000", "--listen-metrics", "127.0.0.1:4000"],
            "listen: 127.0.0.1:4000 is there twice",
        ),
    ] {
        let (code, _, complaint) = run(args);
        assert!(code == 2 && complaint.contains(wrong), "{args:?}: {complaint}");
    }
    let dir = TempDir::new();
    let file = file_with_mode(&dir, "suzu.conf", "listen_metrics = 127.0.0.1:0\n", 0o644);
    assert!(run(&["-C", &file, "--check"]).1.contains("listen_metrics = 127.0.0.1:0\n"));
}

#[test]
fn a_fifth_scrape_at_a_time_is_told_to_come_again() {
    if !is_alone("a_fifth_scrape_at_a_time_is_told_to_come_again") {
        return;
    }
    // So that an answer does not fit between two sockets.
    fs::write("/proc/sys/net/ipv4/tcp_wmem", "4096 4096 4096").unwrap();
    let server = TestServer::start(&[]);
    let narrow = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        socket.connect(&server.address.into()).unwrap();
        let mut wire = Wire::over(with_deadlines(socket.into()));
        wire.send(format!("{GET}\r\n").as_bytes());
        wire
    };
    let mut waiting: Vec<_> = (0..4).map(|_| narrow()).collect();
    let heads: Vec<_> = waiting.iter_mut().map(Wire::head).collect();
    assert!(heads.iter().all(|head| head.starts_with("HTTP/1.1 200 ")), "{heads:?}");
    let (status, _) = ask(server.address, &format!("{GET}\r\n"));
    assert_eq!(status, 503);
    // One is read to its end, and makes room.
    waiting.pop().unwrap().rest();
    wait_until("another scrape", || ask(server.address, &format!("{GET}\r\n")).0 == 200);
}

/// Everything that comes until the end, which must be an orderly one.
fn rest_in_order(mut wire: Wire) -> String {
    let bytes = wire.rest();
    assert!(wire.ends(), "the connection was reset");
    String::from_utf8(bytes).unwrap()
}

/// A server that waits, when it is told to stop, for a client that does not go.
fn draining() -> (TestServer, Wire) {
    let server = TestServer::start(&["--close-timeout-sec", "1"]);
    let lingering = Wire::join(server.address, "lingering");
    (server, lingering)
}

/// A connection that the server has taken in.
fn taken_in(server: &TestServer, begun: &[u8]) -> Wire {
    let mut wire = Wire::over(tcp(server.address));
    wire.send(begun);
    scrape_until(server.address, "the connection", |scrape| scrape.get("suzu_connections") == 3.0);
    wire
}

#[test]
fn a_scrape_that_has_come_before_the_stop_is_answered() {
    let (mut server, _lingering) = draining();
    let mut scraper = taken_in(&server, b"");
    // Both are there when it looks: the request and the signal.
    server.signal("STOP");
    scraper.send(format!("{GET}\r\n").as_bytes());
    server.signal("TERM");
    server.signal("CONT");
    let answer = rest_in_order(scraper);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    // Which of the two it hears of first is the kernel's business.
    let closed = Scrape::read(text).get("suzu_closes_total{reason=\"server stopping\"}");
    assert!([0.0, 1.0].contains(&closed), "{closed}");
    assert!(server.wait().success());
}

#[test]
fn a_scrape_that_has_half_come_before_the_stop_ends_in_order() {
    let (mut server, _lingering) = draining();
    let half = taken_in(&server, b"GET /metrics HTT");
    let silent = Wire::connect(server.address);
    scrape_until(server.address, "the other", |scrape| scrape.get("suzu_connections") == 4.0);
    server.signal("TERM");
    let answer = rest_in_order(half);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(rest_in_order(silent), "");
    assert!(server.wait().success());
}

#[test]
fn an_answer_under_way_when_the_stop_comes_arrives_whole() {
    let (mut server, _lingering) = draining();
    let mut scraper = taken_in(&server, format!("{GET}\r\n").as_bytes());
    server.signal("TERM");
    let head = scraper.head();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    assert_eq!(rest_in_order(scraper).len(), length.parse::<usize>().unwrap());
    assert!(server.wait().success());
}

#[cfg(feature = "tls")]
mod tls {
    use super::*;
    use common::{
        access::unix,
        tls::{Trusting, client_config, shake_hands},
    };

    #[test]
    fn handshakes_are_counted_by_how_they_end() {
        let server = TestServer::start(&["--tls-handshake-timeout-sec", "0.3"]);
        let clients = Trusting::new(&server);
        let results = ["completed", "resumed", "failed", "aborted", "timeout"];
        let mut expected = [0.0; 5];
        let mut ends = |place: usize, act: &dyn Fn()| {
            act();
            expected[place] += 1.0;
            scrape_until(server.address, results[place], |scrape| {
                let of = |result| scrape.get(&format!("suzu_tls_handshakes_total{{result=\"{result}\"}}"));
                results.map(of) == expected
            });
        };
        // The ticket comes with the first answer, and is for the next session.
        let well = b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n";
        ends(0, &|| drop(clients.connect().exchange(well)));
        ends(1, &|| drop(clients.connect().exchange(well)));
        let stranger = client_config(&common::tls::ca_pem(TestServer::start(&[]).address));
        ends(2, &|| assert!(shake_hands(tcp(server.address), &stranger, "127.0.0.1").is_err()));
        ends(3, &|| drop(taken_with(&server, &[0x16, 3, 1])));
        let open = std::cell::RefCell::new(None);
        ends(4, &|| drop(open.replace(Some(taken_with(&server, &[0x16, 3, 1])))));
    }

    fn taken_with(server: &TestServer, bytes: &[u8]) -> Wire {
        let mut wire = Wire::connect(server.address);
        wire.send(bytes);
        wire
    }

    #[test]
    fn the_end_of_the_certificate_is_told_and_metrics_are_over_https_too() {
        let server = TestServer::start(&[]);
        let until = Scrape::of(server.address).get("suzu_tls_certificate_not_after_timestamp_seconds");
        let days = (until - unix() as f64) / 86_400.0;
        assert!((395.0..=397.0).contains(&days), "{days} days");
        let answer = Trusting::new(&server).connect().exchange(format!("{GET}\r\n").as_bytes());
        Scrape::read(answer.split_once("\r\n\r\n").unwrap().1);
        let plain = TestServer::start(&["--tls", "off"]);
        let scrape = Scrape::of(plain.address);
        assert_eq!(scrape.all("suzu_tls_certificate_not_after_timestamp_seconds").count(), 0);
    }
}
