//! Clients that vanish without a word: from one moment on not a packet passes between them and the server. Their rooms hear of it when the
//! pongs have failed to come for long enough.

use crate::common::{
    announce,
    link::{DEAD, Far, GOOD},
    neighbours::{Neighbours, Taken},
    netns::is_alone,
    server::{TempDir, TestServer},
    start::program,
    wire::{PING, PONG, TEXT, Wire, frame},
};
use std::{
    env,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

const PATHS: [&str; 2] = ["/signaling", "/mesh"];

/// For how long whom is waited.
struct Patience {
    interval: Duration,
    timeout: Duration,
    grace: Duration,
}

impl Patience {
    /// Short, or with `SUZU_TEST_DEFAULTS=1` that of the defaults.
    fn chosen() -> Self {
        let ms = Duration::from_millis;
        if env::var_os("SUZU_TEST_DEFAULTS").is_some() {
            return Self { interval: ms(5_000), timeout: ms(60_000), grace: ms(10_000) };
        }
        Self { interval: ms(500), timeout: ms(3_000), grace: ms(1_000) }
    }

    fn start(&self) -> TestServer {
        let secs = |time: Duration| time.as_secs_f64().to_string();
        let mut command = program();
        command.args(["--listen", "0.0.0.0:0", "--close-timeout-sec", "0.5"]);
        command.args(["--websocket-ping-interval-sec", &secs(self.interval)]);
        command.args(["--websocket-pong-timeout-sec", &secs(self.timeout)]);
        command.args(["--resume-grace-sec", &secs(self.grace)]);
        TestServer::start_command(command, TempDir::new())
    }
}

/// The next message that is no ping; pings are answered.
fn hear(wire: &mut Wire<TcpStream>) -> String {
    loop {
        let heard = wire.next_frame().expect("the connection ended");
        if heard.first == PING {
            wire.send(&frame(PONG, &heard.payload));
        } else if heard.first == TEXT && heard.payload != br#"{"type":"ping"}"# {
            return heard.text().to_owned();
        }
    }
}

/// Waits for a message with this in it, and says how long after the cut it came.
fn hears_of_it(mate: &mut Wire<TcpStream>, what: &str, cut: Instant) -> Duration {
    while !hear(mate).contains(what) {}
    cut.elapsed()
}

#[test]
fn whoever_vanishes_is_let_go_at_the_pong_timeout_and_the_room_hears_of_it() {
    if !is_alone("half_open::whoever_vanishes_is_let_go_at_the_pong_timeout_and_the_room_hears_of_it") {
        return;
    }
    let Some(mut far) = Far::away(2) else { return };
    let patience = Patience::chosen();
    let Patience { interval, timeout, .. } = patience;
    let mut server = patience.start();
    let neighbours = Neighbours::seat(&server);
    let taken = Taken::by(&server);
    let port = server.address.port();
    // Two rooms, each with one who stays and one who will vanish.
    let [mut ayame, mut mesh] = PATHS.map(|path| Wire::connect(server.address).upgraded_at(path));
    let [mut gone_ayame, mut gone_mesh] = PATHS.map(|path| Wire::over(far.tcp(port)).upgraded_at(path));
    let (register, connect) =
        (r#"{"type":"register","roomId":"door"}"#, r#"{"type":"connect","room":"door"}"#);
    for (wires, text) in [([&mut ayame, &mut gone_ayame], register), ([&mut mesh, &mut gone_mesh], connect)] {
        for wire in wires {
            wire.text(text);
            hear(wire);
        }
    }
    // It is alive: a message comes over, and pings are answered for longer than the timeout.
    assert!(hear(&mut mesh).contains("peer-connected"));
    let alive = Instant::now();
    while alive.elapsed() < timeout + interval {
        for wire in [&mut ayame, &mut mesh, &mut gone_ayame, &mut gone_mesh] {
            let ping = wire.next_frame().expect("whoever answers stays");
            if ping.first == PING {
                wire.send(&frame(PONG, &ping.payload));
            }
        }
    }

    far.set(DEAD);
    let cut = Instant::now();
    ayame.text(r#"{"type":"offer","sdp":"for one who is gone"}"#);
    // Both at once: each has pings to answer meanwhile.
    let [left, lost] = thread::scope(|scope| {
        let left = scope.spawn(|| hears_of_it(&mut ayame, r#"{"type":"bye"}"#, cut));
        let lost = scope.spawn(|| hears_of_it(&mut mesh, "peer-disconnected", cut));
        [left, lost].map(|heard| heard.join().unwrap())
    });
    announce(&format!("let go {left:.2?} after the cut, and the mesh seat was free {lost:.2?} after it"));
    // The last pong may have come an interval before the cut, and no pong comes from later than the cut.
    assert!(left + interval + interval >= timeout, "{left:?} is too early");
    assert!(lost >= left, "a mesh seat has the grace besides");
    assert!(far.counts().lost > 0);
    drop((ayame, mesh));
    taken.is_back(&server, "half-open");
    neighbours.part();
    assert!(!server.log().contains("ERROR"), "{}", server.log());

    // When the way is there again, the one who had vanished is told by the system that nobody knows it.
    far.set(GOOD);
    for mut gone in [gone_ayame, gone_mesh] {
        gone.text(r#"{"type":"pong"}"#);
        gone.ends();
    }
    assert!(server.is_alive());
}
