//! One byte stream, plain or inside TLS. "Would block" becomes `None` here, once, and nobody above has to know about it.

use super::tls::Session;
use mio::{Interest, Registry, Token, net::TcpStream};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
};

/// What one read can bring at most; a buffer for reading must be this long. The longest TLS record fits: 16 KiB of content,
/// 2 KiB for what a cipher may add, and 5 bytes of header (RFC 5246 section 6.2.3, RFC 8446 section 5.2).
pub const READ_BYTES: usize = 20 * 1024;

/// The first byte of every TLS connection (RFC 8446 section 5.1: a record of the type handshake). No HTTP request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// A connected socket.
#[derive(Debug)]
pub struct Stream {
    tcp: TcpStream,
    layer: Layer,
}

#[derive(Debug)]
enum Layer {
    /// The peer's first byte will tell.
    Unknown,
    /// TCP as it is.
    Plain,
    /// Boxed: it is large, and most tables have room for more connections than there are.
    Tls(Box<Session>),
}

/// What a peer's first byte says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstByte {
    /// Nothing has come yet.
    Missing,
    /// A TLS handshake.
    Tls,
    /// Anything else, or the end: plain HTTP will say what is wrong with it.
    Plain,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// So many bytes at the beginning of the buffer; 0 if TLS had something to say to itself.
    pub count: usize,
    /// A read that was not filled has emptied the socket, unless the end is behind it (epoll(7), question 9).
    pub is_drained: bool,
    /// The peer has finished.
    pub is_end: bool,
}

impl Stream {
    /// A connection that was just accepted.
    pub fn new(tcp: TcpStream) -> Self {
        Self { tcp, layer: Layer::Unknown }
    }

    /// Whether what is said here is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.layer, Layer::Tls(_))
    }

    /// Whether a TLS handshake is under way.
    pub fn is_handshaking(&self) -> bool {
        matches!(&self.layer, Layer::Tls(session) if !session.is_established())
    }

    /// Looks at the first byte and leaves it where it is.
    pub fn first_byte(&self) -> FirstByte {
        let mut byte = [0];
        match no_block(|| self.tcp.peek(&mut byte)) {
            Ok(None) => FirstByte::Missing,
            Ok(Some(1)) if byte == [TLS_HANDSHAKE] => FirstByte::Tls,
            Ok(_) | Err(_) => FirstByte::Plain,
        }
    }

    /// Decides that nothing is encrypted here.
    pub fn be_plain(&mut self) {
        self.layer = Layer::Plain;
    }

    /// Decides that everything is.
    pub fn be_tls(&mut self, session: Session) {
        self.layer = Layer::Tls(Box::new(session));
    }

    /// Whether the peer is on this machine, by whichever of its addresses.
    pub fn is_from_here(&self) -> bool {
        let (Ok(peer), Ok(local)) = (self.tcp.peer_addr(), self.tcp.local_addr()) else { return false };
        let ip = peer.ip().to_canonical();
        ip.is_loopback() || ip == local.ip().to_canonical()
    }

    /// Reports what becomes possible on this stream under `token`, in both directions, once for each change.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.tcp, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Ends [`Stream::register`].
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.tcp)
    }

    /// Reads what is there, once: `None` if there is nothing yet. `buffer` has [`READ_BYTES`].
    ///
    /// # Errors
    /// The connection is broken. If it was the peer that broke the rules of TLS, an alert is queued that tells it so, and the kind is
    /// `InvalidData`.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        match &mut self.layer {
            Layer::Tls(session) => session.receive(&mut self.tcp, buffer),
            Layer::Unknown | Layer::Plain => Ok(read(&mut self.tcp, buffer)?.map(|count| Received {
                count,
                is_drained: count < buffer.len(),
                is_end: count == 0,
            })),
        }
    }

    /// Writes what fits, once: `None` if nothing does now.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match &mut self.layer {
            Layer::Tls(session) => session.send(&mut self.tcp, bytes),
            Layer::Unknown | Layer::Plain => write(&mut self.tcp, bytes),
        }
    }

    /// Whether TLS has something to write that [`Stream::flush`] would.
    pub fn has_unsent(&self) -> bool {
        matches!(&self.layer, Layer::Tls(session) if session.has_unsent())
    }

    /// Writes what TLS has kept; true when nothing is left.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn flush(&mut self) -> io::Result<bool> {
        match &mut self.layer {
            Layer::Tls(session) => session.flush(&mut self.tcp),
            Layer::Unknown | Layer::Plain => Ok(true),
        }
    }

    /// Says that nothing more will be written; what is under way still arrives.
    pub fn finish(&mut self) {
        if let Layer::Tls(session) = &mut self.layer {
            session.finish(&mut self.tcp);
        }
        // If it fails the peer is gone, and reading will say so.
        let _ = self.tcp.shutdown(Shutdown::Write);
    }
}

/// Reads once: `None` if there is nothing yet, 0 at the end.
pub(super) fn read(tcp: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    no_block(|| tcp.read(buffer))
}

/// Writes once: `None` if nothing fits now.
pub(super) fn write(tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<Option<usize>> {
    no_block(|| tcp.write(bytes))
}

fn no_block(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match operation() {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
