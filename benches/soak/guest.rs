//! A client that expects each message, byte for byte: another one, or none within the deadline, is the end of the run.

use super::{
    common::{
        access::connect_from,
        server::wait_until,
        tls::{TlsStream, shake_hands},
        wire::{CLOSE, Frame, HANDSHAKE, PING, PONG, TEXT, Wire, frame},
    },
    door::{Door, path},
    kernel::has_connection,
};
use rand::{RngExt, rngs::StdRng};
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    sync::atomic::Ordering,
    time::Duration,
};
use suzu::signaling::Dialect;

/// Clients come from so many addresses of this machine.
const ADDRESSES: u8 = 200;

/// A socket, plain or inside TLS.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Stream {
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match self {
                Self::Plain(tcp) => tcp.read(buffer),
                Self::Tls(tls) => tls.read(buffer),
            };
            match result {
                // This process was stopped for a moment.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // An end of which TLS knew nothing.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => {
                let count = tls.write(bytes)?;
                tls.flush()?;
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A plain socket from one of many addresses.
pub(crate) fn tcp(door: &Door, random: &mut StdRng) -> TcpStream {
    door.connections.fetch_add(1, Ordering::Relaxed);
    connect_from(Ipv4Addr::new(127, 0, 1, random.random_range(1..=ADDRESSES)), door.address).stream
}

/// A connection on which nothing was said yet but TLS, if it is that.
pub(crate) fn connect(door: &Door, random: &mut StdRng, is_secure: bool) -> Wire<Stream> {
    let tcp = tcp(door, random);
    Wire::over(match is_secure {
        false => Stream::Plain(tcp),
        true => Stream::Tls(Box::new(shake_hands(tcp, &door.trust, "127.0.0.1").unwrap())),
    })
}

/// Asks for a WebSocket, and gets it.
pub(crate) fn upgrade(wire: &mut Wire<Stream>, path: &str) {
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n").as_bytes());
    let head = wire.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

/// How somebody goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leave {
    /// With a close frame, as RFC 6455 has it.
    Close,
    /// With the end of what it sends.
    Fin,
    /// With an RST.
    Reset,
}

impl Leave {
    pub(crate) fn any(random: &mut StdRng) -> Self {
        [Self::Close, Self::Fin, Self::Reset][random.random_range(0..3)]
    }
}

pub(crate) struct Guest<'a> {
    pub(crate) wire: Wire<Stream>,
    door: &'a Door,
    dialect: Dialect,
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.door.tally(self.dialect).there.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'a> Guest<'a> {
    /// A WebSocket; half of them over TLS.
    pub(crate) fn come(door: &'a Door, random: &mut StdRng, dialect: Dialect, room: &str) -> Self {
        let is_secure = random.random();
        Self::come_by(door, random, dialect, room, is_secure)
    }

    pub(crate) fn come_by(
        door: &'a Door,
        random: &mut StdRng,
        dialect: Dialect,
        room: &str,
        is_secure: bool,
    ) -> Self {
        let mut wire = connect(door, random, is_secure);
        upgrade(&mut wire, &path(dialect, room));
        door.tally(dialect).there.fetch_add(1, Ordering::Relaxed);
        Self { wire, door, dialect }
    }

    /// Says something to the server itself.
    pub(crate) fn tell(&mut self, text: &str) {
        self.wire.text(text);
    }

    /// Says something to others.
    pub(crate) fn say(&mut self, text: &str) {
        self.say_frame(TEXT, text.as_bytes());
    }

    pub(crate) fn say_frame(&mut self, first: u8, payload: &[u8]) {
        self.wire.send(&frame(first, payload));
        self.door.tally(self.dialect).said.fetch_add(1, Ordering::Relaxed);
    }

    /// This and nothing else comes next from others.
    pub(crate) fn hear(&mut self, text: &str) {
        self.hear_frame(TEXT, text.as_bytes());
    }

    pub(crate) fn hear_frame(&mut self, first: u8, payload: &[u8]) {
        let next = self.next();
        let is_it = next.first == first && next.payload == payload;
        assert!(
            is_it,
            "lost or foreign: {:x} {:?} and not {:?}",
            next.first,
            begin(&next.payload),
            begin(payload)
        );
        self.door.tally(self.dialect).heard.fetch_add(1, Ordering::Relaxed);
    }

    /// What comes next is of the server itself, and has this in it.
    pub(crate) fn told(&mut self, part: &str) -> String {
        let next = self.next();
        assert!(next.first == TEXT && next.text().contains(part), "{part:?} was to come: {next:?}");
        next.text().to_owned()
    }

    /// The server closes, with this code.
    pub(crate) fn dismissed(mut self, code: u16) {
        let close = self.next();
        assert_eq!(close.close_code(), code, "{close:?}");
        self.wire.send(&frame(CLOSE, &close.payload));
        self.wire.ends();
    }

    /// The same after a fault, when nothing that is sent is read any more.
    pub(crate) fn shown_out(mut self, code: u16) {
        let close = self.next();
        assert_eq!(close.close_code(), code, "{close:?}");
        let _ = self.wire.stream.tcp().shutdown(Shutdown::Write);
        self.wire.ends();
    }

    /// The next frame that is no ping; those are answered.
    fn next(&mut self) -> Frame {
        loop {
            let next = self.wire.next_frame().expect("the server has ended a connection");
            match next.first {
                PING => self.wire.send(&frame(PONG, &next.payload)),
                _ if next.payload == br#"{"type":"ping"}"# => self.tell(r#"{"type":"pong"}"#),
                _ => return next,
            }
        }
    }

    /// Everything that it sent before was handled, and nothing unexpected has come.
    pub(crate) fn settle(&mut self) {
        self.wire.send(&frame(PING, b"settle"));
        let pong = self.next();
        assert_eq!((pong.first, &*pong.payload), (PONG, &b"settle"[..]), "foreign: {pong:?}");
    }

    pub(crate) fn leave(mut self, how: Leave) {
        self.settle();
        match how {
            Leave::Close => {
                self.wire.send(&frame(CLOSE, &1000u16.to_be_bytes()));
                assert_eq!(self.next().close_code(), 1000);
                self.wire.ends();
            }
            Leave::Fin => {
                self.wire.stream.tcp().shutdown(Shutdown::Write).unwrap();
                self.wire.ends();
            }
            Leave::Reset => reset(self.wire.stream.tcp()),
        }
    }

    /// Goes with an RST that is there, since the kernel has forgotten the connection, before anything that others say from now on: on a busy
    /// machine that might overtake it.
    pub(crate) fn vanish(self) {
        let ends = (self.door.address, self.wire.stream.tcp().local_addr().unwrap());
        self.leave(Leave::Reset);
        wait_until("the end of a connection", || !has_connection(ends.0, ends.1));
    }
}

/// Whoever drops this socket ends it with an RST.
pub(crate) fn reset(tcp: &TcpStream) {
    SockRef::from(tcp).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Letters of any length up to `longest`: candidates and offers are as long.
pub(crate) fn filling(random: &mut StdRng, longest: usize) -> String {
    const LETTERS: &str =
        "a=candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0 ";
    let length = random.random_range(0..longest);
    LETTERS.chars().cycle().take(length).collect()
}

/// Enough of a message to know it again.
fn begin(payload: &[u8]) -> String {
    String::from_utf8_lossy(&payload[..payload.len().min(200)]).into_owned()
}
