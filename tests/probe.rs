//! `suzu probe`, with servers that are well and with whatever else may be where one should be.

#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod common;

use common::{
    announce,
    netns::{ip, is_alone},
    server::{DEADLINE, TempDir, TestServer, wait_until},
};
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Command, Output, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Long enough for those who answer, however slow the machine.
const PATIENT: &str = "20";

/// The exit code of a probe and what it complained of. It prints nothing.
fn probe(words: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_suzu"))
        .arg("probe")
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&stdout), "", "{words:?}");
    let said = String::from_utf8(stderr).unwrap();
    assert!(said.lines().count() <= 1, "{words:?}: {said}");
    (status.code().unwrap(), said)
}

fn assert_well(words: &[&str]) {
    let words = [words, &["--timeout-sec", PATIENT]].concat();
    assert_eq!(probe(&words), (0, String::new()), "{words:?}");
}

/// Asks where something else is than a server that is well, and gives what is said of it after its address.
fn unwell(listen: &str, timeout_sec: &str) -> String {
    let (code, said) = probe(&["--listen", listen, "--timeout-sec", timeout_sec]);
    assert_eq!(code, 1, "{said}");
    let said = said.strip_prefix(&format!("suzu: {listen}: ")).unwrap_or_else(|| panic!("{listen}: {said}"));
    said.trim_end().to_owned()
}

/// Somebody who waits for the first request, gives this answer to it and hangs up.
fn stranger(answer: &'static [u8]) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.extend(byte);
        }
        // Not all of it may be read.
        let _ = stream.write_all(answer);
        String::from_utf8(asked).unwrap()
    });
    (address, answering)
}

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn file(dir: &TempDir, text: &str) -> String {
    let path = dir.join("suzu.conf");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn it_says_how_it_is_used_and_what_is_wrong() {
    let help = Command::new(env!("CARGO_BIN_EXE_suzu")).args(["probe", "--help"]).output().unwrap();
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for flag in ["-C FILE", "--listen ADDRESS", "--timeout-sec SECONDS", "-h, --help"] {
        assert!(help.contains(flag), "{flag} is missing in {help}");
    }
    let dir = TempDir::new();
    let wrong = file(&dir, "max_clients = many\n");
    for (words, message) in [
        (
            &["--timeout-sec", "soon"][..],
            "--timeout-sec: \"soon\" is not a number of seconds; allowed: 0.01 to",
        ),
        (&["--timeout-sec", "0"], "--timeout-sec: 0 is out of range; allowed: 0.01 to 86400 (default 3)"),
        (&["--timeout-sec=1", "--timeout-sec=1"], "--timeout-sec: it is given twice"),
        (&["--timeout-sec"], "--timeout-sec: a value is missing"),
        (&["--listen"], "--listen: a value is missing"),
        (&["--listen", "3000"], "--listen: \"3000\" is not an address with a port; allowed: "),
        (
            &["--listen", "127.0.0.1:0"],
            "listen: port 0 is any that is free; say by --listen which one it took",
        ),
        (&["--max-clients", "3"], "--max-clients: unknown option; `suzu probe --help` lists them all"),
        (&["-x"], "-x: unknown option; `suzu probe --help` lists them all"),
        (&["now"], "\"now\": unknown option; `suzu probe --help` lists them all"),
        (&["-C", "/nowhere/suzu.conf"], "/nowhere/suzu.conf: cannot be read: "),
        (&["-C", &wrong], &format!("{wrong}:1: max_clients: \"many\" is not a whole number; allowed: ")),
    ] {
        let (code, said) = probe(words);
        assert_eq!(code, 2, "{words:?}: {said}");
        assert!(said.starts_with(&format!("suzu: {message}")), "{words:?}: {said}");
    }
}

#[test]
fn a_server_is_well_at_each_of_its_addresses_and_not_when_it_is_gone() {
    let state = TempDir::new();
    let socket = format!("unix:{}", state.join("suzu.sock").display());
    let mut server =
        TestServer::start_in(state, &["--listen", &socket, "--allow-origin", "https://example.com"]);
    let tcp = server.address.to_string();
    // The server is not asked for what is right for it only.
    let config =
        file(&server.state, &format!("listen = {tcp}\nlisten = {socket}\ntoken_secret_file = /nowhere\n"));
    assert_well(&["--listen", &tcp]);
    assert_well(&["--listen", &socket]);
    assert_well(&["-C", &config]);
    // The flag wins.
    assert_well(&["-C", &config, "--listen", &socket]);
    assert_eq!(server.log(), "", "it says nothing of those who ask");
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(unwell(&tcp, PATIENT).starts_with("nobody listens there: Connection refused"));
    assert!(unwell(&socket, PATIENT).starts_with("nobody listens there: No such file"));
    let (code, said) = probe(&["-C", &config]);
    assert!(code == 1 && said.starts_with(&format!("suzu: {tcp}: nobody listens there")), "{said}");
}

#[test]
fn a_server_is_well_that_listens_everywhere() {
    let mut everywhere = vec!["0.0.0.0"];
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => everywhere.extend(["[::]", "[::1]"]),
        Err(error) => announce(&format!("no IPv6 here ({error}): shown for IPv4 only")),
    }
    for host in everywhere {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
        command.args(["--listen", &format!("{host}:0")]);
        let server = TestServer::start_command(command, TempDir::new());
        let config = file(&server.state, &format!("listen = {host}:{}\n", server.address.port()));
        assert_well(&["-C", &config]);
    }
}

/// As in a container: there is an interface with IPv4 only. A socket that was handed over may be for IPv6 only.
#[test]
fn everywhere_is_asked_by_the_family_that_is_there() {
    if !is_alone("everywhere_is_asked_by_the_family_that_is_there") {
        return;
    }
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if has_ipv6 {
        let only = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
        only.set_only_v6(true).unwrap();
        only.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 3_000)).into()).unwrap();
        only.listen(1).unwrap();
        let listener = TcpListener::from(only);
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            // It ends when the other side has read it.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        assert_well(&["--listen", "[::]:3000"]);
        ip("-6 addr del ::1/128 dev lo");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "[::]:0"]);
    let server = TestServer::start_command(command, TempDir::new());
    assert_well(&["--listen", &format!("[::]:{}", server.address.port())]);
}

#[cfg(feature = "tls")]
#[test]
fn a_server_that_requires_tls_is_well() {
    let server = TestServer::start(&["--require-tls", "true"]);
    assert_well(&["--listen", &server.address.to_string()]);
}

#[test]
fn a_server_that_is_full_is_well() {
    let server = TestServer::start(&["--max-clients", "1"]);
    let _client = common::wire::Wire::join(server.address, "full");
    assert_well(&["--listen", &server.address.to_string()]);
}

#[test]
fn a_server_that_lets_only_others_in_hangs_up_and_its_log_says_why() {
    let server = TestServer::start(&["--allow-from", "192.0.2.0/24"]);
    let said = unwell(&server.address.to_string(), PATIENT);
    assert_eq!(said, "it hung up without an answer; if it is suzu, its log says why (allow_from?)");
    server.wait_for_log("it is not of this network; allow_from would allow it");
    let behind = TestServer::start(&["--allow-from", "192.0.2.0/24", "--trusted-proxies", "127.0.0.1"]);
    let said = unwell(&behind.address.to_string(), PATIENT);
    assert_eq!(said, "it answers \"HTTP/1.1 403 Forbidden\"; allowed: HTTP/1.1 200");
}

#[test]
fn whoever_answers_otherwise_is_quoted() {
    let long = vec![b'x'; 100_000].leak();
    let cut = format!("it answers \"{}\"; allowed: HTTP/1.1 200", "x".repeat(256));
    for (answer, message) in [
        (
            &b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"[..],
            "it answers \"HTTP/1.1 503 Service Unavailable\"; allowed: HTTP/1.1 200",
        ),
        (b"HTTP/1.1 2000 OK\r\n", "it answers \"HTTP/1.1 2000 OK\"; allowed: HTTP/1.1 200"),
        (b"SSH-2.0-\x1b[2J\xff\r\n", "it answers \"SSH-2.0-\\u{1b}[2J\u{fffd}\"; allowed: HTTP/1.1 200"),
        (b"\n", "it answers \"\"; allowed: HTTP/1.1 200"),
        (b"HTTP/1.1 20", "it answers \"HTTP/1.1 20\"; allowed: HTTP/1.1 200"),
        (b"", "it hung up without an answer; if it is suzu, its log says why (allow_from?)"),
        (long, &cut),
    ] {
        let (address, answering) = stranger(answer);
        assert_eq!(unwell(&address, PATIENT), message);
        // The longest is not read to its end.
        if answer.len() < 1_000 {
            assert!(answering.join().unwrap().starts_with("GET /.ok HTTP/1.1\r\nHost: localhost\r\n"));
        }
    }
    // Nothing but the first line counts.
    let (address, _answering) = stranger(b"HTTP/1.0 200 Fine\r\nContent-Length: 1000\r\n\r\n");
    assert_well(&["--listen", &address]);
}

/// The listeners take no connection up; the kernel does. So nothing answers, and in the end nothing is even connected.
#[test]
fn whoever_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = TempDir::new();
    let path = dir.join("silent.sock");
    let silent = UnixListener::bind(&path).unwrap();
    let socket = format!("unix:{}", path.display());
    for address in [&listener.local_addr().unwrap().to_string(), &socket] {
        let begin = Instant::now();
        assert_eq!(unwell(address, "0.05"), "no answer within 50ms");
        assert!(begin.elapsed() >= Duration::from_millis(50));
    }
    let _queue = fill(&silent, &path);
    assert_eq!(unwell(&socket, "0.05"), "no answer within 50ms");
}

/// Takes all places in the queue of a Unix socket.
fn fill(listener: &UnixListener, path: &Path) -> Vec<UnixStream> {
    // A queue of none has one place.
    socket2::SockRef::from(listener).listen(0).unwrap();
    let mut queue = Vec::new();
    loop {
        let next = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        next.set_nonblocking(true).unwrap();
        match next.connect(&socket2::SockAddr::unix(path).unwrap()) {
            Ok(()) => queue.push(next.into()),
            Err(_) => return queue,
        }
    }
}

/// A byte now and then is no answer either.
#[test]
fn whoever_answers_ever_so_slowly_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let dripping = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let mut count = 0;
        // Until it is given up, which the read or the write tells.
        while stream.write_all(b"H").is_ok() {
            count += 1;
            assert!(count < 2_000, "it is listened to for ever");
            let mut asked = [0; 1024];
            if matches!(stream.read(&mut asked), Ok(0)) {
                return;
            }
        }
    });
    let begin = Instant::now();
    assert_eq!(unwell(&address, "0.2"), "no answer within 200ms");
    assert!(begin.elapsed() >= Duration::from_millis(200));
    dripping.join().unwrap();
}

/// A loop that is stuck takes no connection up, though the kernel does.
#[test]
fn a_server_that_is_stuck_is_not_well() {
    let server = TestServer::start(&[]);
    let address = server.address.to_string();
    assert_well(&["--listen", &address]);
    server.signal("STOP");
    wait_until("the server to stand still", || {
        let status = fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        status.rsplit(") ").next().unwrap().starts_with('T')
    });
    assert_eq!(unwell(&address, "0.05"), "no answer within 50ms");
    server.signal("CONT");
    assert_well(&["--listen", &address]);
}

/// The container's own command: as there, nothing else is in it.
#[test]
fn the_health_check_of_the_container_asks_its_server() {
    let dockerfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/Dockerfile");
    let dockerfile = fs::read_to_string(dockerfile).unwrap();
    let words = |instruction: &str| -> Vec<String> {
        let (_, rest) = dockerfile.split_once(instruction).unwrap();
        let line = rest.lines().next().unwrap();
        serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap()
    };
    let (server, check) = (words("\nENTRYPOINT "), words("\nHEALTHCHECK "));
    assert_eq!(check[..2], ["/suzu", "probe"]);
    let dir = TempDir::new();
    let config = file(&dir, &format!("listen = 127.0.0.1:{}\n", free_port()));
    let inside = |words: &[String]| -> Vec<String> {
        let inside = words.iter().map(|word| word.replace("/var/lib/suzu/suzu.conf", &config));
        inside.map(|word| word.replace("/var/lib/suzu", dir.path.to_str().unwrap())).collect()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(&inside(&server)[1..]);
    let _server = TestServer::start_command(command, TempDir::new());
    let check = inside(&check);
    assert_well(&check[2..].iter().map(String::as_str).collect::<Vec<_>>());
}
