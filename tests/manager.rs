//! What the service manager hears, with a test that plays it (sd_notify(3)).

mod common;

use common::{
    server::{DEADLINE, TempDir, TestServer},
    wire::Wire,
};
use std::{
    fs,
    io::ErrorKind,
    os::linux::net::SocketAddrExt,
    os::unix::net::{SocketAddr, UnixDatagram},
    process::Command,
    time::Duration,
};

/// The end of the notify socket at which systemd would be.
struct Manager(UnixDatagram);

impl Manager {
    /// Starts a server that has one.
    fn start(environment: &[(&str, &str)], args: &[&str]) -> (Self, TestServer) {
        let state = TempDir::new();
        let path = state.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
        command.args(["--listen", "127.0.0.1:0"]).args(args).env("NOTIFY_SOCKET", path);
        command.envs(environment.iter().copied());
        (Self(socket), TestServer::start_command(command, state))
    }

    /// The next message.
    fn next(&self) -> String {
        let mut buffer = [0; 512];
        let count = self.0.recv(&mut buffer).unwrap_or_else(|error| panic!("nothing was said: {error}"));
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    /// The next message that is no sign of life.
    fn next_news(&self) -> String {
        loop {
            let message = self.next();
            if message != "WATCHDOG=1\n" {
                return message;
            }
        }
    }

    /// Whether nothing is said for so long.
    fn is_silent_for(&self, time: Duration) -> bool {
        self.0.set_read_timeout(Some(time)).unwrap();
        let result = self.0.recv(&mut [0; 512]);
        self.0.set_read_timeout(Some(DEADLINE)).unwrap();
        match result {
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            Ok(_) => false,
        }
    }
}

#[test]
fn it_hears_of_every_turn_of_a_life() {
    let (manager, mut server) = Manager::start(&[], &["--max-clients", "5"]);
    assert_eq!(manager.next(), "READY=1\n");
    assert_eq!(manager.next(), "STATUS=0 rooms, 0 of 5 clients\n");
    let _pair = [(); 2].map(|()| Wire::join(server.address, "room"));
    // What changes within a second is told together.
    let mut status = manager.next();
    while status != "STATUS=1 room, 2 of 5 clients\n" {
        assert!(status.starts_with("STATUS="), "{status}");
        status = manager.next();
    }
    server.signal("HUP");
    let reloading = manager.next();
    let usec =
        reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|text| text.strip_suffix('\n'));
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let said: f64 = usec.unwrap_or_else(|| panic!("{reloading}")).parse().unwrap();
    assert!((uptime - said / 1e6).abs() < 60.0, "the clock of the machine: {said} at {uptime} s");
    assert_eq!(manager.next(), "READY=1\n");
    server.signal("TERM");
    assert_eq!(manager.next(), "STOPPING=1\n");
    assert!(server.wait().success());
}

#[test]
fn a_loop_that_is_stuck_gives_no_sign_of_life() {
    let (manager, server) = Manager::start(&[("WATCHDOG_USEC", "400000")], &[]);
    assert_eq!(manager.next_news(), "READY=1\n");
    for _ in 0..5 {
        while manager.next() != "WATCHDOG=1\n" {}
    }
    server.signal("STOP");
    // One may have been under way.
    let is_silent = (0..2).any(|_| manager.is_silent_for(Duration::from_millis(800)));
    assert!(is_silent, "a stopped loop gives signs of life");
    server.signal("CONT");
    assert_eq!(manager.next(), "WATCHDOG=1\n");
}

#[test]
fn a_watchdog_for_somebody_else_is_none_of_ours() {
    let (manager, _server) = Manager::start(&[("WATCHDOG_USEC", "100000"), ("WATCHDOG_PID", "1")], &[]);
    assert_eq!(manager.next(), "READY=1\n");
    assert_eq!(manager.next(), "STATUS=0 rooms, 0 of 256 clients\n");
    assert!(manager.is_silent_for(Duration::from_millis(400)));
}

#[test]
fn calls_go_on_when_it_vanishes() {
    let (manager, mut server) = Manager::start(&[("WATCHDOG_USEC", "100000")], &[]);
    assert_eq!(manager.next(), "READY=1\n");
    fs::remove_file(server.state.join("notify")).unwrap();
    drop(manager);
    server.wait_for_log("the service manager cannot be told anything: NOTIFY_SOCKET: ");
    let mut wire = Wire::join(server.address, "room");
    server.signal("HUP");
    server.wait_for_log("the configuration was read again");
    wire.settle();
    assert_eq!(server.log().matches("the service manager").count(), 1, "said once");
    server.signal("TERM");
    assert!(server.wait().success());
}

#[test]
fn with_an_empty_name_nobody_is_there() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", "").env("WATCHDOG_USEC", "100000");
    let server = TestServer::start_command(command, TempDir::new());
    Wire::join(server.address, "room").settle();
    assert!(!server.log().contains("service manager"));
}

#[test]
fn one_that_reads_nothing_keeps_nobody_waiting() {
    let (_manager, server) = Manager::start(&[("WATCHDOG_USEC", "2000")], &[]);
    // The watchdog fills its queue, however long that is (net.unix.max_dgram_qlen).
    server.wait_for_log("the service manager cannot be told anything: NOTIFY_SOCKET: Resource temporarily");
    let mut wires = [(); 2].map(|()| Wire::join(server.address, "room"));
    wires.iter_mut().for_each(Wire::settle);
}

#[test]
fn one_at_an_abstract_name_is_found() {
    let name = format!("suzu-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
    command.args(["--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", format!("@{name}"));
    let _server = TestServer::start_command(command, TempDir::new());
    assert_eq!(Manager(socket).next(), "READY=1\n");
}
