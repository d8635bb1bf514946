//! Bytes on connections, cut anywhere: some at once, as the loop has them, with one stock of contexts among them. What happens on each must be
//! what happens on a connection that is alone and gets its bytes in one piece.

use super::frame::{CLOSE, Frame, PONG};
use mio::net::UnixStream;
use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
};
use suzu::{
    http::{
        gate::Gate,
        routes::{Endpoint, Purpose, Site},
    },
    net::{
        connection::Connection,
        contexts::Contexts,
        event::{Arrived, Event},
        socket::Socket,
        stream::{READ_BYTES, Stream},
        websocket::{Flushed, Limits},
    },
};
use tungstenite::Message;

const LIMITS: Limits = Limits { max_message_bytes: 300, max_queue_bytes: 1_000 };
const CONNECTIONS: usize = 3;
/// What the last connection does not begin with: its bytes are its own from the first.
const HEAD: &[u8] = b"GET /echo HTTP/1.1\r\nHost: box\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// What happened on a connection, as far as it is the same however the bytes are cut.
#[derive(Debug, PartialEq, Eq)]
enum Happened {
    Upgraded,
    Answered(u16),
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Pong,
    Closed,
    Failed(String),
}

pub(super) fn run(bytes: &[u8]) {
    let pieces = pieces(bytes);
    let mut buffer = vec![0; READ_BYTES];
    let contexts = Rc::new(Contexts::new(LIMITS));
    let mut together: [Peer; CONNECTIONS] = std::array::from_fn(|_| Peer::new(contexts.clone()));
    let mut whole: [Vec<u8>; CONNECTIONS] = Default::default();
    for (index, peer) in together.iter_mut().enumerate().take(CONNECTIONS - 1) {
        peer.turn(HEAD, false, &mut buffer);
        whole[index].extend_from_slice(HEAD);
    }
    for (index, piece, does_hold) in pieces {
        together[index].turn(piece, does_hold, &mut buffer);
        whole[index].extend_from_slice(piece);
    }
    for (peer, bytes) in together.iter_mut().zip(&whole) {
        peer.turn(&[], false, &mut buffer);
        let mut alone = Peer::new(Rc::new(Contexts::new(LIMITS)));
        for piece in bytes.chunks(READ_BYTES) {
            alone.turn(piece, false, &mut buffer);
        }
        assert_eq!(peer.happened, alone.happened);
        peer.check_heard();
        alone.check_heard();
    }
}

/// Whose bytes come next, and whether the loop holds back what it has read: a byte for that, one for the length, and the bytes. A long piece
/// has more messages than the queue has room for.
fn pieces(mut bytes: &[u8]) -> Vec<(usize, &[u8], bool)> {
    let mut pieces = Vec::new();
    while let [what, length, rest @ ..] = bytes {
        let length = usize::from(*length) * if what & 0x40 == 0 { 1 } else { 8 };
        let (piece, rest) = rest.split_at(length.min(rest.len()));
        pieces.push((usize::from(*what) % CONNECTIONS, piece, what & 0x80 != 0));
        bytes = rest;
    }
    pieces
}

/// A connection of the server, and the client's end of its socket.
struct Peer {
    connection: Connection,
    client: UnixStream,
    contexts: Rc<Contexts>,
    site: Site,
    happened: Vec<Happened>,
    heard: Vec<u8>,
    is_over: bool,
}

impl Peer {
    fn new(contexts: Rc<Contexts>) -> Self {
        let (server, client) = UnixStream::pair().expect("a pair of sockets");
        let mut stream = Stream::new(Socket::Unix(server));
        stream.be_plain();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let site = Site {
            endpoints: vec![Endpoint { path: "/echo".to_owned(), speaks: "echo" }],
            is_full: false,
            trust: None,
            gate: Gate::default(),
            requires_tls: false,
            has_default_https: false,
            copied_names: Vec::new(),
        };
        Self {
            connection: Connection::new(stream, Purpose::Public, address),
            client,
            contexts,
            site,
            happened: Vec::new(),
            heard: Vec::new(),
            is_over: false,
        }
    }

    /// One turn of the loop: the bytes come, what they mean is done, and what is queued is written.
    fn turn(&mut self, bytes: &[u8], mut does_hold: bool, buffer: &mut [u8]) {
        if self.is_over || self.client.write_all(bytes).is_err() {
            return;
        }
        loop {
            let (count, is_drained) = match self.connection.receive(buffer) {
                Arrived::Bytes { count, is_drained } => (count, is_drained),
                Arrived::Nothing => break,
                Arrived::End | Arrived::Failed(_) => {
                    self.is_over = true;
                    break;
                }
            };
            let mut input = &buffer[..count];
            while let Some(event) = self.connection.next_event(&mut input, &self.site) {
                self.note(event);
                if std::mem::take(&mut does_hold) {
                    self.connection.hold(input);
                    break;
                }
            }
            if is_drained && !self.connection.holds() {
                break;
            }
        }
        self.is_over |= self.connection.flush() == Flushed::Over;
        self.hear();
    }

    fn note(&mut self, event: Event) {
        let happened = match event {
            Event::Upgraded { .. } => {
                self.connection.open(self.contexts.clone());
                Happened::Upgraded
            }
            Event::Answered { status, .. } => Happened::Answered(status),
            Event::Metrics { .. } => {
                self.connection.answer(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
                Happened::Answered(200)
            }
            Event::Admin(_) => panic!("this is not where the server is looked after"),
            Event::Text(text) => {
                assert!(text.len() <= LIMITS.max_message_bytes);
                let _ = self.connection.send(Message::Text(text.clone()));
                Happened::Text(text.as_str().to_owned())
            }
            Event::Binary(bytes) => {
                assert!(bytes.len() <= LIMITS.max_message_bytes);
                let _ = self.connection.send(Message::Binary(bytes.clone()));
                Happened::Binary(bytes.to_vec())
            }
            Event::Ping => Happened::Ping,
            Event::Pong => Happened::Pong,
            Event::Closed => Happened::Closed,
            Event::Failed(fault) => Happened::Failed(fault.to_string()),
        };
        assert!(!self.has_ended(), "{happened:?} after the end of {:?}", self.happened);
        self.happened.push(happened);
    }

    fn has_ended(&self) -> bool {
        matches!(self.happened.last(), Some(Happened::Closed | Happened::Failed(_) | Happened::Answered(_)))
    }

    fn hear(&mut self) {
        let mut buffer = [0; 4_096];
        loop {
            match self.client.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => self.heard.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return,
            }
        }
    }

    /// What the client hears: its messages again, in order and whole; a pong for its last ping; and a close at the end, if there is an end.
    fn check_heard(&mut self) {
        if self.happened.first() != Some(&Happened::Upgraded) {
            return;
        }
        let end = self.heard.windows(4).position(|window| window == b"\r\n\r\n").expect("a 101") + 4;
        let mut bytes = self.heard.split_off(end);
        let mut frames = Vec::new();
        while let Some(frame) = Frame::take(&mut bytes) {
            frames.push(frame);
        }
        assert!(bytes.is_empty(), "half a frame: {bytes:?}");
        let is_close = |frame: &Frame| frame.first == CLOSE;
        let closes = frames.iter().filter(|frame| is_close(frame)).count();
        assert_eq!(closes, usize::from(self.has_ended()), "{frames:?}");
        assert!(
            closes == 0 || frames.last().is_some_and(is_close),
            "nothing comes after a close: {frames:?}"
        );
        let said: Vec<_> = self.happened.iter().filter_map(echo).collect();
        let heard: Vec<_> = frames
            .iter()
            .filter(|frame| !matches!(frame.first, CLOSE | PONG))
            .map(|frame| (frame.first, &frame.payload[..]))
            .collect();
        assert_eq!(heard, said);
        let pings = self.happened.iter().filter(|one| **one == Happened::Ping).count();
        let pongs = frames.iter().filter(|frame| frame.first == PONG).count();
        assert!(pongs <= pings && (pongs > 0 || pings == 0 || closes > 0), "{pongs} pongs for {pings} pings");
    }
}

/// The frame that says the same.
fn echo(happened: &Happened) -> Option<(u8, &[u8])> {
    match happened {
        Happened::Text(text) => Some((0x81, text.as_bytes())),
        Happened::Binary(bytes) => Some((0x82, bytes)),
        _ => None,
    }
}
