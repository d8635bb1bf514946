//! A client that speaks raw bytes and frames (RFC 6455 section 5): whatever a socket can send, it can send, and what it
//! receives it takes apart by itself, without the library that the server uses.

pub use super::frame::{BINARY, CLOSE, Frame, PING, PONG, TEXT, frame};
use super::server::DEADLINE;
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
};

/// The headers of a correct handshake, but for the first line and Host.
pub const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A connection whose reads and writes have a deadline.
pub fn tcp(address: SocketAddr) -> TcpStream {
    with_deadlines(TcpStream::connect(address).unwrap())
}

/// The same for a connection that is there already.
pub fn with_deadlines(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A blocking client; every wait of it has a deadline.
pub struct Wire<S = TcpStream> {
    pub stream: S,
    received: Vec<u8>,
}

impl Wire {
    /// A connection on which nothing was said yet.
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(tcp(address))
    }

    /// A WebSocket on `/signaling`.
    pub fn open(address: SocketAddr) -> Self {
        Self::connect(address).upgraded()
    }

    /// A WebSocket that is seated in a room.
    pub fn join(address: SocketAddr, room: &str) -> Self {
        Self::open(address).seated(room)
    }
}

impl<S: Read + Write> Wire<S> {
    /// A client on a stream whose reads and writes have a deadline.
    pub fn over(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    /// Makes it a WebSocket on `/signaling`.
    pub fn upgraded(self) -> Self {
        self.upgraded_at("/signaling")
    }

    /// Makes it a WebSocket on this path.
    pub fn upgraded_at(mut self, path: &str) -> Self {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
        let head = self.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{path}: {head}");
        self
    }

    /// Takes a seat in a room.
    pub fn seated(mut self, room: &str) -> Self {
        self.text(&format!(r#"{{"type":"register","roomId":"{room}"}}"#));
        let accept = self.frame();
        assert!(accept.text().contains(r#""type":"accept""#), "{accept:?}");
        self
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn text(&mut self, text: &str) {
        self.send(&frame(TEXT, text.as_bytes()));
    }

    /// The next response head, with the empty line; what follows stays.
    pub fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                return String::from_utf8(self.received.drain(..at + 4).collect()).unwrap();
            }
            assert_ne!(self.read_more(), 0, "no head: {:?}", String::from_utf8_lossy(&self.received));
        }
    }

    /// Sends a request and returns everything that comes back until the end.
    pub fn exchange(mut self, bytes: &[u8]) -> String {
        self.send(bytes);
        String::from_utf8(self.rest()).unwrap()
    }

    /// Everything until the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() > 0 {}
        std::mem::take(&mut self.received)
    }

    /// The next frame that is no ping of the server.
    pub fn frame(&mut self) -> Frame {
        loop {
            let frame = self.next_frame().expect("the connection ended");
            if frame.first != PING && frame.payload != br#"{"type":"ping"}"# {
                return frame;
            }
        }
    }

    /// The next frame of any kind, or `None` at the end of the connection.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::take(&mut self.received) {
                return Some(frame);
            }
            if self.read_more() == 0 {
                return None;
            }
        }
    }

    /// Sends a ping and waits for its pong: all that was sent before has been handled then.
    pub fn settle(&mut self) {
        self.send(&frame(PING, b"settle"));
        let pong = self.frame();
        assert_eq!((pong.first, &*pong.payload), (PONG, &b"settle"[..]));
    }

    /// Reads until the server has closed the connection; true if in an orderly way.
    pub fn ends(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                // The latter is the end of a TLS connection of which TLS knew nothing.
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) =>
                {
                    return false;
                }
                Err(error) => panic!("the connection did not end: {error}"),
            }
        }
    }

    fn read_more(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    self.received.extend(&buffer[..count]);
                    return count;
                }
                // Whoever stops the test itself for a while (SIGSTOP) ends a read that has a deadline.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return 0,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }
}

/// Two in a room of their own, who must notice nothing of what others do.
pub struct Bystanders<S = TcpStream> {
    pair: [Wire<S>; 2],
    round: usize,
}

impl Bystanders {
    /// Seats them, and shows that they can talk.
    pub fn seat(address: SocketAddr) -> Self {
        Self::of([(); 2].map(|()| Wire::join(address, "bystanders")))
    }
}

impl<S: Read + Write> Bystanders<S> {
    /// Shows that two who are seated in a room can talk.
    pub fn of(pair: [Wire<S>; 2]) -> Self {
        let mut bystanders = Self { pair, round: 0 };
        bystanders.exchange();
        bystanders
    }

    /// Says that both are there, whether they were asked or not.
    pub fn pong(&mut self) {
        self.pair.iter_mut().for_each(|wire| wire.text(r#"{"type":"pong"}"#));
    }

    /// An offer goes over and an answer comes back, byte for byte, and nothing else came before them.
    pub fn exchange(&mut self) {
        self.round += 1;
        for (from, kind) in [(0, "offer"), (1, "answer")] {
            let text = format!(r#"{{"sdp":"v=0", "type":"{kind}", "round":{}}}"#, self.round);
            self.pair[from].text(&text);
            assert_eq!(self.pair[1 - from].frame().text(), text, "the bystanders were disturbed");
        }
    }
}
