//! One connection to where webhooks go, from the first SYN over some requests, one after the other, to its end.

use super::{fault::Fault, secure::Session};
use crate::{
    http::reply::{Reader, Reply},
    net::stream::{read, write},
    slots::Key,
};
use mio::{Interest, Registry, Token, net::TcpStream};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

/// A connection, and what is awaited on it.
#[derive(Debug)]
pub(super) struct Line {
    /// To whom: the index of an origin.
    pub(super) origin: usize,
    /// To which of its addresses.
    pub(super) address: SocketAddr,
    wire: Wire,
    stage: Stage,
    /// Whose request is on it; nobody's while it is idle.
    pub(super) call: Option<Key>,
    /// Whether an earlier request was answered on it.
    is_reused: bool,
}

#[derive(Debug)]
enum Stage {
    /// The connection; patience with this address ends then.
    Connecting(Duration),
    /// The other side's part of the TLS handshake.
    Handshaking,
    /// That the socket takes the rest of the request, of which so many bytes are written.
    Sending(usize),
    /// The answer.
    ExpectReply(Reader),
    /// Another request, until then.
    Idle(Duration),
}

/// How far a request has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// Something is awaited.
    Pending,
    /// It was answered; whether the connection can be used again.
    Answered(Reply, bool),
    /// Connecting failed: another address may do better.
    Unreachable(String),
    /// An idle connection had ended before the request came: another connection will do better.
    Stale,
    /// It failed.
    Failed(Fault),
}

impl Line {
    /// Begins to connect, for `call`, and gives up at `until`.
    ///
    /// # Errors
    /// The system's: no route, no descriptor left.
    pub(super) fn connect(
        (origin, address): (usize, SocketAddr),
        tls: Option<Session>,
        call: Key,
        until: Duration,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut tcp = TcpStream::connect(address)?;
        registry.register(&mut tcp, token, Interest::READABLE | Interest::WRITABLE)?;
        // A request is one write. If it cannot be set, it is only slower.
        let _ = tcp.set_nodelay(true);
        let wire = Wire { tcp, tls: tls.map(Box::new) };
        Ok(Self {
            origin,
            address,
            wire,
            stage: Stage::Connecting(until),
            call: Some(call),
            is_reused: false,
        })
    }

    /// Takes a request on; the line was idle.
    pub(super) fn reuse(&mut self, call: Key) {
        self.stage = Stage::Sending(0);
        self.call = Some(call);
        self.is_reused = true;
    }

    /// Waits for another request until then.
    pub(super) fn rest(&mut self, until: Duration) {
        self.stage = Stage::Idle(until);
        self.call = None;
    }

    /// Until when it is idle, if it is.
    pub(super) fn idle_until(&self) -> Option<Duration> {
        if let Stage::Idle(until) = self.stage { Some(until) } else { None }
    }

    /// Until when it connects, if it does.
    pub(super) fn connects_until(&self) -> Option<Duration> {
        if let Stage::Connecting(until) = self.stage { Some(until) } else { None }
    }

    /// What is awaited, in words.
    pub(super) fn awaited(&self) -> &'static str {
        match self.stage {
            Stage::Connecting(_) => "a connection",
            Stage::Handshaking => "the TLS handshake",
            Stage::Sending(_) => "the request to be taken",
            Stage::ExpectReply(_) => "the answer",
            Stage::Idle(_) => "another request",
        }
    }

    /// Whether nothing happened on an idle line: an end, or bytes that nobody asked for, make it useless.
    pub(super) fn is_usable(&mut self, buffer: &mut [u8]) -> bool {
        // TLS may have had something to say to itself, like a new ticket.
        matches!(self.wire.receive(buffer), Ok(None))
    }

    /// Goes on with the request as far as the socket lets it.
    pub(super) fn advance(&mut self, request: &[u8], buffer: &mut [u8]) -> Progress {
        loop {
            match &mut self.stage {
                Stage::Connecting(_) => match self.wire.is_connected() {
                    Ok(false) => return Progress::Pending,
                    Ok(true) if self.wire.tls.is_some() => self.stage = Stage::Handshaking,
                    Ok(true) => self.stage = Stage::Sending(0),
                    Err(error) => return Progress::Unreachable(error.to_string()),
                },
                Stage::Handshaking => match self.wire.shake_hands(buffer) {
                    Ok(false) => return Progress::Pending,
                    Ok(true) => self.stage = Stage::Sending(0),
                    Err(error) => return Progress::Failed(Fault::Tls(error.to_string())),
                },
                Stage::Sending(sent) => match self.wire.send(request.get(*sent..).unwrap_or_default()) {
                    Ok(None) => return Progress::Pending,
                    Ok(Some(count)) if *sent + count < request.len() => *sent += count,
                    // If it cannot be sent, there may be an answer already that says why. If not, reading says what is the matter.
                    Ok(Some(_)) | Err(_) => self.stage = Stage::ExpectReply(Reader::default()),
                },
                Stage::ExpectReply(reader) => {
                    if let Some(progress) = expect_reply(&mut self.wire, reader, self.is_reused, buffer) {
                        return progress;
                    }
                }
                Stage::Idle(_) => return Progress::Pending,
            }
        }
    }

    /// Ends it.
    pub(super) fn close(mut self, registry: &Registry) {
        if let Some(tls) = &mut self.wire.tls
            && matches!(self.stage, Stage::Idle(_))
        {
            tls.finish(&mut self.wire.tcp);
        }
        // Dropping closes the socket, which ends its registration anyway.
        let _ = registry.deregister(&mut self.wire.tcp);
    }
}

/// Reads once; `None` if there may be more to read.
fn expect_reply(
    wire: &mut Wire,
    reader: &mut Reader,
    is_reused: bool,
    buffer: &mut [u8],
) -> Option<Progress> {
    let result = wire.flush().and_then(|_| wire.receive(buffer));
    let fed = match result {
        Ok(None) => return Some(Progress::Pending),
        // Ended or reset while nobody looked: the request crossed the end of the connection (RFC 9112 section 9.3.1).
        Ok(Some(0)) | Err(_) if is_reused && !reader.has_begun() => return Some(Progress::Stale),
        Ok(Some(0)) => reader.end().map(Some),
        Ok(Some(count)) => reader.feed(buffer.get(..count).unwrap_or_default()),
        Err(error) => return Some(Progress::Failed(Fault::Broken(error.to_string()))),
    };
    match fed {
        Ok(None) => None,
        Ok(Some(reply)) => Some(Progress::Answered(reply, reader.is_kept())),
        Err(wrong) => Some(Progress::Failed(Fault::Answer(wrong))),
    }
}

/// The socket, and TLS if it is https.
#[derive(Debug)]
struct Wire {
    tcp: TcpStream,
    tls: Option<Box<Session>>,
}

impl Wire {
    /// Whether the connection stands; as mio's documentation of `TcpStream::connect` says.
    fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.tcp.take_error()? {
            return Err(error);
        }
        match self.tcp.peer_addr() {
            Ok(_) => Ok(true),
            Err(error)
                if error.kind() == ErrorKind::NotConnected
                    || error.raw_os_error() == Some(libc::EINPROGRESS) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the handshake is complete.
    fn shake_hands(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        self.flush()?;
        match self.receive(buffer)? {
            None => Ok(self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())),
            Some(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection ended in the handshake")),
            Some(_) => Err(io::Error::new(ErrorKind::InvalidData, "an answer came before the request")),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match &mut self.tls {
            Some(tls) => tls.receive(&mut self.tcp, buffer),
            None => read(&mut self.tcp, buffer),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match &mut self.tls {
            Some(tls) => tls.send(&mut self.tcp, bytes),
            None => write(&mut self.tcp, bytes),
        }
    }

    fn flush(&mut self) -> io::Result<bool> {
        self.tls.as_mut().map_or(Ok(true), |tls| tls.flush(&mut self.tcp))
    }
}
