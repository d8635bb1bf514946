//! Sockets that somebody else has made: systemd's socket activation, by its own tool, and what is no such thing.

mod common;

use common::{
    server::{TempDir, wait_until},
    start::{Guarded, refused},
    unix,
    wire::Wire,
};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
};

fn suzu() -> &'static str {
    env!("CARGO_BIN_EXE_suzu")
}

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// `systemd-socket-activate`, which starts the server when the first client comes.
fn activate(state: &TempDir, listen: &[&str], names: &str) -> Option<Guarded> {
    let mut command = Command::new("systemd-socket-activate");
    if !Command::new("systemd-socket-activate")
        .arg("--version")
        .output()
        .is_ok_and(|done| done.status.success())
    {
        common::skip("systemd-socket-activate (Debian: systemd)");
        return None;
    }
    for address in listen {
        command.args(["-l", address]);
    }
    command.args(["--fdname", names, "-E", "STATE_DIRECTORY", suzu(), "--listen", "192.0.2.1:1"]);
    command
        .env("STATE_DIRECTORY", &state.path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(Guarded(command.spawn().unwrap()))
}

fn listens(path: &Path) -> bool {
    path.exists()
}

#[test]
fn the_first_client_starts_it_and_all_sockets_are_served() {
    let state = TempDir::new();
    let (public, admin) = (state.join("public.sock"), state.join("admin.sock"));
    let port = free_port();
    let tcp = format!("127.0.0.1:{port}");
    let tcp6 = format!("[::1]:{port}");
    let listen = [&*tcp, &*tcp6, public.to_str().unwrap(), admin.to_str().unwrap()];
    let Some(_activated) = activate(&state, &listen, "web:web6:local:admin") else { return };
    wait_until("the sockets", || listens(&public) && listens(&admin));
    // Nobody is there yet to answer: it is this that starts it.
    let mut first = Wire::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).upgraded().seated("room");
    let mut second = unix::connect(&public).upgraded().seated("room");
    second.text(r#"{"type":"offer","sdp":"over a Unix socket"}"#);
    assert_eq!(first.frame().text(), r#"{"type":"offer","sdp":"over a Unix socket"}"#);
    let over6 = Wire::connect(tcp6.parse().unwrap()).exchange(b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(over6.starts_with("HTTP/1.1 200 "), "{over6}");
    let (status, clients) = unix::ask(&admin, "GET /clients");
    assert_eq!((status, clients["clients"].as_array().unwrap().len()), (200, 2));
    assert!(clients["clients"][1]["address"] == "127.0.0.1", "{clients}");
    let not_admin = unix::connect(&public).exchange(b"GET /clients HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(not_admin.starts_with("HTTP/1.1 404 "), "{not_admin}");
}

/// A start in a shell that hands over what it likes.
fn handed(state: &TempDir, script: &str) -> (i32, String) {
    let mut command = Command::new("bash");
    let script =
        format!("{script}; export LISTEN_PID=${{LISTEN_PID-$$}}; exec {} --listen 127.0.0.1:0", suzu());
    command.args(["-c", &script]).env("STATE_DIRECTORY", &state.path);
    refused(command)
}

#[test]
fn what_is_no_listening_socket_is_refused_by_name() {
    let state = TempDir::new();
    let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = busy.local_addr().unwrap().port();
    for (script, expected) in [
        (
            "export LISTEN_FDS=two",
            "LISTEN_FDS: \"two\" is not a number of sockets; allowed: 0 to 64".to_owned(),
        ),
        ("export LISTEN_FDS=4294967295", "LISTEN_FDS: \"4294967295\" is not a number of sockets".to_owned()),
        ("export LISTEN_FDS=1 LISTEN_PID=me", "LISTEN_PID: \"me\" is not the number of a process".to_owned()),
        (
            "exec 3</dev/null; export LISTEN_FDS=1 LISTEN_FDNAMES=web",
            "LISTEN_FDS: descriptor 3 (\"web\") is no stream socket; allowed: ListenStream=".to_owned(),
        ),
        ("exec 3<&-; export LISTEN_FDS=1", "LISTEN_FDS: descriptor 3 (\"\") is no stream socket".to_owned()),
        (
            &format!("exec 3<>/dev/tcp/127.0.0.1/{port}; export LISTEN_FDS=1 LISTEN_FDNAMES=web"),
            "the inherited socket \"web\": it does not listen".to_owned(),
        ),
        (
            &format!("exec 3<>/dev/tcp/127.0.0.1/{port}; export LISTEN_FDS=1 LISTEN_FDNAMES=admin"),
            "the inherited socket \"admin\": it is for those who look after suzu; allowed: ListenStream= with a path"
                .to_owned(),
        ),
    ] {
        let (code, complaint) = handed(&state, script);
        assert_eq!(code, 1, "{script}: {complaint}");
        assert!(complaint.starts_with(&format!("suzu: {expected}")), "{script}: {complaint}");
    }
}

#[test]
fn what_is_for_somebody_else_is_left_alone() {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("LISTEN_PID=1 LISTEN_FDS=1 exec {} --listen 127.0.0.1:0", suzu())]);
    let server = common::server::TestServer::start_command(command, TempDir::new());
    Wire::join(server.address, "room").settle();
}
