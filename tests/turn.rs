//! Coturn, as it is installed from the distribution, accepts the credentials that clients are told, and no others.

#![allow(clippy::disallowed_methods, reason = "the deadlines of tests are read from the clock")]

mod common;

use common::{
    access::{ask, private_file},
    server::{DEADLINE, TempDir, TestServer},
    skip,
    start::Guarded,
    wire::Wire,
};
use serde_json::Value;
use std::{
    net::{TcpListener, UdpSocket},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const SECRET: &str = "a secret that coturn has, too";

/// Coturn cannot be asked for a free port: one that was free a moment ago, for UDP and for TCP, since it listens to both. A TCP connection of
/// an earlier test, closed by its client, keeps a port for a minute that UDP may have.
fn free_port() -> u16 {
    (0..100)
        .find_map(|_| {
            let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = tcp.local_addr().unwrap().port();
            UdpSocket::bind(("127.0.0.1", port)).is_ok().then_some(port)
        })
        .expect("a port that is free for UDP, too")
}

/// Coturn on a port of the loopback interface.
struct Coturn {
    port: u16,
    _process: Guarded,
    dir: TempDir,
}

impl Coturn {
    /// `None`, and said so, if it is not installed.
    fn start() -> Option<Self> {
        let is_there = |program: &str| {
            let mut command = Command::new(program);
            command.arg("-h").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok()
        };
        if !is_there("turnserver") || !is_there("turnutils_uclient") {
            skip("coturn");
            return None;
        }
        let dir = TempDir::new();
        let port = free_port();
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let process = Command::new("turnserver")
            .args(
                "-n -L 127.0.0.1 -E 127.0.0.1 --use-auth-secret -r suzu.test --no-tls --no-dtls --no-cli"
                    .split(' '),
            )
            .args("--allow-loopback-peers --log-file stdout --pidfile pid --userdb db -p".split(' '))
            .args([&port.to_string(), "--static-auth-secret", SECRET])
            .current_dir(&dir.path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let coturn = Self { port, _process: Guarded(process), dir };
        coturn.wait_until_it_answers();
        Some(coturn)
    }

    fn wait_until_it_answers(&self) {
        // A STUN binding request (RFC 8489 section 5), as often as it takes.
        let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transaction!"].concat();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let deadline = Instant::now() + DEADLINE;
        let mut answer = [0; 512];
        loop {
            // Until it listens, the system says on the socket that nobody does.
            let sent = socket.send_to(&request, ("127.0.0.1", self.port));
            if sent.and_then(|_| socket.recv(&mut answer)).is_ok_and(|count| count >= 20) {
                assert_eq!(answer[..2], [1, 1], "no binding response");
                return;
            }
            assert!(Instant::now() < deadline, "coturn does not answer:\n{}", self.log());
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap()
    }

    /// Allocates, sends and receives by way of it; whether that succeeded, and what was said.
    fn serves(&self, username: &str, credential: &str) -> (bool, String) {
        let output = Command::new("turnutils_uclient")
            .args(["-u", username, "-w", credential, "-p", &self.port.to_string()])
            .args("-y -c -n 1 -m 1 127.0.0.1".split(' '))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success() && text.contains("tot_send_msgs=2, tot_recv_msgs=2"), text)
    }

    /// A server that shares its secret.
    fn suzu(&self) -> TestServer {
        let state = TempDir::new();
        let secret = private_file(&state, "turn_secret", &format!("{SECRET}\n"));
        let uri = format!("turn:127.0.0.1:{}?transport=udp", self.port);
        TestServer::start_in(state, &["--turn-uri", &uri, "--turn-secret-file", &secret])
    }
}

/// Username and credential of the only ICE server that is told.
fn credentials(told: &Value) -> (String, String) {
    let servers = told["iceServers"].as_array().unwrap_or_else(|| panic!("{told}"));
    assert_eq!(servers.len(), 1, "{told}");
    let text = |key: &str| servers[0][key].as_str().unwrap().to_owned();
    (text("username"), text("credential"))
}

/// What a client is told who says this on this path.
fn told(server: &TestServer, path: &str, text: &str) -> Value {
    let mut wire = ask(Wire::connect(server.address), path, "").let_in();
    wire.text(text);
    serde_json::from_str(wire.frame().text()).unwrap()
}

#[test]
fn coturn_accepts_what_ayame_and_mesh_clients_are_told_and_nothing_else() {
    let Some(coturn) = Coturn::start() else { return };
    let server = coturn.suzu();
    let accept = told(&server, "/signaling", r#"{"type":"register","roomId":"door"}"#);
    let connected = told(&server, "/mesh", r#"{"type":"connect","room":"door"}"#);
    let (ayame, mesh) = (credentials(&accept), credentials(&connected));
    assert_ne!(ayame.0, mesh.0, "each client has credentials of its own");
    for (username, credential) in [&ayame, &mesh] {
        let (is_served, text) = coturn.serves(username, credential);
        assert!(is_served, "{username}: {text}");
    }
    let (username, credential) = &ayame;
    let (expiry, client) = username.split_once(':').unwrap();
    let longer = format!("{}:{client}", expiry.parse::<u64>().unwrap() + 86_400);
    let another = format!("{expiry}:{client}x");
    let flipped = if credential.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{flipped}{}", &credential[1..]);
    for (username, credential) in
        [(&longer, credential), (&another, credential), (username, &tampered), (username, &mesh.1)]
    {
        let (is_served, text) = coturn.serves(username, credential);
        assert!(!is_served && text.contains("Cannot complete Allocation"), "{username}: {text}");
    }
}
