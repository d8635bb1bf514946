//! A non-blocking socket to the server, plain or inside TLS.

use mio::{Interest, Registry, Token, net::TcpStream};
#[cfg(feature = "tls")]
use rustls::ClientConnection;
use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

pub struct Channel {
    tcp: TcpStream,
    #[cfg(feature = "tls")]
    tls: Option<ClientConnection>,
}

impl Channel {
    pub fn plain(tcp: std::net::TcpStream) -> Self {
        tcp.set_nonblocking(true).unwrap();
        Self {
            tcp: TcpStream::from_std(tcp),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// A connection whose handshake is complete.
    #[cfg(feature = "tls")]
    pub fn tls(stream: super::tls::TlsStream) -> Self {
        Self { tls: Some(stream.conn), ..Self::plain(stream.sock) }
    }

    pub fn register(&mut self, registry: &Registry, token: Token) {
        registry.register(&mut self.tcp, token, Interest::READABLE).unwrap();
    }

    /// Cuts the wire, without a word.
    pub fn cut(&mut self) {
        self.tcp.shutdown(Shutdown::Both).unwrap();
    }
}

impl Read for Channel {
    /// Reads what is there: `WouldBlock` if nothing is, 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            loop {
                match tls.reader().read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                    result => return result,
                }
                // Once the socket has ended as well, the reader says so.
                tls.read_tls(&mut self.tcp)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
        }
        self.tcp.read(buffer)
    }
}

impl Write for Channel {
    /// Writes all: it is small enough for any socket buffer.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let count = tls.writer().write(bytes)?;
            while tls.wants_write() {
                tls.write_tls(&mut self.tcp)?;
            }
            return Ok(count);
        }
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
