//! https, as the client: which authorities are trusted, and one connection's TLS.
//!
//! rustls's buffered interface: webhooks are few, and its code is the shorter one.

use super::url::Host;
use mio::net::TcpStream;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Error, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, IpAddr, ServerName, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};
use std::{
    fmt, fs,
    io::{self, ErrorKind, Read, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// Where systems keep the authorities that they trust: Debian and OpenWrt, Fedora, Alpine and the BSDs, openSUSE.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];
/// How many earlier sessions can be taken up again, which saves a board most of the handshake.
const RESUMABLE_MAX: usize = 8;

/// What all https connections share.
pub(super) struct Secure {
    config: Arc<ClientConfig>,
    clock: Arc<Clock>,
}

/// What certificates are checked against: seconds since 1970, as last told. 32 bits, because not every board has atomics of 64: until 2106.
#[derive(Debug)]
struct Clock(AtomicU32);

impl Clock {
    fn set(&self, unix: u64) {
        // A board without a battery wakes up in 1970: it is no earlier than when this program was built.
        let built = env!("SUZU_BUILD_UNIX").parse().unwrap_or_default();
        self.0.store(u32::try_from(unix.max(built)).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed).into())))
    }
}

impl Secure {
    /// Reads the authorities in `file`, or in the system's bundle.
    ///
    /// # Errors
    /// There are none, and where they were looked for.
    pub(super) fn load(file: Option<&Path>, unix: u64) -> Result<Self, String> {
        let roots = match file {
            Some(file) => read_roots(file)
                .map_err(|wrong| format!("SSL_CERT_FILE: {}: {wrong}", file.display()))?,
            None => BUNDLES.iter().find_map(|file| read_roots(Path::new(file)).ok()).ok_or_else(|| {
                format!(
                    "there are no authorities to check https with (looked for {}); install the system's (ca-certificates), or name a PEM file in SSL_CERT_FILE",
                    BUNDLES.join(", ")
                )
            })?,
        };
        let clock = Arc::new(Clock(AtomicU32::new(0)));
        clock.set(unix);
        let mut config =
            ClientConfig::builder_with_details(Arc::new(ring::default_provider()), clock.clone())
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(RESUMABLE_MAX);
        Ok(Self { config: Arc::new(config), clock })
    }

    /// What time it is: seconds since 1970.
    pub(super) fn set_time(&self, unix: u64) {
        self.clock.set(unix);
    }

    /// Begins a session with `host`.
    ///
    /// # Errors
    /// No certificate can be for such a name.
    pub(super) fn session(&self, host: &Host) -> Result<Session, String> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|_| format!("{name:?} is no name that a certificate can be for"))?,
            Host::Address(address) => ServerName::IpAddress(IpAddr::from(*address)),
        };
        let tls = ClientConnection::new(self.config.clone(), name).map_err(|error| error.to_string())?;
        Ok(Session { tls })
    }
}

fn read_roots(file: &Path) -> Result<RootCertStore, String> {
    let text = fs::read(file).map_err(|error| error.to_string())?;
    // What cannot be read is left out: bundles have old and odd certificates in them.
    let certificates = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(
            "there is no certificate in it; it must begin with -----BEGIN CERTIFICATE-----".to_owned()
        );
    }
    Ok(roots)
}

/// One connection's TLS.
pub(super) struct Session {
    tls: ClientConnection,
}

impl Session {
    /// The most memory, in bytes, that a session takes: rustls's state, one handshake message or record in, one request out.
    pub(super) const BYTES_MAX: usize = 96 * 1024;

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Reads once: `None` if there is nothing yet, 0 at the end. What TLS has to say to that is written.
    ///
    /// # Errors
    /// The socket's; or of the kind `InvalidData` what is wrong with the other side's TLS or certificate.
    pub(super) fn receive(&mut self, tcp: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            // An end without a farewell is an error of the kind `UnexpectedEof`: somebody may have cut the answer short.
            match no_block(|| self.tls.reader().read(buffer))? {
                None => {}
                content => return Ok(content),
            }
            if no_block(|| self.tls.read_tls(tcp))?.is_none() {
                return Ok(None);
            }
            let processed = self.tls.process_new_packets();
            // An alert, if that is what there is to say, is worth no more than a try.
            let flushed = self.flush(tcp);
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, describe(error)))?;
            flushed?;
        }
    }

    /// Encrypts `bytes` and writes what fits; `None` if the socket takes nothing now.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn send(&mut self, tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<Option<usize>> {
        if !self.flush(tcp)? {
            return Ok(None);
        }
        let count = self.tls.writer().write(bytes)?;
        self.flush(tcp)?;
        Ok(Some(count))
    }

    /// Writes what waits; true when nothing is left.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn flush(&mut self, tcp: &mut TcpStream) -> io::Result<bool> {
        while self.tls.wants_write() {
            if no_block(|| self.tls.write_tls(tcp))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says that nothing more will come, if the socket takes it.
    pub(super) fn finish(&mut self, tcp: &mut TcpStream) {
        self.tls.send_close_notify();
        let _ = self.flush(tcp);
    }
}

/// "Would block" becomes `None`.
fn no_block(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match operation() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map(Some),
        }
    }
}

/// What was wrong, and what to do where that is known.
fn describe(error: Error) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    match error {
        Error::InvalidCertificate(UnknownIssuer) => {
            "its certificate is from an authority that this machine does not trust; SSL_CERT_FILE can name a PEM file with another".to_owned()
        }
        Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is for another name".to_owned()
        }
        Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "its certificate has expired, or the clock here is wrong".to_owned()
        }
        Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "its certificate is not valid yet, or the clock here is wrong".to_owned()
        }
        Error::InvalidMessage(_) => "that is no TLS; is it http:// rather?".to_owned(),
        error => error.to_string(),
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the keys.
        f.debug_struct("Session").field("is_handshaking", &self.is_handshaking()).finish_non_exhaustive()
    }
}
