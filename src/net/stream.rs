//! One byte stream, plain or inside TLS. "Would block" becomes `None` here, once, and nobody above has to know about it.

use super::{socket::Socket, tls::Session};
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};

/// What one read can bring at most; a buffer for reading must be this long. The longest TLS record fits: 16 KiB of content,
/// 2 KiB for what a cipher may add, and 5 bytes of header (RFC 5246 section 6.2.3, RFC 8446 section 5.2).
pub const READ_BYTES: usize = 20 * 1024;

/// The first byte of every TLS connection (RFC 8446 section 5.1: a record of the type handshake). No HTTP request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// A connected socket.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    layer: Layer,
}

#[derive(Debug)]
enum Layer {
    /// The peer's first byte will tell.
    Unknown,
    /// The socket as it is.
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
    pub fn new(socket: Socket) -> Self {
        Self { socket, layer: Layer::Unknown }
    }

    /// Whether what is said here is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.layer, Layer::Tls(_))
    }

    /// Whether a TLS handshake is under way.
    pub fn is_handshaking(&self) -> bool {
        matches!(&self.layer, Layer::Tls(session) if !session.is_established())
    }

    /// Whether a TLS session goes on with what an earlier one has agreed on.
    pub fn is_resumed(&self) -> bool {
        matches!(&self.layer, Layer::Tls(session) if session.is_resumed())
    }

    /// Looks at the first byte and leaves it where it is.
    pub fn first_byte(&self) -> FirstByte {
        let mut byte = [0];
        // Nothing leaves the machine by a Unix socket, and so nothing is encrypted there.
        match no_block(|| self.socket.peek(&mut byte).unwrap_or(Ok(0))) {
            Ok(None) => FirstByte::Missing,
            Ok(Some(1)) if byte == [TLS_HANDSHAKE] => FirstByte::Tls,
            Ok(_) | Err(_) => FirstByte::Plain,
        }
    }

    /// Whether something has come that was not read yet; never of a Unix socket, which cannot tell.
    pub fn has_unread(&self) -> bool {
        matches!(self.socket.peek(&mut [0]), Some(Ok(1)))
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
        self.socket.is_from_here()
    }

    /// Reports under `token`, once for each change, that something has come on this stream, until it is dropped. Not yet that it can be
    /// written to: every new one can, and the loop would wake up for that.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    /// From now on reports also that it can be written to again, at once if it can be already.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn watch_writable(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.reregister(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Reads what is there, once: `None` if there is nothing yet. `buffer` has [`READ_BYTES`].
    ///
    /// # Errors
    /// The connection is broken. If it was the peer that broke the rules of TLS, an alert is queued that tells it so, and the kind is
    /// `InvalidData`.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        match &mut self.layer {
            Layer::Tls(session) => session.receive(&mut self.socket, buffer),
            Layer::Unknown | Layer::Plain => Ok(read(&mut self.socket, buffer)?.map(|count| Received {
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
            Layer::Tls(session) => session.send(&mut self.socket, bytes),
            Layer::Unknown | Layer::Plain => write(&mut self.socket, bytes),
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
            Layer::Tls(session) => session.flush(&mut self.socket),
            Layer::Unknown | Layer::Plain => Ok(true),
        }
    }

    /// Says that nothing more will be written; what is under way still arrives.
    pub fn finish(&mut self) {
        if let Layer::Tls(session) = &mut self.layer {
            session.finish(&mut self.socket);
        }
        // If it fails the peer is gone, and reading will say so.
        let _ = self.socket.finish();
    }
}

/// Reads once: `None` if there is nothing yet, 0 at the end.
pub(super) fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    no_block(|| from.read(buffer))
}

/// Writes once: `None` if nothing fits now.
pub(super) fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<Option<usize>> {
    no_block(|| to.write(bytes))
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
