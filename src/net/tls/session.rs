//! One TLS connection: rustls's state machine, kept away from the socket.
//!
//! rustls's unbuffered interface keeps no buffers of its own: all connections decrypt and encrypt in one shared piece of memory, and
//! what stays with a connection is what there is of a record that has not wholly come, and what the socket has not taken. That
//! halves the memory of an idle client (8.5 KB with the buffered interface, 4 KB so).

use crate::net::{
    socket::Socket,
    stream::{READ_BYTES, Received, read, write},
};
use rustls::{
    AlertDescription, Error, HandshakeKind, ServerConfig,
    server::{ServerConnectionData, UnbufferedServerConnection},
    unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic},
};
use std::{
    cell::Cell,
    fmt,
    io::{self, ErrorKind},
    mem,
    rc::Rc,
    sync::Arc,
};

/// The most content in one record (RFC 8446 section 5.1).
const RECORD_BYTES: usize = 16 * 1024;

/// The memory that all sessions encrypt and decrypt in, [`READ_BYTES`] long. Whoever takes it puts it back.
pub(super) type Scratch = Cell<Vec<u8>>;

/// One peer's TLS.
pub struct Session {
    tls: UnbufferedServerConnection,
    scratch: Rc<Scratch>,
    /// What has come of a record that is not whole yet.
    incoming: Vec<u8>,
    /// What the socket has not taken yet.
    outgoing: Vec<u8>,
    is_established: bool,
    is_ended: bool,
    /// The peer broke the rules: what else comes is thrown away.
    is_broken: bool,
}

impl Session {
    /// The most memory, in bytes, that a session takes besides itself: rustls's state (measured: 4 KB when idle, generously doubled), a
    /// record that is not whole, and one that is not sent.
    pub const BYTES_MAX: usize = 8 * 1024 + 2 * READ_BYTES;

    pub(super) fn new(config: Arc<ServerConfig>, scratch: Rc<Scratch>) -> Result<Self, Error> {
        Ok(Self {
            tls: UnbufferedServerConnection::new(config)?,
            scratch,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            is_established: false,
            is_ended: false,
            is_broken: false,
        })
    }

    /// Whether the handshake is complete.
    pub fn is_established(&self) -> bool {
        self.is_established
    }

    /// Whether it goes on with what an earlier session has agreed on.
    pub fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether something waits to be written.
    pub fn has_unsent(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Reads once and decrypts into `buffer`, which is at least [`READ_BYTES`] long; `None` if there is nothing.
    ///
    /// # Errors
    /// The socket's; or of the kind `InvalidData` what was wrong with the peer's TLS, and then the alert is queued.
    pub fn receive(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        if self.is_ended {
            return Ok(Some(Received { count: 0, is_drained: true, is_end: true }));
        }
        let mut scratch = self.take_scratch();
        let result = self.receive_in(&mut scratch, socket, buffer);
        self.scratch.set(scratch);
        result
    }

    fn receive_in(
        &mut self,
        scratch: &mut [u8],
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> io::Result<Option<Received>> {
        let kept = self.incoming.len();
        let Some((front, free)) = scratch.split_at_mut_checked(kept).filter(|(_, free)| !free.is_empty())
        else {
            self.incoming = Vec::new();
            self.is_broken = true;
            return Err(io::Error::new(ErrorKind::InvalidData, "a TLS handshake of more than 20 KiB"));
        };
        front.copy_from_slice(&self.incoming);
        let Some(count) = read(socket, free)? else { return Ok(None) };
        let is_drained = count < free.len();
        let is_end = count == 0;
        if self.is_broken {
            return Ok(Some(Received { count: 0, is_drained, is_end }));
        }
        let wire = scratch.get_mut(..kept + count).unwrap_or_default();
        match self.decrypt(wire, buffer) {
            Ok((used, count)) => {
                // As rustls has left it: it may have decrypted a part of it already.
                self.incoming = wire.get(used..).unwrap_or_default().to_vec();
                Ok(Some(Received { count, is_drained, is_end: is_end || self.is_ended }))
            }
            Err(error) => {
                self.incoming = Vec::new();
                self.is_broken = true;
                Err(io::Error::new(ErrorKind::InvalidData, describe(&error)))
            }
        }
    }

    /// Takes the whole records in `wire`; how many bytes they were, and how many of content are in `content` now. After an error the alert
    /// for the peer is queued, if there is one.
    ///
    /// rustls keeps offsets into what it was given while a message is not whole. So it must be given the same bytes again, without those
    /// that it has done with, every time, whatever it is asked for.
    fn decrypt(&mut self, wire: &mut [u8], content: &mut [u8]) -> Result<(usize, usize), Error> {
        let (mut used, mut filled) = (0, 0);
        loop {
            let rest = wire.get_mut(used..).unwrap_or_default();
            let UnbufferedStatus { mut discard, state } = self.tls.process_tls_records(rest);
            let is_more = match state {
                Err(error) => {
                    self.queue_alert();
                    return Err(error);
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        // Content is shorter than the records that it came in, and these fit.
                        let end = filled + record.payload.len();
                        if let Some(place) = content.get_mut(filled..end) {
                            place.copy_from_slice(record.payload);
                            filled = end;
                        }
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(data)) => {
                    encode(data, &mut self.outgoing);
                    true
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.is_ended = true;
                    true
                }
                Ok(ConnectionState::WriteTraffic(_)) => {
                    self.is_established = true;
                    false
                }
                // Nothing to do until more comes.
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => false,
                // Early data is not allowed, so there is none.
                Ok(_) => false,
            };
            used += discard;
            if !is_more {
                return Ok((used, filled));
            }
        }
    }

    /// After an error rustls has an alert for the peer, sometimes, and must be asked for nothing else: it would find the same error again.
    fn queue_alert(&mut self) {
        while self.tls.wants_write() {
            // What is to be written comes before anything is read, so that there need be nothing to read.
            match self.tls.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.outgoing),
                _ => return,
            }
        }
    }

    /// Encrypts and writes at most one record of `bytes`; `None` if the socket takes nothing now.
    ///
    /// # Errors
    /// The connection is broken, or not established.
    pub fn send(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<Option<usize>> {
        if !self.flush(socket)? {
            return Ok(None);
        }
        let content = bytes.get(..RECORD_BYTES).unwrap_or(bytes);
        let mut scratch = self.take_scratch();
        let result = self.encrypt(content, &mut scratch).and_then(|count| {
            let record = scratch.get(..count).unwrap_or_default();
            self.write_or_keep(socket, record)
        });
        self.scratch.set(scratch);
        result.map(|()| Some(content.len()))
    }

    fn encrypt(&mut self, content: &[u8], record: &mut [u8]) -> io::Result<usize> {
        self.write_traffic(|traffic| traffic.encrypt(content, record))
    }

    /// Does something that writes, once rustls is ready for it.
    fn write_traffic(
        &mut self,
        mut act: impl FnMut(&mut WriteTraffic<'_, ServerConnectionData>) -> Result<usize, EncryptError>,
    ) -> io::Result<usize> {
        while !self.is_broken {
            let UnbufferedStatus { discard, state } = self.tls.process_tls_records(&mut self.incoming);
            let result = match state.map_err(io::Error::other)? {
                ConnectionState::WriteTraffic(mut traffic) => Some(act(&mut traffic)),
                // An answer to a change of keys goes before what is encrypted with the new ones.
                ConnectionState::EncodeTlsData(data) => {
                    encode(data, &mut self.outgoing);
                    None
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    None
                }
                _ => break,
            };
            self.incoming.drain(..discard.min(self.incoming.len()));
            if let Some(result) = result {
                return result.map_err(io::Error::other);
            }
        }
        Err(ErrorKind::NotConnected.into())
    }

    fn write_or_keep(&mut self, socket: &mut Socket, record: &[u8]) -> io::Result<()> {
        let written = if self.outgoing.is_empty() { write(socket, record)?.unwrap_or_default() } else { 0 };
        self.outgoing.extend_from_slice(record.get(written..).unwrap_or_default());
        Ok(())
    }

    /// Writes what waits; true when nothing is left.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while !self.outgoing.is_empty() {
            match write(socket, &self.outgoing)? {
                Some(count) if count < self.outgoing.len() => drop(self.outgoing.drain(..count)),
                Some(_) => self.outgoing = Vec::new(),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Says that nothing more will come (RFC 8446 section 6.1), if the socket takes it.
    pub fn finish(&mut self, socket: &mut Socket) {
        let mut record = [0; 64];
        if let Ok(count) = self.write_traffic(|traffic| traffic.queue_close_notify(&mut record)) {
            let _ = self.write_or_keep(socket, record.get(..count).unwrap_or_default());
        }
        let _ = self.flush(socket);
    }

    fn take_scratch(&self) -> Vec<u8> {
        let mut scratch = self.scratch.take();
        // Nothing to do but the first time.
        scratch.resize(READ_BYTES, 0);
        scratch
    }
}

fn encode(mut data: EncodeTlsData<'_, ServerConnectionData>, into: &mut Vec<u8>) {
    let start = into.len();
    if let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) {
        into.resize(start + needed.required_size, 0);
        let written = data.encode(into.get_mut(start..).unwrap_or_default()).unwrap_or_default();
        into.truncate(start + written);
    }
}

/// What was wrong, in words that say what to do where that is known.
fn describe(error: &Error) -> String {
    use AlertDescription::{BadCertificate, CertificateUnknown, UnknownCA};
    match error {
        Error::AlertReceived(alert @ (BadCertificate | CertificateUnknown | UnknownCA)) => {
            format!(
                "it does not trust this server's certificate ({alert:?}); the page /trust says how it can"
            )
        }
        Error::General(wrong) if wrong.contains("no server certificate") => {
            // `Identity` has said more than is known here.
            String::new()
        }
        Error::InvalidMessage(wrong) => format!("that is no TLS: {wrong:?}"),
        error => error.to_string(),
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the keys.
        f.debug_struct("Session")
            .field("is_established", &self.is_established)
            .field("incoming", &self.incoming.len())
            .field("outgoing", &self.outgoing.len())
            .finish_non_exhaustive()
    }
}

const _: () = assert!(mem::size_of::<Session>() < 4 * 1024);
