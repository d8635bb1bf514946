//! The program as it is called: arguments and files in, text and exit codes out.

mod common;

use common::{
    announce,
    server::{TempDir, TestServer, wait_until},
    wire::Wire,
};
use std::{
    fs,
    io::pipe,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use suzu::config::settings::settings;

/// What a run of the program left behind.
#[derive(Debug)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program to its end.
fn suzu(args: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_suzu")).args(args).stdin(Stdio::null()).output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What the program prints when all is well.
fn printed(args: &[&str]) -> String {
    let outcome = suzu(args);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{args:?}: {outcome:?}");
    outcome.stdout
}

/// What the program complains about when it cannot be run like that.
fn complaint(args: &[&str]) -> String {
    let outcome = suzu(args);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{args:?}: {outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{args:?}: {outcome:?}");
    outcome.stderr
}

/// A file for one test, gone when the test is.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A process that does not outlive its test.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn help_lists_every_setting() {
    let help = printed(&["--help"]);
    for setting in settings() {
        let flag = format!("\n  {} <{}>", setting.flag(), setting.unit);
        let (_, rest) = help.split_once(&flag).unwrap_or_else(|| panic!("{flag} is missing in {help}"));
        let text = rest.split("\n  --").next().unwrap();
        assert!(text.contains(&format!("[default {}]", setting.default_in_words())), "{flag}{text}");
    }
    for flag in ["-C FILE", "--check", "-h, --help", "-V, --version"] {
        assert!(help.contains(flag), "{flag} is missing in {help}");
    }
    assert_eq!(printed(&["-h"]), help);
}

#[test]
fn the_version_is_the_packages() {
    let version = concat!("suzu ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(printed(&["-V"]), version);
    assert_eq!(printed(&["--version"]), version);
}

#[test]
fn the_output_of_check_is_a_file_that_means_the_same() {
    let args = ["--check", "--listen", "127.0.0.1:3001", "--listen", "[::1]:3002", "--max-clients", "7"];
    let listing = printed(&args);
    for setting in settings() {
        assert!(listing.contains(&format!("{} =", setting.key)), "{} is missing in {listing}", setting.key);
    }
    assert!(listing.lines().last().unwrap().starts_with("# memory ceiling: "), "{listing}");
    let file = File::new("check.conf", &listing);
    assert_eq!(printed(&["-C", file.name(), "--check"]), listing);
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_defaults() {
    let file = File::new("precedence.conf", "max_clients = 10\nmax_rooms = 20\nlisten = 127.0.0.1:1\n");
    let args = ["-C", file.name(), "--check", "--max-clients", "11", "--listen", "127.0.0.1:2"];
    for args in [args.to_vec(), [&args[2..], &args[..2]].concat()] {
        let listing = printed(&args);
        let lines = |key: &str| -> Vec<_> { listing.lines().filter(|line| line.starts_with(key)).collect() };
        assert_eq!(lines("max_clients "), ["max_clients = 11"]);
        assert_eq!(lines("max_rooms "), ["max_rooms = 20"]);
        assert_eq!(lines("max_id_bytes "), ["max_id_bytes = 255"]);
        assert_eq!(lines("listen "), ["listen = 127.0.0.1:2"]);
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_line_and_key() {
    for (text, wrong) in [
        ("# first\nmax_client = 4\n", ":2: max_client: unknown key; did you mean max_clients?"),
        ("\nmax_clients = many\n", ":2: max_clients: \"many\" is not a whole number; allowed: 1 to 60000"),
        ("max_rooms = 1\nmax_rooms = 1\n", ":2: max_rooms: it is set twice"),
    ] {
        let file = File::new("wrong.conf", text);
        for args in [vec!["-C", file.name()], vec!["--check", "-C", file.name()]] {
            let complaint = complaint(&args);
            assert!(complaint.starts_with(&format!("suzu: {}{wrong}", file.name())), "{complaint}");
        }
    }
}

#[test]
fn a_configuration_that_is_too_long_is_refused() {
    let long = File::new("long.conf", &"room_key = door secret\n".repeat(12_000));
    let ice = File::new("ice.conf", &"ice_server = stun:box:3478\n".repeat(400));
    for (file, wrong) in [
        (&long, format!("{}: it is too long; allowed: up to 262144 bytes", long.name())),
        (&ice, "ice_server, turn_uri: clients would be told 10801 bytes; allowed: up to 8192".to_owned()),
    ] {
        assert_eq!(complaint(&["-C", file.name()]), format!("suzu: {wrong}\n"));
    }
}

#[test]
fn a_command_line_that_cannot_be_used_says_what_is_allowed() {
    for (args, wrong) in [
        (&["--max-clients", "0"][..], "--max-clients: 0 is out of range; allowed: 1 to 60000"),
        (&["--max-clients=x"], "--max-clients: \"x\" is not a whole number; allowed: 1 to 60000"),
        (&["--max-clients"], "--max-clients: a value is missing; allowed: 1 to 60000"),
        (&["--max-client", "1"], "--max-client: unknown option; did you mean --max-clients?"),
        (&["--listen", "3000"], "--listen: \"3000\" is not an address with a port; allowed: an IP address"),
        (&["-x"], "-x: unknown option; `suzu --help` lists them all"),
        (&["serve"], "\"serve\": settings are given as --key value; `suzu --help` lists them all"),
        (&["-C", "/nowhere/suzu.conf"], "/nowhere/suzu.conf: cannot be read: "),
        (&["-C"], "-C: the name of a file is missing"),
        (&["--max-queue-bytes", "2048"], "max_queue_bytes: 2048 is too little for one message"),
    ] {
        let complaint = complaint(args);
        assert!(complaint.starts_with(&format!("suzu: {wrong}")), "{args:?}: {complaint}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let outcome = suzu(&["--listen", "127.0.0.1:0", "--listen", &address]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{outcome:?}");
    assert!(outcome.stderr.contains(&address), "{outcome:?}");
}

#[test]
fn it_prints_the_addresses_that_it_took_and_one_to_open() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0"]);
    let server = TestServer::start_command(command, TempDir::new());
    let [first, second, .., open] = &server.banner[..] else { panic!("{:?}", server.banner) };
    let also = if cfg!(feature = "tls") { ", and https" } else { "" };
    let port = server.address.port();
    assert_ne!(port, 0);
    assert_eq!(*first, format!("listening on http://127.0.0.1:{port}{also}"));
    assert_eq!(*open, format!("open http://localhost:{port}/"));
    let other = second.strip_prefix("listening on http://").unwrap().strip_suffix(also).unwrap();
    let other: SocketAddr = other.parse().unwrap();
    assert!(other.ip() == Ipv4Addr::UNSPECIFIED && ![0, port].contains(&other.port()), "{other}");
    for port in [port, other.port()] {
        Wire::open(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
}

#[test]
fn the_unspecified_ipv6_address_takes_ipv4_too() {
    assert!(
        printed(&["--check"]).starts_with("listen = [::]:3000\n"),
        "it is what is listened on by default"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "[::]:0"]);
    let server = TestServer::start_command(command, TempDir::new());
    let port = server.address.port();
    Wire::join(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "v4");
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => {
            assert_eq!(server.address.ip(), Ipv6Addr::UNSPECIFIED);
            Wire::join(SocketAddr::from((Ipv6Addr::LOCALHOST, port)), "v6");
        }
        Err(error) => announce(&format!("no IPv6 here ({error}): shown for IPv4 only")),
    }
}

/// Starts the program with these ends of its output closed, and shows that it serves.
fn serve_unheard(has_log: bool) {
    // A port that was free a moment ago: nobody can read which one it takes.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--log-level", "debug", "--listen", &address.to_string()]).stdin(Stdio::null());
    command.stderr(if has_log { Stdio::null() } else { writer.try_clone().unwrap().into() });
    let mut server = Guarded(command.stdout(writer).spawn().unwrap());
    wait_until("the server to listen", || TcpStream::connect(address).is_ok());
    for _ in 0..3 {
        Wire::join(address, "unheard");
    }
    assert!(server.0.try_wait().unwrap().is_none(), "it died");
}

#[test]
fn it_serves_though_nobody_reads_what_it_prints() {
    serve_unheard(true);
}

#[test]
fn it_serves_though_nobody_reads_its_log() {
    serve_unheard(false);
}
