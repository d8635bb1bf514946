//! One byte stream. "Would block" becomes `None` here, once, and nobody above has to know about it.

use mio::{Interest, Registry, Token, net::TcpStream};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
};

/// A connected socket.
#[derive(Debug)]
pub enum Stream {
    /// TCP as it is.
    Plain(TcpStream),
}

impl Stream {
    /// Reports what becomes possible on this stream under `token`, in both directions, once for each change.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => registry.register(tcp, token, Interest::READABLE | Interest::WRITABLE),
        }
    }

    /// Ends [`Stream::register`].
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => registry.deregister(tcp),
        }
    }

    /// Reads what is there, once: `None` if there is nothing yet, 0 at the end.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        no_block(|| match self {
            Self::Plain(tcp) => tcp.read(buffer),
        })
    }

    /// Writes what fits, once: `None` if nothing does now.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        no_block(|| match self {
            Self::Plain(tcp) => tcp.write(bytes),
        })
    }

    /// Says that nothing more will be written; what is under way still arrives.
    pub fn finish(&mut self) {
        match self {
            // If it fails the peer is gone, and reading will say so.
            Self::Plain(tcp) => drop(tcp.shutdown(Shutdown::Write)),
        }
    }
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
