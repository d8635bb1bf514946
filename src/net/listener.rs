//! A listening socket, and what happens when it cannot take anybody in.

use super::{address::Address, socket::Socket, stream::Stream};
use mio::{
    Interest, Registry, Token,
    net::{TcpListener, UnixListener},
};
use socket2::{Domain, Protocol, SockRef, Type};
use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, ErrorKind},
    net::{self, IpAddr, Ipv4Addr, SocketAddr},
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net as unix,
    },
    path::{Path, PathBuf},
    process,
};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// One address on which connections come in.
#[derive(Debug)]
pub struct Listener {
    acceptor: Acceptor,
    /// The path that goes with it.
    path: Option<OwnPath>,
}

/// A socket that we have made, and the file by which it is known again: somebody else's may be at its path by now.
#[derive(Debug)]
struct OwnPath {
    path: PathBuf,
    file: (u64, u64),
}

#[derive(Debug)]
enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
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
    /// has no IPv6 becomes the unspecified IPv4 address. A Unix socket gets this mode, and is gone with the listener.
    ///
    /// # Errors
    /// Whatever the system says: the port is taken, the address is not this machine's.
    pub fn bind(address: &Address, mode: u32) -> io::Result<Self> {
        let address = match address {
            Address::Ip(address) => *address,
            Address::Unix(path) => return listen_unix(path, mode),
        };
        match listen(address) {
            Err(error) if address.is_ipv6() && address.ip().is_unspecified() && lacks_ipv6(&error) => {
                log::info!("no IPv6 on this machine ({error}), listening on IPv4 only");
                listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
            }
            result => result,
        }
    }

    /// Goes on with a socket that somebody else has made.
    ///
    /// # Errors
    /// It does not listen.
    pub fn inherit_tcp(tcp: net::TcpListener) -> io::Result<Self> {
        check_listens(&SockRef::from(&tcp))?;
        tcp.set_nonblocking(true)?;
        Ok(Self::from_tcp(tcp))
    }

    fn from_tcp(tcp: net::TcpListener) -> Self {
        // Signaling is small messages that somebody waits for. Whoever is accepted has it from here (tcp(7)), which saves a system call for
        // each. If it cannot be set, it is only slower.
        let _ = SockRef::from(&tcp).set_tcp_nodelay(true);
        Self { acceptor: Acceptor::Tcp(TcpListener::from_std(tcp)), path: None }
    }

    /// The same for a Unix socket; its path stays with whoever has made it.
    ///
    /// # Errors
    /// It does not listen.
    pub fn inherit_unix(unix: unix::UnixListener) -> io::Result<Self> {
        check_listens(&SockRef::from(&unix))?;
        unix.set_nonblocking(true)?;
        Ok(Self { acceptor: Acceptor::Unix(UnixListener::from_std(unix)), path: None })
    }

    /// The address with the port that was taken.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn local_address(&self) -> io::Result<Address> {
        match (&self.acceptor, &self.path) {
            (Acceptor::Tcp(tcp), _) => tcp.local_addr().map(Address::Ip),
            (Acceptor::Unix(_), Some(own)) => Ok(Address::Unix(own.path.clone())),
            (Acceptor::Unix(unix), None) => {
                let address = unix.local_addr()?;
                Ok(Address::Unix(address.as_pathname().unwrap_or(Path::new("(no path)")).to_owned()))
            }
        }
    }

    /// Reports newcomers under `token`.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.acceptor {
            Acceptor::Tcp(tcp) => registry.register(tcp, token, Interest::READABLE),
            Acceptor::Unix(unix) => registry.register(unix, token, Interest::READABLE),
        }
    }

    /// Takes in the next connection. One over a Unix socket counts as one from 127.0.0.1.
    pub fn accept(&self) -> Accepted {
        let accepted = match &self.acceptor {
            Acceptor::Tcp(tcp) => {
                tcp.accept().map(|(tcp, address)| (Socket::Tcp(tcp), address.ip().to_canonical()))
            }
            Acceptor::Unix(unix) => {
                unix.accept().map(|(unix, _)| (Socket::Unix(unix), Ipv4Addr::LOCALHOST.into()))
            }
        };
        match accepted {
            Ok((socket, address)) => Accepted::Connection(Stream::new(socket), address),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Accepted::Nobody,
            Err(error) if is_about_one(&error) => Accepted::Gone,
            Err(error) => Accepted::Exhausted(error),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(own) = &self.path
            && file_at(&own.path).is_ok_and(|file| file == own.file)
        {
            // If it is gone already, so be it.
            let _ = fs::remove_file(&own.path);
        }
    }
}

fn check_listens(socket: &SockRef<'_>) -> io::Result<()> {
    if socket.is_listener()? { Ok(()) } else { Err(io::Error::other("it does not listen")) }
}

fn listen(address: SocketAddr) -> io::Result<Listener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(Listener::from_tcp(socket.into()))
}

/// The socket is made where only we can come and moved to its place when it has its mode: nobody connects to it before. What a crash has left
/// there gives way; what somebody listens on does not.
fn listen_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    // A socket can be moved to a path that is too long for anybody to connect to.
    unix::SocketAddr::from_pathname(path)?;
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "something else is there, and no socket"));
        }
        Ok(_) => check_is_left_behind(path)?,
        Err(_) => {}
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    let private = parent.join(format!(".suzu-{}", process::id()));
    let made = private.join("s");
    // What a crash in the midst of this has left: in a container the next suzu may have the same number.
    let _ = fs::remove_file(&made);
    let _ = fs::remove_dir(&private);
    DirBuilder::new().mode(0o700).create(&private)?;
    let result = unix::UnixListener::bind(&made).and_then(|unix| {
        fs::set_permissions(&made, Permissions::from_mode(mode))?;
        unix.set_nonblocking(true)?;
        let file = file_at(&made)?;
        fs::rename(&made, path)?;
        Ok((unix, file))
    });
    // Nothing is left in it, unless the socket could not be moved.
    let _ = fs::remove_file(&made);
    let _ = fs::remove_dir(&private);
    let (unix, file) = result?;
    let acceptor = Acceptor::Unix(UnixListener::from_std(unix));
    Ok(Listener { acceptor, path: Some(OwnPath { path: path.to_owned(), file }) })
}

/// Nobody listens on this socket any more; whoever does, of whatever kind it is and however busy, keeps it.
fn check_is_left_behind(path: &Path) -> io::Result<()> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Where many wait to be taken in, connecting would wait, too.
    socket.set_nonblocking(true)?;
    match socket.connect(&socket2::SockAddr::unix(path)?) {
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
        Ok(()) | Err(_) => Err(ErrorKind::AddrInUse.into()),
    }
}

/// Which file is at a path.
fn file_at(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|there| (there.dev(), there.ino()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_accepted_does_not_wait_to_fill_a_packet() {
        let own = Listener::bind(&Address::Ip("127.0.0.1:0".parse().unwrap()), 0).unwrap();
        let inherited = Listener::inherit_tcp(net::TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        for listener in [own, inherited] {
            let Acceptor::Tcp(tcp) = &listener.acceptor else { panic!() };
            // On loopback it is there as soon as it is connected.
            let _client = net::TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
            assert!(tcp.accept().unwrap().0.nodelay().unwrap());
        }
    }
}
