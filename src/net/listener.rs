//! A listening socket, and what happens when it cannot take anybody in.

use super::stream::Stream;
use mio::{Interest, Registry, Token, net::TcpListener};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// One address on which connections come in.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
}

/// What one accept brought.
#[derive(Debug)]
pub enum Accepted {
    /// A new connection and where it comes from.
    Connection(Stream, IpAddr),
    /// A connection that ended before it was accepted: on to the next.
    Gone,
    /// Nobody is waiting.
    Nobody,
    /// Nobody can be taken in now: the process or the system has no descriptor or memory left (EMFILE, ENFILE, ENOBUFS, ENOMEM), or
    /// whatever else is the matter with the listener.
    Exhausted(io::Error),
}

impl Listener {
    /// Listens on `address`; port 0 takes a free one. An unspecified IPv6 address takes IPv4 clients too, and where the machine
    /// has no IPv6 becomes the unspecified IPv4 address.
    ///
    /// # Errors
    /// Whatever the system says: the port is taken, the address is not this machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        match listen(address) {
            Err(error) if address.is_ipv6() && address.ip().is_unspecified() && lacks_ipv6(&error) => {
                log::info!("no IPv6 on this machine ({error}), listening on IPv4 only");
                listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
            }
            result => result,
        }
    }

    /// The address with the port that was taken.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Reports newcomers under `token`.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.tcp, token, Interest::READABLE)
    }

    /// Takes in the next connection.
    pub fn accept(&self) -> Accepted {
        match self.tcp.accept() {
            Ok((tcp, address)) => {
                // Signaling is small messages that somebody waits for. If it cannot be set, it is only slower.
                let _ = tcp.set_nodelay(true);
                Accepted::Connection(Stream::new(tcp), address.ip().to_canonical())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Accepted::Nobody,
            Err(error) if is_about_one(&error) => Accepted::Gone,
            Err(error) => Accepted::Exhausted(error),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(Listener { tcp: TcpListener::from_std(socket.into()) })
}

fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

/// Errors of accept(2) that are about one connection and not the listener: it ended while it waited, or the network passed on what
/// was wrong with it.
fn is_about_one(error: &io::Error) -> bool {
    use libc::{
        ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EINTR, ENETDOWN, ENETUNREACH, ENONET, ENOPROTOOPT, EOPNOTSUPP,
        EPERM, EPROTO,
    };
    matches!(
        error.raw_os_error(),
        Some(
            ECONNABORTED
                | EINTR
                | EPERM
                | EPROTO
                | ENOPROTOOPT
                | EHOSTDOWN
                | ENONET
                | EHOSTUNREACH
                | ENETDOWN
                | ENETUNREACH
                | EOPNOTSUPP
        )
    )
}
