//! A conversation with a real server, over real sockets.
//!
//! Time cannot be moved here. Where a conversation has time in it, all the server's times are divided by [`scale`], and `+61s` is
//! how much longer the next thing may take to come.

use super::{
    channel::Channel,
    server::{DEADLINE, TempDir, TestServer},
    start::is_emulated,
    transcript::{Action, Heard, Said, Stage, Transcript},
    wire::{self, Frame, HANDSHAKE, frame},
};
use mio::{Events, Poll, Token};
use std::{
    collections::{BTreeMap, VecDeque},
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};
use suzu::config::settings;

/// How much faster than it says a conversation runs: so much that nobody is late.
fn scale() -> f64 {
    if is_emulated() { 2.5 } else { 10.0 }
}

pub struct RealStage {
    server: TestServer,
    #[cfg(feature = "tls")]
    trusting: Option<super::tls::Trusting>,
    poll: Poll,
    clients: BTreeMap<String, Client>,
    patience: Duration,
    opened: usize,
}

struct Client {
    channel: Channel,
    received: Vec<u8>,
    /// What its request was answered with.
    status: Option<u16>,
    heard: VecDeque<Heard>,
    /// Payloads of pongs that came.
    pongs: usize,
    pings_sent: usize,
    is_muted: bool,
    shows_pings: bool,
    /// The socket has ended.
    has_end: bool,
    /// It has ended, and the client has noticed.
    is_over: bool,
}

impl RealStage {
    /// A server with the settings of the transcript, and clients that come over ws.
    pub fn over_ws(transcript: &Transcript) -> Self {
        let config = transcript.config();
        let mut args = Vec::new();
        for setting in settings::settings().filter(|setting| !setting.may_repeat && !setting.is_secret) {
            let Some(value) = (setting.show)(&config).pop() else { continue };
            let is_scaled = transcript.has_time() && setting.key.ends_with("_sec");
            let value = if is_scaled { (value.parse::<f64>().unwrap() / scale()).to_string() } else { value };
            args.extend([setting.flag(), value]);
        }
        // What may be given several times, and secrets, go by a file that nobody else can read.
        let state = TempDir::new();
        let is_for_file =
            |key: &str| settings::find(key).is_some_and(|setting| setting.may_repeat || setting.is_secret);
        let lines = transcript.settings.iter().filter(|(key, _)| is_for_file(key));
        let text: String = lines.map(|(key, value)| format!("{key} = {value}\n")).collect();
        let file = state.join("suzu.conf");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        args.extend(["-C".to_owned(), file.to_str().unwrap().to_owned()]);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Self {
            server: TestServer::start_in(state, &args),
            #[cfg(feature = "tls")]
            trusting: None,
            poll: Poll::new().unwrap(),
            clients: BTreeMap::new(),
            patience: DEADLINE,
            opened: 0,
        }
    }

    /// The same over wss.
    #[cfg(feature = "tls")]
    pub fn over_wss(transcript: &Transcript) -> Self {
        let stage = Self::over_ws(transcript);
        // From the disk: a request would take the first slot, and peers whose time is up at the same moment go in the order of their slots.
        let authority = std::fs::read_to_string(stage.server.state.join("authority.pem")).unwrap();
        let config = super::tls::client_config(&authority);
        Self { trusting: Some(super::tls::Trusting { address: stage.server.address, config }), ..stage }
    }

    fn connect(&self) -> Channel {
        #[cfg(feature = "tls")]
        if let Some(trusting) = &self.trusting {
            return Channel::tls(trusting.connect().stream);
        }
        Channel::plain(TcpStream::connect(self.server.address).unwrap())
    }

    fn client(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).unwrap_or_else(|| panic!("{name} is not open"))
    }

    /// Reads from everybody until the condition holds; false if it does not in time.
    fn wait(&mut self, condition: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + self.patience;
        let mut events = Events::with_capacity(64);
        loop {
            self.clients.values_mut().for_each(Client::pump);
            if condition(self) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            match self.poll.poll(&mut events, Some(left)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// Waits until the server has handled all that this client has sent.
    fn settle(&mut self, name: &str) {
        let client = self.client(name);
        if client.is_over || client.is_muted {
            return;
        }
        client.send(&frame(wire::PING, b"settle"));
        client.pings_sent += 1;
        let is_settled = |client: &Client| client.is_over || client.pongs >= client.pings_sent;
        assert!(self.wait(|stage| is_settled(&stage.clients[name])), "{name} got no pong");
    }
}

impl Client {
    fn pump(&mut self) {
        self.fill();
        // A mute client looks at nothing, and so answers nothing, until somebody asks what it has heard.
        if !self.is_muted {
            self.look();
        }
    }

    fn fill(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while !self.has_end {
            match self.channel.read(&mut buffer) {
                Ok(0) => self.has_end = true,
                Ok(count) => self.received.extend(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => self.has_end = true,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn look(&mut self) {
        self.is_over |= self.has_end;
        if self.status.is_none() {
            let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            let head: Vec<u8> = self.received.drain(..at + 4).collect();
            let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            assert!(status.is_some(), "{}", String::from_utf8_lossy(&head));
            self.status = status;
        }
        if self.status != Some(101) {
            return;
        }
        while let Some(frame) = Frame::take(&mut self.received) {
            self.take(&frame);
        }
    }

    /// Whether a close frame is waiting to be looked at.
    fn has_close(&self) -> bool {
        let mut bytes = self.received.clone();
        std::iter::from_fn(|| Frame::take(&mut bytes)).any(|frame| frame.first == wire::CLOSE)
    }

    fn take(&mut self, got: &Frame) {
        match got.first {
            wire::TEXT => {
                let text = got.text().to_owned();
                let is_ping = text == r#"{"type":"ping"}"#;
                if is_ping && !self.is_muted {
                    self.send(&frame(wire::TEXT, br#"{"type":"pong"}"#));
                }
                if !is_ping || self.shows_pings {
                    self.heard.push_back(Heard::Text(text));
                }
            }
            wire::BINARY => self.heard.push_back(Heard::Binary(got.payload.clone())),
            wire::PING if !self.is_muted => self.send(&frame(wire::PONG, &got.payload)),
            wire::PING => {}
            wire::PONG => self.pongs += 1,
            wire::CLOSE => {
                self.heard.push_back(Heard::Closed(got.close_code(), got.close_reason().to_owned()));
                self.send(&frame(wire::CLOSE, &got.payload));
            }
            _ => panic!("an unexpected frame: {got:?}"),
        }
    }

    /// Small enough for any socket buffer. That the server has closed already is no fault of the client.
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.channel.write_all(bytes);
    }
}

impl Stage for RealStage {
    fn open(&mut self, name: &str, path: &str) {
        assert_eq!(self.ask(name, path), 101, "{name} was not let in");
    }

    fn ask(&mut self, name: &str, path: &str) -> u16 {
        let mut channel = self.connect();
        channel.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes()).unwrap();
        self.opened += 1;
        channel.register(self.poll.registry(), Token(self.opened));
        let client = Client {
            channel,
            received: Vec::new(),
            status: None,
            heard: VecDeque::new(),
            pongs: 0,
            pings_sent: 0,
            is_muted: false,
            shows_pings: false,
            has_end: false,
            is_over: false,
        };
        self.clients.insert(name.to_owned(), client);
        assert!(self.wait(|stage| stage.clients[name].status.is_some()), "{name} got no answer");
        let status = self.client(name).status.unwrap();
        if status != 101 {
            self.clients.remove(name);
        }
        status
    }

    fn act(&mut self, name: &str, action: Action) {
        match action {
            Action::Mute => {
                self.settle(name);
                self.client(name).is_muted = true;
            }
            Action::ShowPings => self.client(name).shows_pings = true,
            Action::Vanish => {
                self.settle(name);
                let client = self.client(name);
                client.channel.cut();
                client.is_over = true;
            }
            Action::Leave => {
                let client = self.client(name);
                client.send(&frame(wire::CLOSE, &1000u16.to_be_bytes()));
                assert!(self.wait(|stage| stage.clients[name].is_over), "{name} cannot leave");
                // The server echoes the close; that is no news to the client.
                let echo = self.client(name).heard.pop_back();
                assert_eq!(echo, Some(Heard::Closed(1000, String::new())));
            }
        }
    }

    fn say(&mut self, name: &str, said: &Said) {
        let client = self.client(name);
        match said {
            Said::Text(text) => client.send(&frame(wire::TEXT, text.as_bytes())),
            Said::Binary(bytes) => client.send(&frame(wire::BINARY, bytes)),
            Said::Pong => client.send(&frame(wire::PONG, b"")),
        }
        // Lines happen one after the other, though sockets are many.
        self.settle(name);
    }

    fn pass(&mut self, time: Duration) {
        self.patience += time.div_f64(scale());
    }

    fn hear(&mut self, name: &str) -> Option<Heard> {
        if self.client(name).is_muted && self.client(name).heard.is_empty() {
            // It looks only once it is let go: by looking it would answer.
            assert!(self.wait(|stage| stage.clients[name].has_close()), "{name} was not let go");
            self.client(name).look();
        }
        self.wait(|stage| !stage.clients[name].heard.is_empty() || stage.clients[name].is_over);
        self.client(name).heard.pop_front()
    }

    fn left_over(&mut self, name: &str) -> Vec<Heard> {
        // What others said may be on its way to this one: first let all of it be handled.
        for other in self.clients() {
            self.settle(&other);
        }
        self.settle(name);
        self.client(name).heard.iter().cloned().collect()
    }

    fn clients(&self) -> Vec<String> {
        self.clients.keys().cloned().collect()
    }
}
