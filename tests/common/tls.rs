//! A client that speaks TLS, with the same library as the server but none of its code, and trusts nobody but who it is told to.

use super::{
    scene::Scene,
    server::TestServer,
    wire::{Bystanders, Wire, tcp},
};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

/// A connection through which TLS is spoken.
pub type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// What the server gives to whoever wants to trust it, by plain http.
pub fn ca_pem(address: SocketAddr) -> String {
    let answer = Wire::connect(address).exchange(b"GET /ca.pem HTTP/1.1\r\nHost: a\r\n\r\n");
    let (head, pem) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    pem.to_owned()
}

/// The configuration of a client that trusts these authorities only.
pub fn client_config(ca_pem: &str) -> Arc<ClientConfig> {
    client_config_of(ca_pem, ALL_VERSIONS)
}

/// The same for some versions of TLS only.
pub fn client_config_of(ca_pem: &str, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Shakes hands with a server that must be called `name`.
///
/// # Errors
/// Why not: the certificate, an alert, the end of the connection.
pub fn shake_hands(tcp: TcpStream, config: &Arc<ClientConfig>, name: &str) -> io::Result<TlsStream> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), tcp);
    while stream.conn.is_handshaking() {
        if stream.conn.complete_io(&mut stream.sock)? == (0, 0) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(stream)
}

/// Clients of one server, which trust what it gave them.
pub struct Trusting {
    pub address: SocketAddr,
    pub config: Arc<ClientConfig>,
}

impl Trusting {
    /// Takes the server's own authority.
    pub fn new(server: &TestServer) -> Self {
        Self { address: server.address, config: client_config(&ca_pem(server.address)) }
    }

    /// A connection on which nothing was said yet but TLS.
    pub fn connect(&self) -> Wire<TlsStream> {
        Wire::over(shake_hands(tcp(self.address), &self.config, "127.0.0.1").unwrap())
    }

    /// A WebSocket on `/signaling`.
    pub fn open(&self) -> Wire<TlsStream> {
        self.connect().upgraded()
    }

    /// A WebSocket that is seated in a room.
    pub fn join(&self, room: &str) -> Wire<TlsStream> {
        self.open().seated(room)
    }
}

/// Record types (RFC 8446 section 5.1).
pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
pub const DATA: u8 = 23;

/// A record in plain.
pub fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// Asks whether the server is well.
pub const WELL: &[u8] = b"GET /.ok HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server, two who talk in plain and two who talk over TLS.
pub struct TlsScene {
    pub scene: Scene,
    pub clients: Trusting,
    pub bystanders: Bystanders<TlsStream>,
}

impl TlsScene {
    pub fn new(args: &[&str]) -> Self {
        let scene = Scene::new(args);
        let clients = Trusting::new(&scene.server);
        let bystanders = Bystanders::of([(); 2].map(|()| clients.join("secure bystanders")));
        Self { scene, clients, bystanders }
    }

    pub fn tcp(&self) -> TcpStream {
        tcp(self.clients.address)
    }

    /// What a client says first, to a server that is called `name`.
    pub fn hello(&self, name: &str) -> (ClientConnection, Vec<u8>) {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(self.clients.config.clone(), name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        (client, hello)
    }

    /// Sends bytes and hears the answer to the end.
    pub fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut wire = Wire::over(self.tcp());
        wire.send(bytes);
        wire.rest()
    }

    /// The lines of the log that `what` causes: all of them, and those that are no everyday life.
    pub fn lines(&mut self, what: impl FnOnce(&Self)) -> (Vec<String>, Vec<String>) {
        let before = self.scene.log().len();
        what(self);
        let lines = self.scene.log().split_off(before);
        let faults = lines.iter().filter(|line| !line.starts_with("DEBUG")).cloned().collect();
        (lines, faults)
    }

    pub fn end(mut self) {
        assert!(self.clients.connect().exchange(WELL).starts_with("HTTP/1.1 200 "));
        self.bystanders.exchange();
        self.scene.end();
    }
}
