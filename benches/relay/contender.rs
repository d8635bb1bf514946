//! Who is measured: how each server is started, and what its clients say to it.

use super::machine::Cores;
use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// What the clients of a server speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speech {
    /// Bytes, without any upgrade: floor (a).
    Bytes,
    /// WebSockets in pairs, as they come or by the number in their path: floor (b), and a relay of the npm package `ws`.
    Pairs,
    Ayame,
    Mesh,
    Relay,
    /// The protocol of the npm package `peer`.
    PeerJs,
}

/// All clients have one address, and say more than people do.
pub(crate) const NO_LIMIT: [&str; 8] = [
    "--max-connections-per-address",
    "0",
    "--max-connections-per-second",
    "0",
    "--max-messages-per-second",
    "0",
    "--max-bytes-per-second",
    "0",
];

/// A server that runs; it ends with this.
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) speech: Speech,
    pub(crate) address: SocketAddr,
    /// The authority of those who speak TLS.
    pub(crate) ca_pem: Option<String>,
    child: Child,
    /// The server's standard input and what it prints: the one that counts allocations is asked so.
    pub(crate) ask: Option<ChildStdin>,
    pub(crate) answers: BufReader<std::process::ChildStdout>,
    /// What it may write to, and loses in the end.
    state: Option<PathBuf>,
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(state) = &self.state {
            let _ = fs::remove_dir_all(state);
        }
    }
}

impl Contender {
    /// Floor (a).
    pub(crate) fn bytes(cores: Cores) -> Self {
        Self::floor(cores, "(a) raw TCP", "raw", Speech::Bytes)
    }

    /// Floor (b).
    pub(crate) fn websocket(cores: Cores) -> Self {
        Self::floor(cores, "(b) raw WebSocket", "websocket", Speech::Pairs)
    }

    fn floor(cores: Cores, name: &str, kind: &str, speech: Speech) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--serve-floor", kind]);
        Self::start(cores, name, command, speech, None)
    }

    /// suzu as it is shipped, with room for so many clients; over TLS or not.
    pub(crate) fn suzu(cores: Cores, speech: Speech, has_tls: bool, clients: usize) -> Self {
        let clients = (clients + 64).to_string();
        let tls = if has_tls { "auto" } else { "off" };
        let mut args = vec!["--max-clients", &clients, "--max-rooms", &clients, "--tls", tls];
        args.extend(NO_LIMIT);
        Self::suzu_with(cores, &suzu_name(speech, has_tls), program(), speech, has_tls, &args)
    }

    /// A program that is suzu, or has it in itself, with these arguments besides.
    pub(crate) fn suzu_with(
        cores: Cores,
        name: &str,
        mut command: Command,
        speech: Speech,
        has_tls: bool,
        args: &[&str],
    ) -> Self {
        let state = env::temp_dir().join(format!("suzu-bench-{}-{}", std::process::id(), unique()));
        fs::create_dir_all(&state).unwrap();
        command.args(["--listen", "127.0.0.1:0"]).args(args).env("STATE_DIRECTORY", &state);
        let mut contender = Self::start(cores, name, command, speech, Some(state));
        contender.ca_pem = has_tls.then(|| ca_pem(contender.address));
        contender
    }

    /// A server of others, which prints `listening on http://ADDRESS` like the rest of us.
    pub(crate) fn peer(cores: Cores, name: &str, command: Command, speech: Speech) -> Self {
        Self::start(cores, name, command, speech, None)
    }

    fn start(cores: Cores, name: &str, mut command: Command, speech: Speech, state: Option<PathBuf>) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = cores.on_server(|| command.spawn()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ask = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(answers.read_line(&mut line).unwrap(), 0, "{name} did not start");
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                break address.trim_end_matches(", and https").parse().unwrap();
            }
        };
        await_port(address);
        let name = name.to_owned();
        Self { name, speech, address, ca_pem: None, child, ask, answers, state }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

pub(crate) fn suzu_name(speech: Speech, has_tls: bool) -> String {
    format!("suzu {}{}", format!("{speech:?}").to_lowercase(), if has_tls { ", TLS" } else { "" })
}

/// What cargo has built for the benchmark, or what `SUZU_UNDER_TEST` names (a static build, for example).
pub(crate) fn program() -> Command {
    let another = env::var("SUZU_UNDER_TEST").unwrap_or_default();
    let mut words = another.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(env!("CARGO_BIN_EXE_suzu")));
    command.args(words);
    command
}

/// Whether what is measured can speak TLS at all.
pub(crate) fn has_tls() -> bool {
    cfg!(feature = "tls")
}

/// Some say where they listen before they do.
fn await_port(address: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = TcpStream::connect(address) {
        assert!(Instant::now() < deadline, "{address}: {error}");
        sleep(Duration::from_millis(10));
    }
}

fn unique() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// The server's authority, which it gives to whoever asks.
fn ca_pem(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /ca.pem HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").expect("no authority").1.to_owned()
}

impl Speech {
    /// Where client number `number` is upgraded; `None` if it is not.
    pub(crate) fn path(self, number: usize) -> Option<String> {
        match self {
            Self::Bytes => None,
            Self::Pairs => Some(format!("/{number}")),
            Self::Ayame => Some("/signaling".to_owned()),
            Self::Mesh => Some("/mesh".to_owned()),
            Self::Relay => Some(format!("/relay?room=r{}", number / 2)),
            Self::PeerJs => Some(format!("/peerjs?key=peerjs&id=c{number}&token=t{number}&version=1.5.5")),
        }
    }

    /// How it takes its seat: two in a room.
    pub(crate) fn register(self, number: usize) -> Option<String> {
        let room = number / 2;
        match self {
            Self::Ayame => {
                Some(format!(r#"{{"type":"register","roomId":"r{room}","clientId":"c{number}"}}"#))
            }
            Self::Mesh => Some(format!(r#"{{"type":"connect","room":"r{room}","id":"c{number}"}}"#)),
            _ => None,
        }
    }

    /// What says that it has one.
    pub(crate) fn greeting(self) -> Option<&'static str> {
        match self {
            Self::Ayame => Some(r#""type":"accept""#),
            Self::Mesh => Some(r#""type":"connected""#),
            Self::PeerJs => Some(r#""type":"OPEN""#),
            _ => None,
        }
    }

    /// A message of so many bytes for the other in its room.
    pub(crate) fn message(self, number: usize, bytes: usize) -> String {
        let other = number ^ 1;
        let (before, after) = match self {
            Self::Mesh => {
                (format!(r#"{{"type":"offer","to":"c{other}","sdp":{{"type":"offer","sdp":""#), r#""}}"#)
            }
            Self::PeerJs => (format!(r#"{{"type":"OFFER","dst":"c{other}","payload":""#), r#""}"#),
            _ => (r#"{"type":"offer","sdp":""#.to_owned(), r#""}"#),
        };
        let filling = bytes - before.len() - after.len();
        let sdp = SDP_LINE.chars().cycle().take(filling);
        // No line may end in the middle of an escape.
        let sdp: String = sdp.collect::<String>().trim_end_matches('\\').to_owned();
        let padding = " ".repeat(filling - sdp.len());
        format!("{before}{sdp}{padding}{after}")
    }
}

/// What offers are made of, with the escapes that JSON gives them.
const SDP_LINE: &str = "a=candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0\\r\\na=rtpmap:111 opus/48000/2\\r\\n";
