//! The machine's clock jumps, years ahead and back: a board without a battery that hears the time at last, or hears a wrong one. Deadlines do
//! not go by that clock, and what goes by it goes by what it says now.

use crate::common::{
    access::{cpu_hundredths, mint, private_file, unix},
    announce,
    neighbours::{Neighbours, Taken},
    scrape::Scrape,
    server::{TempDir, TestServer, wait_until},
    skip,
    start::suzu,
    tls::{Trusting, ca_pem},
    wire::Wire,
};
use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(200);
const PINGS: u32 = 10;
const YEAR_SECS: u64 = 365 * 86_400;
/// Ahead, back beyond the time of the build, and right again.
const JUMPS: [(&str, i64); 4] = [("+10y", 10), ("-20y", -20), ("+0", 0), ("+3y", 3)];

/// A server whose clock the test can set, by `set`.
struct Clocked {
    server: TestServer,
    offset: PathBuf,
}

impl Clocked {
    /// `None`, said loudly, without faketime. The program faketime would stand between the server and its test: what it would do is done here.
    fn start(state: TempDir, args: &[&str]) -> Option<Self> {
        let Ok(output) = Command::new("faketime").args(["now", "printenv", "LD_PRELOAD"]).output() else {
            skip("faketime");
            return None;
        };
        let offset = state.join("offset");
        fs::write(&offset, "+0").unwrap();
        let mut command = suzu(&state.path, args);
        command.env("LD_PRELOAD", String::from_utf8(output.stdout).unwrap().trim());
        command.env("FAKETIME_TIMESTAMP_FILE", &offset).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Some(Self { server: TestServer::start_command(command, state), offset })
    }

    fn set(&self, offset: &str) {
        // In one go: the server must not read half of it.
        let whole = self.offset.with_extension("new");
        fs::write(&whole, offset).unwrap();
        fs::rename(whole, &self.offset).unwrap();
    }

    /// What an Ayame client is told that registers with this key.
    fn told(&self, key: &str) -> Value {
        let mut wire = Wire::open(self.server.address);
        wire.text(&format!(r#"{{"type":"register","roomId":"door","key":"{key}"}}"#));
        serde_json::from_str(wire.frame().text()).unwrap()
    }
}

#[test]
fn calls_go_on_while_the_clock_jumps() {
    let interval = INTERVAL.as_secs_f64().to_string();
    let args = [
        ["--websocket-ping-interval-sec", &*interval],
        ["--websocket-pong-timeout-sec", "1"],
        ["--websocket-read-timeout-sec", "1.5"],
        ["--max-messages-per-second", "0"],
        ["--max-connections-per-second", "0"],
        ["--max-connections-per-address", "0"],
    ];
    let Some(clocked) = Clocked::start(TempDir::new(), &args.concat()) else { return };
    let server = &clocked.server;
    let neighbours = Neighbours::seat(server);
    let taken = Taken::by(server);
    let mut watcher = Wire::join(server.address, "watcher");
    for (offset, _) in JUMPS {
        let (start, cpu) = (Instant::now(), cpu_hundredths(server.pid()));
        clocked.set(offset);
        // Longer than any timeout here.
        for _ in 0..PINGS {
            while watcher.next_frame().expect("whoever answers stays").payload != br#"{"type":"ping"}"# {}
            watcher.text(r#"{"type":"pong"}"#);
        }
        let (elapsed, cpu) = (start.elapsed(), cpu_hundredths(server.pid()) - cpu);
        announce(&format!("{offset}: {PINGS} pings in {elapsed:.2?}, {cpu}0 ms of processor time"));
        // The first may come at once.
        assert!(elapsed > INTERVAL * (PINGS - 2), "{offset}: {PINGS} pings in {elapsed:?}: a storm");
        assert_eq!(Scrape::of(server.address).sum("suzu_clients"), 3.0, "{offset}: {}", server.log());
    }
    drop(watcher);
    taken.is_back(server, "after the jumps");
    neighbours.part();
    let log = server.log();
    assert!(!log.contains("closed with"), "{log}");
    // Whoever stops the machine for a while does not stop it for years.
    let stopped = |line: &str| line.split_once("stopped for ")?.1.split(' ').next()?.parse::<f64>().ok();
    assert!(log.lines().filter_map(stopped).sum::<f64>() < 3600.0, "a jump was taken for a stop: {log}");
}

#[test]
fn what_goes_by_the_clock_goes_by_what_it_says_now() {
    let state = TempDir::new();
    let token_secret = private_file(&state, "token_secret", "a secret of at least 32 bytes, for tokens");
    let turn_secret = private_file(&state, "turn_secret", "a secret for TURN");
    let args = [
        "--token-secret-file",
        &token_secret,
        "--turn-uri",
        "turn:192.0.2.1",
        "--turn-secret-file",
        &turn_secret,
    ];
    let Some(clocked) = Clocked::start(state, &args) else { return };
    let token = mint(&token_secret, &["--room", "door", "--ttl", "1h"]);
    let turn_ends = |told: &Value| -> i64 {
        let user = told["iceServers"][0]["username"].as_str().unwrap_or_else(|| panic!("{told}"));
        user.split(':').next().unwrap().parse().unwrap()
    };
    let ends = turn_ends(&clocked.told(&token)) - unix() as i64;
    for (offset, years) in JUMPS {
        clocked.set(offset);
        let told = clocked.told(&token);
        if years > 0 {
            assert_eq!(told["type"], "reject", "{offset}: the token has expired: {told}");
        } else {
            let shift = years * YEAR_SECS as i64;
            let error = turn_ends(&told) - unix() as i64 - ends - shift;
            // faketime's years may have leap days.
            assert!(error.unsigned_abs() < 40 * 86_400, "{offset}: TURN credentials end {error} s too late");
        }
    }
}

#[test]
fn the_certificate_follows_the_clock_while_the_server_runs() {
    let Some(clocked) = Clocked::start(TempDir::new(), &[]) else { return };
    let server = &clocked.server;
    let (authority, clients) = (ca_pem(server.address), Trusting::new(server));
    let neighbours = Neighbours::of([clients.join("a"), clients.join("a")]);
    let made = || server.whole_log().matches("made a certificate").count();
    let mut expected = made();
    for (offset, _) in JUMPS {
        // Without a signal it looks, too, every 10 s while somebody comes. The clock that was never set is told from a wrong certificate.
        clocked.set(offset);
        expected += usize::from(offset != "-20y");
        let reloads = server.whole_log().matches("was read again").count();
        server.signal("HUP");
        wait_until("the reload", || server.whole_log().matches("was read again").count() > reloads);
        announce(&format!("{offset}: {} certificates", made()));
        assert_eq!(made(), expected, "{offset}: {}", server.whole_log());
        assert_eq!(ca_pem(server.address), authority, "{offset}: devices need to trust nobody else");
    }
    neighbours.part();
}
