//! A connected socket, TCP or Unix. Nobody above has to know which.

use mio::{
    Interest, Registry, Token,
    event::Source,
    net::{TcpStream, UnixStream},
};
use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// From wherever the network reaches.
    Tcp(TcpStream),
    /// From this machine.
    Unix(UnixStream),
}

impl Socket {
    /// Looks at what has come and leaves it where it is; `None` for a Unix socket, which cannot.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn peek(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => Some(tcp.peek(buffer)),
            Self::Unix(_) => None,
        }
    }

    /// Whether the peer is on this machine, by whichever of its addresses.
    pub fn is_from_here(&self) -> bool {
        let Self::Tcp(tcp) = self else { return true };
        let (Ok(peer), Ok(local)) = (tcp.peer_addr(), tcp.local_addr()) else { return false };
        let ip = peer.ip().to_canonical();
        ip.is_loopback() || ip == local.ip().to_canonical()
    }

    /// Says that nothing more will be written.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn finish(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.shutdown(Shutdown::Write),
            Self::Unix(unix) => unix.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buffer),
            Self::Unix(unix) => unix.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write(bytes),
            Self::Unix(unix) => unix.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.register(registry, token, interests),
            Self::Unix(unix) => unix.register(registry, token, interests),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.reregister(registry, token, interests),
            Self::Unix(unix) => unix.reregister(registry, token, interests),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.deregister(registry),
            Self::Unix(unix) => unix.deregister(registry),
        }
    }
}
