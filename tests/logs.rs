//! The log: what a line looks like in each format, what stands in it, and that a flood is summed up.

mod common;

use common::{
    access::connect_from,
    announce,
    server::{DEADLINE, TempDir, TestServer, wait_until},
    skip,
    wire::Wire,
};
use serde_json::Value;
use std::{
    env, fs,
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
};

const TURNED_AWAY: &str = "a connection was turned away";
const SUMMED_UP: &str = " more like this in ";

/// A client of whom nothing must be left out is rejected: its room has too long a name.
fn rejected(server: &TestServer) -> String {
    let room = "r".repeat(17);
    let mut wire = Wire::open(server.address);
    wire.text(&format!(r#"{{"type":"register","roomId":"{room}","clientId":"late \"one\""}}"#));
    assert!(wire.frame().text().contains(r#""type":"reject""#));
    room
}

#[test]
fn a_rejected_register_is_one_line_with_connection_room_client_and_reason() {
    let server = TestServer::start(&["--max-id-bytes", "16"]);
    let room = rejected(&server);
    let expected = format!(
        "INFO  [suzu::signaling::who] rejected connection=0.1 room=\"{room}\" client=\"late \\\"one\\\"\" \
         reason=\"roomId has 17 bytes, allowed are 16\"\n"
    );
    server.wait_for_log(&expected);
    assert_eq!(server.log(), expected, "and nothing else");
}

#[test]
fn a_wrong_key_is_one_line_in_each_dialect() {
    let dir = TempDir::new();
    let file = dir.join("suzu.conf");
    fs::write(&file, "signaling_key = sesame\n").unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = TestServer::start(&["-C", file.to_str().unwrap()]);
    let mut ayame = Wire::open(server.address);
    ayame.text(r#"{"type":"register","roomId":"door","clientId":"pi","key":"guess"}"#);
    assert!(ayame.frame().text().contains("unauthorized"));
    let mut mesh = common::access::ask(connect_from([127, 0, 0, 2], server.address), "/mesh", "").let_in();
    mesh.text(r#"{"type":"connect","room":"home","id":"pi","token":"guess"}"#);
    assert!(mesh.frame().text().contains("unauthorized"));
    let relay = common::access::ask(connect_from([127, 0, 0, 3], server.address), "/relay?room=yard", "");
    assert_eq!(relay.status, 401);
    for room in ["door", "home", "yard"] {
        server.wait_for_log(&format!("room=\"{room}\""));
    }
    let log = server.log();
    assert_eq!((log.lines().count(), log.matches("not let in connection=").count()), (3, 3), "{log}");
    assert!(!log.contains("guess") && log.matches("client=\"pi\" reason=").count() == 2, "{log}");
}

#[test]
fn json_is_an_object_a_line_whose_keys_can_be_renamed() {
    for (args, [message, timestamp]) in [
        (&[][..], ["message", "time"]),
        (&["--log-message-key-name", "msg", "--log-timestamp-key-name", "@timestamp"], ["msg", "@timestamp"]),
    ] {
        let server = TestServer::start(&[&["--log-format", "json", "--max-id-bytes", "16"], args].concat());
        let room = rejected(&server);
        server.wait_for_log("\"rejected\"");
        let log = server.whole_log();
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let line = lines.iter().find(|line| line[message] == "rejected").unwrap();
        assert_eq!(
            *line,
            serde_json::json!({
                timestamp: line[timestamp], "level": "INFO", "target": "suzu::signaling::who", message: "rejected",
                "connection": "0.1", "room": room, "client": "late \"one\"",
                "reason": "roomId has 17 bytes, allowed are 16",
            })
        );
        let time = line[timestamp].as_str().unwrap();
        assert!(time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z'), "{time}");
        assert!(lines.iter().all(|line| line[timestamp].as_str().unwrap() >= "2026"), "{log}");
    }
}

#[test]
fn names_that_cannot_be_keys_are_refused() {
    for (args, expected) in [
        (["--log-message-key-name", "level"], "level has a meaning already; allowed: "),
        (["--log-timestamp-key-name", "type"], "type has a meaning already; allowed: "),
        (["--log-timestamp-key-name", "message"], "both are message; allowed: two names"),
        (["--log-timestamp-key-name", "a b"], "\"a b\" is no such name; allowed: "),
        (["--log-format", "xml"], "\"xml\" is none of these; allowed: auto, text, json or journal"),
    ] {
        let (code, complaint) = common::start::refused(common::start::suzu(&TempDir::new().path, &args));
        assert_eq!(code, 2, "{complaint}");
        assert!(complaint.contains(expected), "{complaint}");
    }
}

#[test]
fn a_flood_is_a_burst_and_a_sum() {
    let server = TestServer::start(&["--allow-from", "192.168.1.0/24"]);
    for _ in 0..500 {
        Wire::connect(server.address).ends();
    }
    server.wait_for_log(SUMMED_UP);
    let log = server.log();
    let [lines @ .., sum] = &log.lines().collect::<Vec<_>>()[..] else { panic!("no lines") };
    assert!(lines.len() == 10 && lines.iter().all(|line| line.contains(TURNED_AWAY)), "{log}");
    assert!(sum.contains(&format!("490{SUMMED_UP}")) && sum.ends_with("repeats=490"), "{log}");
    assert!(sum.contains(TURNED_AWAY), "it says of what: {sum}");
    assert!(!server.whole_log().contains("127.0.0.1"), "addresses are private: {}", server.whole_log());
}

#[test]
fn what_is_owed_is_said_at_the_end() {
    let mut server = TestServer::start(&["--allow-from", "192.168.1.0/24"]);
    for _ in 0..30 {
        Wire::connect(server.address).ends();
    }
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    wait_until("the sum", || server.log().contains(&format!("20{SUMMED_UP}")));
    assert_eq!(server.log().matches(TURNED_AWAY).count(), 11, "{}", server.log());
}

#[test]
fn at_the_level_debug_nothing_is_left_out() {
    let server = TestServer::start(&["--allow-from", "192.168.1.0/24", "--log-level", "debug"]);
    for _ in 0..50 {
        Wire::connect(server.address).ends();
    }
    wait_until("all lines", || server.log().matches(TURNED_AWAY).count() == 50);
}

#[test]
fn a_log_that_nobody_reads_stops_nobody_and_says_later_what_is_missing() {
    let state = TempDir::new();
    let pipe = state.join("log");
    let mut command = Command::new("sh");
    // Somebody has the pipe open for reading, and does not read.
    let script = "mkfifo \"$0\" && exec 3<>\"$0\" && exec \"$@\" 2>\"$0\"";
    command.args(["-c", script, pipe.to_str().unwrap(), env!("CARGO_BIN_EXE_suzu")]);
    command.args(["--listen", "127.0.0.1:0", "--log-level", "debug", "--max-connections-per-second", "0"]);
    let server = TestServer::start_command(command, state);
    for number in 0..500 {
        drop(Wire::join(server.address, &format!("room {number}")));
    }
    let (texts, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let reader = std::io::BufReader::new(fs::File::open(pipe).unwrap());
        std::io::BufRead::lines(reader).map_while(Result::ok).try_for_each(|line| texts.send(line))
    });
    let first = lines.recv_timeout(DEADLINE).unwrap();
    assert!(first.contains(" [suzu::"), "{first}");
    let mut is_said = false;
    wait_until("what is missing", || {
        drop(Wire::join(server.address, "afterwards"));
        is_said |= lines.try_iter().any(|line| line.contains(" lines are missing: nobody read them lost="));
        is_said
    });
}

#[test]
fn format_and_level_change_while_it_runs() {
    let dir = TempDir::new();
    let file = dir.join("suzu.conf");
    fs::write(&file, "log_level = warn\n").unwrap();
    let server = TestServer::start(&["-C", file.to_str().unwrap()]);
    let _stays = Wire::join(server.address, "before");
    fs::write(&file, "log_level = debug\nlog_format = json\n").unwrap();
    server.signal("HUP");
    server.wait_for_log("the configuration was read again\"");
    drop(Wire::join(server.address, "afterwards"));
    server.wait_for_log("\"room\":\"afterwards\"");
    let log = server.log();
    assert!(!log.contains("before") && log.starts_with("{\"time\":\""), "{log}");
}

/// Runs the calling test again where `/run` is empty and nobody else's. True there; false outside, where nothing is left to do.
fn has_own_run(test: &str) -> bool {
    const INSIDE: &str = "SUZU_TEST_RUN";
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = |program: &str| {
        let mut command = Command::new("unshare");
        let script = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && exec \"$0\" \"$@\"";
        command.args(["-m", "sh", "-c", script, program]);
        command
    };
    let can = unshare("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        skip("root and util-linux, for a /run of the test's own");
        return false;
    }
    let program = env::current_exe().unwrap();
    let mut again = unshare(program.to_str().unwrap());
    let output = again.args(["--exact", test, "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let [text, announced] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success() && text.contains("1 passed"), "{text}{announced}");
    announced.lines().for_each(announce);
    false
}

/// A server whose standard error is what `$JOURNAL_STREAM` says.
fn under_systemd(args: &[&str]) -> TestServer {
    let mut command = Command::new("sh");
    let script = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec \"$@\"";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_suzu"), "--listen", "127.0.0.1:0"]).args(args);
    TestServer::start_command(command, TempDir::new())
}

#[test]
fn under_systemd_the_journal_gets_priorities_and_fields() {
    if !has_own_run("under_systemd_the_journal_gets_priorities_and_fields") {
        return;
    }
    let server = under_systemd(&["--max-id-bytes", "16", "--tls", "off"]);
    // There is no journal yet: it reads priorities from standard error as well.
    rejected(&server);
    server.wait_for_log("<6>INFO  [suzu::signaling::who] rejected connection=");
    let journal = UnixDatagram::bind("/run/systemd/journal/socket").unwrap();
    journal.set_read_timeout(Some(DEADLINE)).unwrap();
    let room = rejected(&server);
    let mut buffer = [0; 4096];
    let count = journal.recv(&mut buffer).unwrap();
    let entry = String::from_utf8(buffer[..count].to_vec()).unwrap();
    let is_fixed = |line: &&str| !["CODE_LINE=", "SUZU_CONNECTION="].iter().any(|key| line.starts_with(key));
    let lines: Vec<_> = entry.lines().filter(is_fixed).collect();
    assert_eq!(entry.lines().count(), lines.len() + 2, "{entry}");
    assert_eq!(
        lines,
        [
            "PRIORITY=6",
            "SYSLOG_IDENTIFIER=suzu",
            "TARGET=suzu::signaling::who",
            "CODE_FILE=src/signaling/who.rs",
            "MESSAGE=rejected",
            &format!("SUZU_ROOM={room}"),
            "SUZU_CLIENT=late \"one\"",
            "SUZU_REASON=roomId has 17 bytes, allowed are 16",
        ]
    );
    assert_eq!(server.log().lines().count(), 1, "what the journal has is nowhere else: {}", server.log());
    // Whoever wants lines gets lines.
    let server = under_systemd(&["--log-format", "text", "--max-id-bytes", "16", "--tls", "off"]);
    rejected(&server);
    server.wait_for_log("INFO  [suzu::signaling::who] rejected");
    assert!(server.log().starts_with("INFO"), "{}", server.log());
}
