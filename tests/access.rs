//! Who may come in at all: by address, by the word of a proxy, and by what `Host` and `Origin` say.

mod common;

use common::{
    access::{Asked, ask, connect_from, is_served, request},
    netns::{Machine, is_alone},
    server::{TempDir, TestServer},
    wire::Wire,
};
use std::net::{Ipv4Addr, SocketAddr};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// The second address of this machine, which most tests have a proxy at.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const PATHS: [&str; 6] = ["/signaling", "/ws?room=r", "/mesh", "/echo", "/chat?room=r", "/relay?room=r"];

/// Suzu on another machine, and its address as seen from here, which is 203.0.113.9 to it.
fn far_server(args: &[&str]) -> (Machine, TestServer, SocketAddr) {
    let machine = Machine::wired("203.0.113.9", "203.0.113.1");
    let mut command = machine.command(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "[::]:0"]).args(args);
    let server = TestServer::start_command(command, TempDir::new());
    let address = SocketAddr::from(([203, 0, 113, 1], server.address.port()));
    (machine, server, address)
}

#[test]
fn by_default_the_internet_is_dropped_before_anything_is_read() {
    if !is_alone("by_default_the_internet_is_dropped_before_anything_is_read") {
        return;
    }
    let (_machine, server, there) = far_server(&[]);
    // Nothing is sent: it is not waited for.
    Wire::connect(there).ends();
    server.wait_for_log(
        "a connection was turned away reason=\"it is not of this network; allow_from would allow it",
    );
    // And what is sent, even by a client that claims to be somebody else, is not answered.
    for _ in 0..20 {
        assert!(!is_served(Wire::connect(there)));
        let mut forger = Wire::connect(there);
        let forged = b"GET /.ok HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.168.1.7\r\n\r\n";
        // It may be over already.
        let _ = std::io::Write::write_all(&mut forger.stream, forged);
        assert!(forger.rest().is_empty());
    }
    let log = server.log();
    let count = log.matches("was turned away").count();
    assert!((10..=11).contains(&count), "a flood does not flood the log: {log}");
}

#[test]
fn any_lets_the_internet_in() {
    if !is_alone("any_lets_the_internet_in") {
        return;
    }
    let (_machine, _server, there) = far_server(&["--allow-from", "any"]);
    Wire::join(there, "open");
    // What it calls the machine is another matter.
    for (host, status) in [("203.0.113.1:3000", 200), ("203.0.113.2:3000", 403), ("evil.example", 403)] {
        let page = request(Wire::connect(there), "/", &format!("Host: {host}\r\n"));
        assert_eq!(page.status, status, "{host}: {}", page.head);
    }
}

#[test]
fn a_list_lets_in_whom_it_names_also_over_a_socket_for_both_families() {
    if !is_alone("a_list_lets_in_whom_it_names_also_over_a_socket_for_both_families") {
        return;
    }
    let (_machine, _server, there) = far_server(&["--allow-from", "203.0.113.8/31,fd00::/8"]);
    Wire::join(there, "open");
}

#[test]
fn this_machine_may_come_by_default() {
    let server = TestServer::start(&[]);
    Wire::join(server.address, "here");
    connect_from(PROXY, server.address).upgraded().seated("here");
}

#[test]
fn a_list_lets_in_whom_it_names_and_nobody_else() {
    let server = TestServer::start(&["--allow-from", "127.0.0.2,127.0.1.0/24,fd00::/8"]);
    for (source, expected) in [
        ([127, 0, 0, 1], false),
        ([127, 0, 0, 2], true),
        ([127, 0, 0, 3], false),
        ([127, 0, 1, 200], true),
        ([127, 0, 2, 0], false),
    ] {
        assert_eq!(is_served(connect_from(source, server.address)), expected, "{source:?}");
    }
    server.wait_for_log("a connection was turned away");
}

/// An upgrade that comes from a proxy, or from somebody who would like to be one.
fn pass_on(server: &TestServer, source: Ipv4Addr, headers: &str) -> Asked {
    ask(connect_from(source, server.address), "/signaling", headers)
}

#[test]
fn a_proxy_is_believed_and_nobody_else() {
    let server = TestServer::start(&["--trusted-proxies", "127.0.0.2,10.9.0.0/16", "--log-level", "debug"]);
    for (source, headers, status) in [
        (PROXY, "X-Forwarded-For: 8.8.8.8", 403),
        (PROXY, "X-Forwarded-For: 192.168.1.7", 101),
        (PROXY, "X-Forwarded-For: 192.168.1.7, 8.8.8.8", 403),
        (PROXY, "X-Forwarded-For: 8.8.8.8, 192.168.1.7", 101),
        (PROXY, "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 8.8.8.8", 403),
        (PROXY, "X-Forwarded-For: 127.0.0.1, 8.8.8.8, 10.9.0.1, 127.0.0.2", 403),
        (PROXY, "X-Forwarded-For: \"127.0.0.1, 8.8.8.8", 403),
        (PROXY, "X-Forwarded-For: ::ffff:8.8.8.8", 403),
        (PROXY, "X-Forwarded-For: 2001:db8::9", 403),
        (PROXY, "X-Forwarded-For: fd00::9", 101),
        (PROXY, "X-Forwarded-For: 8.8.8.8\r\nForwarded: for=192.168.1.7", 403),
        (PROXY, "Forwarded: for=8.8.8.8;proto=https", 403),
        (PROXY, "Forwarded: for=\"[2001:db8::9]:4711\"", 403),
        (PROXY, "Forwarded: for=192.168.1.7, for=8.8.8.8", 403),
        (PROXY, "Forwarded: for=8.8.8.8, for=192.168.1.7;by=10.9.0.1", 101),
        // It passes on nothing: then it is the client itself.
        (PROXY, "X-Real-IP: 8.8.8.8", 101),
        // What it passes on says nothing, or two things.
        (PROXY, "X-Forwarded-For: unknown", 403),
        (PROXY, "X-Forwarded-For: 192.168.1.7\r\nForwarded: for=192.168.1.8", 403),
        // Nobody else has a say, neither to get in nor to keep out.
        (HERE, "X-Forwarded-For: 8.8.8.8", 101),
        (HERE, "Forwarded: for=8.8.8.8", 101),
    ] {
        let asked = pass_on(&server, source, &format!("{headers}\r\n"));
        assert_eq!(asked.status, status, "{source} {headers}: {}", asked.head);
    }
    let page = request(connect_from(PROXY, server.address), "/", "X-Forwarded-For: 8.8.8.8\r\n");
    assert_eq!(page.status, 403, "pages, too");
    let why = "reason=\"the client is not of this network; allow_from would allow it";
    server.wait_for_log(why);
    pass_on(&server, PROXY, "X-Forwarded-For: 192.168.77.7\r\n").let_in();
    server.wait_for_log("192.168.77.7");
}

#[test]
fn a_proxy_need_not_be_allowed_itself() {
    let server = TestServer::start(&["--trusted-proxies", "127.0.0.2", "--allow-from", "192.168.1.0/24"]);
    assert!(!is_served(Wire::connect(server.address)), "this machine is not in the list");
    pass_on(&server, PROXY, "X-Forwarded-For: 192.168.1.7\r\n").let_in();
    assert_eq!(pass_on(&server, PROXY, "X-Forwarded-For: 192.168.2.7\r\n").status, 403);
    assert_eq!(pass_on(&server, PROXY, "").status, 403, "it speaks for itself, and may not");
}

#[test]
fn a_page_of_the_internet_may_not_connect_and_the_log_says_what_would_let_it() {
    let server = TestServer::start(&[]);
    for (count, path) in PATHS.into_iter().enumerate() {
        let mut asked = ask(Wire::connect(server.address), path, "Origin: https://evil.example\r\n");
        assert_eq!(asked.status, 403, "{path}: {}", asked.head);
        let body = String::from_utf8(asked.wire.rest()).unwrap();
        assert!(body.contains("allow_origin = https://evil.example would allow it"), "{body}");
        let lines = || server.log().lines().filter(|line| line.contains("allow_origin")).count();
        common::server::wait_until("one line for each", || lines() > count);
        assert_eq!(lines(), count + 1, "{}", server.log());
    }
    for origin in ["http://192.168.1.5:3000", "http://box.local", "https://localhost", "http://kitchen"] {
        ask(Wire::connect(server.address), "/signaling", &format!("Origin: {origin}\r\n")).let_in();
    }
    ask(Wire::connect(server.address), "/signaling", "").let_in();
}

#[test]
fn a_name_that_was_rebound_to_here_gets_nothing() {
    let server = TestServer::start(&[]);
    let host = "Host: evil.example:3000\r\n";
    for path in PATHS {
        let same_site = format!("{host}Origin: http://evil.example:3000\r\n");
        for headers in [host, &*same_site] {
            let asked = ask(Wire::connect(server.address), path, headers);
            assert_eq!(asked.status, 403, "{path}: {}", asked.head);
        }
    }
    for path in ["/", "/.ok", "/suzu.js", "/trust", "/ca.pem", "/nowhere", "/signaling"] {
        let asked = request(Wire::connect(server.address), path, host);
        assert_eq!(asked.status, 403, "{path}: {}", asked.head);
    }
    server.wait_for_log(" is no name of this machine; allow_origin = evil.example would allow it");
}

/// A browser shows a page what another origin has answered only if that says so (the Fetch standard, section 3.3).
#[test]
fn no_page_of_another_origin_can_read_what_is_here() {
    let server = TestServer::start(&["--allow-origin", "https://door.example.com"]);
    for origin in ["http://192.168.1.9", "https://door.example.com"] {
        let header = format!("Origin: {origin}\r\n");
        for path in ["/", "/suzu.js", "/metrics", "/trust", "/ca.pem", "/.ok", "/about", "/nowhere"] {
            let asked = request(Wire::connect(server.address), path, &header);
            assert!(!asked.head.to_lowercase().contains("access-control-"), "{path}: {}", asked.head);
        }
        let preflight = format!(
            "OPTIONS /metrics HTTP/1.1\r\nHost: a\r\n{header}Access-Control-Request-Method: GET\r\n\
             Access-Control-Request-Private-Network: true\r\n\r\n"
        );
        let answer = Wire::connect(server.address).exchange(preflight.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(!answer.to_lowercase().contains("access-control-"), "{answer}");
    }
}

/// Whoever is behind a proxy cannot hide a request in another: not behind it, and not as the body that the proxy believes to be there.
#[test]
fn a_second_request_in_a_connection_is_not_answered() {
    let server = TestServer::start(&[]);
    let second = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    for headers in [
        String::new(),
        "Connection: keep-alive\r\n".to_owned(),
        format!("Content-Length: {}\r\n", second.len()),
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n".to_owned(),
    ] {
        let both = format!("GET /.ok HTTP/1.1\r\nHost: a\r\n{headers}\r\n{second}");
        let answer = Wire::connect(server.address).exchange(both.as_bytes());
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers:?}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{headers:?}: {answer}");
    }
}

#[test]
fn allow_origin_lets_in_what_it_names() {
    const ORIGINS: [&str; 7] = [
        "https://door.example.com",
        "http://door.example.com",
        "https://door.example.com:8443",
        "https://example.com",
        "https://evil.example",
        "https://door.example.com.evil.example",
        "null",
    ];
    for (allowed, expected) in [
        ("https://door.example.com", [101, 403, 403, 403, 403, 403, 403]),
        ("door.example.com", [101, 101, 101, 403, 403, 403, 403]),
        ("*.example.com", [101, 101, 101, 403, 403, 403, 403]),
        ("*.example.com, example.com", [101, 101, 101, 101, 403, 403, 403]),
        ("*", [101; 7]),
    ] {
        let server = TestServer::start(&["--allow-origin", allowed]);
        let statuses = ORIGINS.map(|origin| {
            ask(Wire::connect(server.address), "/signaling", &format!("Origin: {origin}\r\n")).status
        });
        assert_eq!(statuses, expected, "allow_origin = {allowed}");
        // A page from there may call this machine by its own name, too.
        let hosts = ["door.example.com", "evil.example"]
            .map(|host| request(Wire::connect(server.address), "/.ok", &format!("Host: {host}\r\n")).status);
        assert_eq!(hosts, [200, if allowed == "*" { 200 } else { 403 }], "allow_origin = {allowed}");
        Wire::join(server.address, "the local network is allowed all the same");
    }
}

#[test]
fn two_origins_or_two_hosts_are_none() {
    let server = TestServer::start(&[]);
    for headers in [
        "Origin: http://box.local\r\nOrigin: https://evil.example\r\n",
        "Host: box.local\r\nHost: evil.example\r\n",
    ] {
        let asked = ask(Wire::connect(server.address), "/signaling", headers);
        assert_eq!(asked.status, 400, "{headers}: {}", asked.head);
    }
}

#[test]
fn an_address_that_the_machine_gets_later_is_its_own_then() {
    if !is_alone("an_address_that_the_machine_gets_later_is_its_own_then") {
        return;
    }
    let server = TestServer::start(&["--tls", "off"]);
    let is_known = || {
        let asked = request(Wire::connect(server.address), "/.ok", "Host: 203.0.113.7\r\n");
        asked.status == 200
    };
    assert!(!is_known(), "a stranger's address");
    common::netns::ip("addr add 203.0.113.7/32 dev lo");
    // It is looked at most every 10 s, when somebody comes.
    common::server::wait_until("the new address", is_known);
}
