//! One connection from the first byte to the last.
//!
//! It begins by waiting for a request head. Then it either gets an answer and ends, or becomes a WebSocket. Whoever did wrong is
//! told so, and the rest of what it sent is read and thrown away for a moment: closing a socket with unread bytes would destroy
//! the very answer that says what was wrong.

use super::{
    contexts::Contexts,
    event::{Arrived, Event},
    stream::{READ_BYTES, Received, Stream},
    tls::Session,
    websocket::{Fault, Flushed, Limits, WebSocket},
};
use crate::http::{
    asked::Asked,
    copied::Copied,
    request::{self, HEAD_BYTES_MAX},
    response::Refusal,
    routes::{Answer, Purpose, Site, Via, answer},
};
use std::{
    io::{self, ErrorKind},
    net::IpAddr,
    rc::Rc,
};
use tungstenite::Message;

/// A socket and what is awaited on it.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    /// What the listener is for by which it came.
    purpose: Purpose,
    /// Who is connected: the client, or a proxy.
    address: IpAddr,
    /// HTTP that is not written yet: an answer, or a 101 that goes before all frames.
    unsent: Vec<u8>,
    /// What had been read already when reading was suspended.
    held: Option<Vec<u8>>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A request head; this much of it has come.
    ExpectHead(Vec<u8>),
    /// Frames.
    Open(WebSocket),
    /// Last words are being written; what comes in is thrown away.
    Parting(Option<WebSocket>),
    /// The last words are written; the peer's end is awaited.
    Draining,
}

impl Connection {
    /// The most memory, in bytes, that one WebSocket takes besides this, with what was read and may not be served yet.
    pub fn bytes_max(limits: Limits, may_be_tls: bool) -> usize {
        Contexts::bytes_max(limits) + READ_BYTES + Self::UPGRADE_BYTES + Self::tls_bytes_max(may_be_tls)
    }

    /// The same before the upgrade: a head, in a buffer that doubles as it grows, and an answer.
    pub fn pending_bytes_max(may_be_tls: bool) -> usize {
        2 * HEAD_BYTES_MAX + READ_BYTES + Self::PAGE_BYTES + Self::tls_bytes_max(may_be_tls)
    }

    fn tls_bytes_max(may_be_tls: bool) -> usize {
        if may_be_tls { Session::BYTES_MAX } else { 0 }
    }

    /// A 101, generously.
    const UPGRADE_BYTES: usize = 1024;
    /// The longest page, as it is and with its head.
    const PAGE_BYTES: usize = 24 * 1024;

    /// A connection that was just accepted.
    pub fn new(stream: Stream, purpose: Purpose, address: IpAddr) -> Self {
        Self {
            stream,
            purpose,
            address,
            unsent: Vec::new(),
            held: None,
            state: State::ExpectHead(Vec::new()),
        }
    }

    /// The stream, to ask what it is.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The stream, to register it and to decide what it is.
    pub fn stream_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Whether a request head is awaited.
    pub fn expects_head(&self) -> bool {
        matches!(self.state, State::ExpectHead(_))
    }

    /// Whether last words are not all written yet.
    pub fn is_parting(&self) -> bool {
        matches!(self.state, State::Parting(_))
    }

    /// Reads once into `buffer`, or brings back what was held.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Arrived {
        if let Some(held) = self.held.take() {
            // It was read into this very buffer, so it fits.
            if let Some(front) = buffer.get_mut(..held.len()) {
                front.copy_from_slice(&held);
            }
            return Arrived::Bytes { count: held.len(), is_drained: false };
        }
        match self.stream.receive(buffer) {
            // What came before the end is served first; the end is found again.
            Ok(Some(Received { count: 0, is_end: true, .. })) => Arrived::End,
            Ok(Some(Received { count, is_drained, is_end })) => {
                Arrived::Bytes { count, is_drained: is_drained && !is_end }
            }
            Ok(None) => Arrived::Nothing,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.state = State::Parting(None);
                Arrived::Failed(error.to_string())
            }
            Err(_) => Arrived::End,
        }
    }

    /// Keeps the rest of what was read until [`Connection::receive`] is called again.
    pub fn hold(&mut self, rest: &[u8]) {
        // Even if nothing is left: the WebSocket may have taken whole frames in already.
        self.held = Some(rest.to_vec());
    }

    /// Whether something is held.
    pub fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Takes the next thing that happened out of `input`, which is cut accordingly; `None` when nothing more is in it.
    pub fn next_event(&mut self, input: &mut &[u8], site: &Site) -> Option<Event> {
        match &mut self.state {
            State::ExpectHead(_) => self.read_head(input, site),
            State::Open(socket) => match socket.read(input) {
                Ok(received) => received.map(Event::from),
                Err(fault) => {
                    self.fail(&fault);
                    Some(Event::Failed(fault))
                }
            },
            State::Parting(_) | State::Draining => {
                *input = &[];
                None
            }
        }
    }

    fn read_head(&mut self, input: &mut &[u8], site: &Site) -> Option<Event> {
        let State::ExpectHead(kept) = &mut self.state else { return None };
        let before = kept.len();
        if before > 0 {
            let room = input.len().min(HEAD_BYTES_MAX.saturating_sub(before));
            kept.extend_from_slice(input.get(..room).unwrap_or_default());
        }
        // Most heads arrive whole and are read where they are.
        let bytes = if before > 0 { kept.as_slice() } else { *input };
        let parsed = request::parse(bytes);
        let (mut copied, mut asked) = (None, Asked::NOTHING);
        let (answer, used) = match parsed {
            Ok(Some(head)) => {
                let is_from_here = site.requires_tls && self.stream.is_from_here();
                let via = Via {
                    purpose: self.purpose,
                    is_tls: self.stream.is_tls(),
                    is_from_here,
                    address: self.address,
                };
                asked = Asked::of(&head.request, site);
                let answer = answer(&head.request, site, via);
                if matches!(answer, Answer::Upgrade { .. }) {
                    copied = Copied::of(bytes, &site.copied_names);
                }
                (answer, head.bytes.saturating_sub(before))
            }
            Err(refusal) => (refusal.into(), input.len()),
            Ok(None) => {
                if before == 0 {
                    kept.extend_from_slice(input);
                }
                *input = &[];
                return None;
            }
        };
        *input = input.get(used..).unwrap_or_default();
        Some(match answer {
            Answer::Reply { status, bytes, why } => {
                self.reply(bytes);
                Event::Answered { status, why, asked }
            }
            Answer::Metrics { is_head } => {
                self.state = State::Parting(None);
                Event::Metrics { is_head, asked }
            }
            Answer::Upgrade { endpoint, wishes, address, bytes } => {
                self.unsent = bytes;
                Event::Upgraded { endpoint, wishes, address, copied }
            }
            Answer::Admin(action) => {
                self.state = State::Parting(None);
                Event::Admin(action)
            }
        })
    }

    /// Makes the connection a WebSocket, after [`Event::Upgraded`].
    pub fn open(&mut self, contexts: Rc<Contexts>) {
        self.state = State::Open(WebSocket::new(contexts));
    }

    /// Answers a request that has begun and did not come to its end in time: the HTTP status, or `None` if there is no such request.
    pub fn refuse_late(&mut self) -> Option<u16> {
        if !matches!(&self.state, State::ExpectHead(kept) if !kept.is_empty()) {
            return None;
        }
        self.refuse(Refusal::Timeout);
        Some(Refusal::Timeout.status())
    }

    /// Gives a request its answer, after an event that asks for one.
    pub fn answer(&mut self, bytes: Vec<u8>) {
        self.unsent = bytes;
    }

    /// Whether it came to look after the server.
    pub fn is_admin(&self) -> bool {
        self.purpose == Purpose::Admin
    }

    /// Answers a request with a refusal, in place of a 101 that is not written yet; nothing more will be read.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.reply(refusal.response());
    }

    fn reply(&mut self, bytes: Vec<u8>) {
        self.unsent = bytes;
        self.state = State::Parting(None);
    }

    /// Queues a close frame that says what the peer did wrong; nothing more will be read.
    pub fn fail(&mut self, fault: &Fault) {
        if !matches!(self.state, State::Open(_)) {
            return;
        }
        if let State::Open(mut socket) = std::mem::replace(&mut self.state, State::Draining) {
            socket.close(fault.code(), fault.reason());
            self.state = State::Parting(Some(socket));
        }
    }

    /// Queues a message; on a connection that is no open WebSocket it is dropped.
    ///
    /// # Errors
    /// [`Fault::QueueFull`] if the peer does not read.
    pub fn send(&mut self, message: Message) -> Result<(), Fault> {
        let State::Open(socket) = &mut self.state else { return Ok(()) };
        let Err(message) = socket.queue(message) else { return Ok(()) };
        // What one turn produces may be more than the queue holds though the peer reads well; and its 101 may be waiting for the end of that turn.
        let flushed = match write_all(&mut self.stream, &mut self.unsent) {
            Ok(true) => socket.flush(&mut self.stream),
            Ok(false) => Flushed::Blocked,
            Err(_) => Flushed::Over,
        };
        match flushed {
            Flushed::Blocked => socket.queue(*message).map_err(|_| Fault::QueueFull),
            // It reads well, and the message is longer than the queue: one of our own making. It is sent all the same.
            Flushed::All => {
                socket.queue_beyond(*message);
                Ok(())
            }
            // Gone, not slow: the flush at the end of the turn finds that out as well.
            Flushed::Over => Ok(()),
        }
    }

    /// Queues a message that has waited elsewhere: it counts in no queue any more.
    pub fn send_waiting(&mut self, message: Message) {
        if let State::Open(socket) = &mut self.state {
            socket.queue_beyond(message);
        }
    }

    /// Begins the closing handshake (RFC 6455 section 7.1.2).
    pub fn close(&mut self, code: u16, reason: &'static str) {
        if let State::Open(socket) = &mut self.state {
            socket.close(code, reason);
        }
    }

    /// Writes what is queued.
    pub fn flush(&mut self) -> Flushed {
        match write_all(&mut self.stream, &mut self.unsent) {
            Ok(true) => {}
            Ok(false) => return Flushed::Blocked,
            Err(_) => return Flushed::Over,
        }
        let mut flushed = match &mut self.state {
            State::ExpectHead(_) | State::Draining | State::Parting(None) => Flushed::All,
            State::Open(socket) | State::Parting(Some(socket)) => socket.flush(&mut self.stream),
        };
        if flushed == Flushed::All {
            flushed = match self.stream.flush() {
                Ok(true) => Flushed::All,
                Ok(false) => Flushed::Blocked,
                Err(_) => Flushed::Over,
            };
        }
        match flushed {
            Flushed::All if matches!(self.state, State::Parting(_)) => {
                self.stream.finish();
                self.state = State::Draining;
            }
            Flushed::Over => self.stream.finish(),
            Flushed::All | Flushed::Blocked => {}
        }
        flushed
    }
}

/// Writes as much as the stream takes; true when nothing is left, and then the memory is given back.
fn write_all(stream: &mut Stream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    while !bytes.is_empty() {
        match stream.send(bytes)? {
            Some(count) => drop(bytes.drain(..count)),
            None => return Ok(false),
        }
    }
    *bytes = Vec::new();
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::{gate::Gate, routes::Endpoint},
        net::socket::Socket,
    };
    use mio::net::UnixStream;
    use std::{io::Read, net::Ipv4Addr};

    const HEAD: &[u8] = b"GET /chat HTTP/1.1\r\nHost: box\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    fn site() -> Site {
        Site {
            endpoints: vec![Endpoint { path: "/chat".to_owned(), speaks: "chat" }],
            is_full: false,
            trust: None,
            gate: Gate::default(),
            requires_tls: false,
            has_default_https: false,
            copied_names: Vec::new(),
        }
    }

    /// Found by the fuzz target `websocket`: it was closed for being too slow, before it could read anything.
    #[test]
    fn a_newcomer_is_not_slow_because_its_101_is_not_written_yet() {
        let (server, mut client) = UnixStream::pair().unwrap();
        let stream = Stream::new(Socket::Unix(server));
        let mut connection = Connection::new(stream, Purpose::Public, Ipv4Addr::LOCALHOST.into());
        let mut input = HEAD;
        assert!(matches!(connection.next_event(&mut input, &site()), Some(Event::Upgraded { .. })));
        connection.open(Rc::new(Contexts::new(Limits { max_message_bytes: 100, max_queue_bytes: 300 })));
        for _ in 0..20 {
            assert_eq!(connection.send(Message::Binary(vec![b'x'; 100].into())), Ok(()));
        }
        assert_eq!(connection.flush(), Flushed::All);
        let mut heard = vec![0; 10_000];
        let count = client.read(&mut heard).unwrap();
        let head = heard.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert!(heard.starts_with(b"HTTP/1.1 101 "), "the 101 comes before all messages");
        assert_eq!(count - head, 20 * 102);
    }
}
