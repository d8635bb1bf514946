//! One client: blocking until it has its seat, and never after that.

use super::{
    contender::{Contender, Speech},
    wire,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, crypto::ring, pki_types::CertificateDer,
    pki_types::pem::PemObject,
};
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// The sizes of what is relayed: a candidate, and an offer.
pub(crate) const SIZES: [usize; 2] = [200, 3_000];
/// Whatever is shorter is the server's own: news, pings.
const SHORTEST_MESSAGE: usize = 150;
/// Nothing takes longer.
const DEADLINE: Duration = Duration::from_secs(20);

/// What all clients of a server have in common.
pub(crate) struct Door {
    pub(crate) speech: Speech,
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    /// Frames that do not depend on who says them.
    frames: [Rc<[u8]>; 2],
}

impl Door {
    pub(crate) fn of(contender: &Contender) -> Self {
        let tls = contender.ca_pem.as_ref().map(|pem| tls_config(pem));
        let speech = contender.speech;
        Self { speech, address: contender.address, tls, frames: frames(speech, 0) }
    }
}

fn tls_config(ca_pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    // Every handshake is a whole one.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn frames(speech: Speech, number: usize) -> [Rc<[u8]>; 2] {
    SIZES.map(|size| wire::masked(wire::TEXT, speech.message(number, size).as_bytes()).into())
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// What has come and is no whole frame yet.
    begun: Vec<u8>,
    /// What it says, one a size.
    frames: [Rc<[u8]>; 2],
    /// Answers to pings that were not sent yet.
    pongs: Vec<u8>,
}

impl Client {
    /// A connection; of TLS the first flight only, so that many can shake hands at once.
    pub(crate) fn connect(door: &Door, number: usize) -> Self {
        let stream = TcpStream::connect(door.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        // It ends by a reset: thousands of sockets that wait for the last of a connection would use up all port numbers.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        let tls = door.tls.as_ref().map(|config| {
            let mut tls = ClientConnection::new(config.clone(), "127.0.0.1".try_into().unwrap()).unwrap();
            tls.write_tls(&mut &stream).unwrap();
            Box::new(tls)
        });
        let frames = match door.speech {
            Speech::Mesh | Speech::PeerJs => frames(door.speech, number),
            _ => door.frames.clone(),
        };
        Self { stream, tls, begun: Vec::new(), frames, pongs: Vec::new() }
    }

    pub(crate) fn shake_hands(&mut self) {
        if let Some(tls) = &mut self.tls {
            while tls.is_handshaking() {
                tls.complete_io(&mut self.stream).unwrap();
            }
        }
    }

    pub(crate) fn ask_for_upgrade(&mut self, door: &Door, number: usize) {
        let Some(path) = door.speech.path(number) else { return };
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            door.address
        );
        self.send(head.as_bytes());
    }

    pub(crate) fn await_upgrade(&mut self, door: &Door) {
        if door.speech != Speech::Bytes {
            self.await_text("\r\n\r\n");
            assert!(self.begun.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&self.begun));
            let end = self.begun.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            self.begun.drain(..end + 4);
        }
    }

    pub(crate) fn register(&mut self, door: &Door, number: usize) {
        if let Some(register) = door.speech.register(number) {
            self.send(&wire::masked(wire::TEXT, register.as_bytes()));
        }
    }

    /// From here on nothing blocks.
    pub(crate) fn await_seat(&mut self, door: &Door) {
        if let Some(greeting) = door.speech.greeting() {
            self.await_text(greeting);
            self.begun.clear();
        }
        self.begun = Vec::new();
        self.stream.set_nonblocking(true).unwrap();
    }

    fn await_text(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.begun).contains(text) {
            let mut buffer = [0; 4096];
            let count = match &mut self.tls {
                None => self.stream.read(&mut buffer).unwrap(),
                Some(tls) => rustls::Stream::new(&mut **tls, &mut self.stream).read(&mut buffer).unwrap(),
            };
            assert_ne!(count, 0, "not let in: {}", String::from_utf8_lossy(&self.begun));
            self.begun.extend_from_slice(&buffer[..count]);
        }
    }

    /// Says its message of the size with this index.
    pub(crate) fn say(&mut self, size: usize) {
        let frame = self.frames[size].clone();
        self.send(&frame);
    }

    fn send(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            // One message at a time is under way, so there is always room.
            None => self.stream.write_all(bytes).unwrap(),
            Some(tls) => {
                tls.writer().write_all(bytes).unwrap();
                while tls.wants_write() {
                    tls.write_tls(&mut self.stream).unwrap();
                }
            }
        }
    }

    /// Takes what has come, once; how many messages that were. Pings are remembered.
    pub(crate) fn hear(&mut self, scratch: &mut [u8]) -> usize {
        let begun = self.begun.len();
        scratch[..begun].copy_from_slice(&self.begun);
        self.begun.clear();
        let end = begun + self.read(&mut scratch[begun..]);
        let (mut at, mut messages) = (0, 0);
        while let Some(frame) = wire::frame(&scratch[at..end]) {
            let payload = &scratch[at + frame.payload.start..at + frame.payload.end];
            match frame.first {
                wire::PING => self.pongs.extend(wire::masked(wire::PONG, payload)),
                wire::CLOSE => panic!("closed: {}", String::from_utf8_lossy(payload)),
                _ if payload.len() >= SHORTEST_MESSAGE => messages += 1,
                _ if payload.trim_ascii_end() == br#"{"type":"ping"}"# => {
                    self.pongs.extend(wire::masked(wire::TEXT, br#"{"type":"pong"}"#));
                }
                _ => {}
            }
            at += frame.payload.end;
        }
        self.begun.extend_from_slice(&scratch[at..end]);
        messages
    }

    /// Whether the server has pinged and was not answered.
    pub(crate) fn is_asked(&self) -> bool {
        !self.pongs.is_empty()
    }

    pub(crate) fn answer_pings(&mut self) {
        if self.is_asked() {
            let pongs = std::mem::take(&mut self.pongs);
            self.send(&pongs);
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let read = |result: io::Result<usize>| match result {
            Ok(0) => panic!("the server has closed a connection"),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => panic!("{error}"),
        };
        let Some(tls) = &mut self.tls else { return read(self.stream.read(buffer)) };
        read(tls.read_tls(&mut self.stream));
        tls.process_new_packets().unwrap();
        let mut count = 0;
        while let Ok(more @ 1..) = tls.reader().read(&mut buffer[count..]) {
            count += more;
        }
        count
    }
}
