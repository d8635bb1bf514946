//! TLS: who this server says that it is, and the sessions in which it says so (RFC 8446, RFC 5246).
//!
//! [`Tls`] has the certificates and swaps them; a [`Session`] that was begun keeps what it was begun with.

mod authority;
mod files;
mod identity;
mod local;
mod names;
mod pem;
mod session;
mod state;

use super::certificates::{AuthorityCertificate, Files, Host, Source};
use identity::Identity;
use local::{LocalCertificates, Time};
use ring::digest::{SHA256, digest};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring as provider},
    sign::CertifiedKey,
};
use session::Scratch;
pub use session::Session;
use std::{fmt, rc::Rc, sync::Arc};

/// The certificates in force.
pub struct Tls {
    config: Arc<ServerConfig>,
    scratch: Rc<Scratch>,
    certificates: Certificates,
    /// When the certificate ends, in seconds since 1970.
    not_after: u64,
    is_clock_wrong: bool,
}

enum Certificates {
    Local(Box<LocalCertificates>),
    /// With the state in which they were last read, if that is to be relied on.
    Files(Files, Option<files::Stamp>),
}

impl Tls {
    /// Loads or makes the certificates. `unix` is the clock's time in seconds since 1970.
    ///
    /// # Errors
    /// What cannot be used, and what would be right. There is no falling back to something weaker.
    pub fn start(source: &Source, host: &Host, unix: u64) -> Result<Self, String> {
        let provider = Arc::new(provider::default_provider());
        let time = known(unix);
        if !time.is_known {
            log::warn!(
                "the clock says {unix} seconds since 1970, which cannot be (this program was built at {}): the time of the build is used for certificates",
                time.unix
            );
        }
        let (certificates, identity) = match source {
            Source::Local(local) => {
                let certificates = LocalCertificates::open(local, host, time)?;
                let identity = local_identity(&certificates, &provider)?;
                (Certificates::Local(Box::new(certificates)), identity)
            }
            Source::Files(files) => {
                let stamp = files.stamp();
                let identity = Identity::of_files(files.load(&provider, time.is_known.then_some(unix))?);
                (Certificates::Files(files.clone(), Some(stamp)), identity)
            }
        };
        let not_after = identity.not_after();
        let config = server_config(provider, identity).map_err(|error| error.to_string())?;
        Ok(Self {
            config: Arc::new(config),
            scratch: Rc::new(Scratch::default()),
            certificates,
            not_after,
            is_clock_wrong: !time.is_known,
        })
    }

    /// Begins a session with the certificates of now.
    ///
    /// # Errors
    /// Only if rustls has no randomness.
    pub fn session(&self) -> Result<Session, String> {
        Session::new(self.config.clone(), self.scratch.clone()).map_err(|error| error.to_string())
    }

    /// Looks whether the certificates are still right: ours for this machine and this time, or the files as they were read. New ones are for
    /// new sessions; what is wrong with them is logged, and the old ones stay.
    pub fn refresh(&mut self, host: &Host, unix: u64) {
        let time = known(unix);
        if std::mem::replace(&mut self.is_clock_wrong, !time.is_known) && time.is_known {
            log::info!("the clock is right now");
        }
        let result = match &mut self.certificates {
            Certificates::Local(certificates) => match certificates.refresh(host, time) {
                Ok(false) => return,
                Ok(true) => local_identity(certificates, self.config.crypto_provider()),
                Err(wrong) => Err(wrong),
            },
            Certificates::Files(files, seen) => {
                let stamp = files.stamp();
                if seen.replace(stamp) == Some(stamp) {
                    return;
                }
                files
                    .load(self.config.crypto_provider(), time.is_known.then_some(unix))
                    .map(Identity::of_files)
            }
        };
        match result {
            Ok(identity) => {
                // Tickets and all else stay; sessions under way keep the configuration that they have.
                self.not_after = identity.not_after();
                let mut config = ServerConfig::clone(&self.config);
                config.cert_resolver = Arc::new(identity);
                self.config = Arc::new(config);
                log::info!("new TLS connections get the new certificate");
            }
            Err(wrong) => log::error!(reason:% = wrong; "the certificate stays as it is"),
        }
    }

    /// The same when somebody asks for it: files are read even if they look unchanged.
    pub fn reload(&mut self, host: &Host, unix: u64) {
        if let Certificates::Files(_, seen) = &mut self.certificates {
            *seen = None;
        }
        self.refresh(host, unix);
    }

    /// When the certificate ends, in seconds since 1970; 0 if it does not say so.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Our own authority, if that is who vouches for this server.
    pub fn authority(&self) -> Option<AuthorityCertificate> {
        let Certificates::Local(certificates) = &self.certificates else { return None };
        let der = certificates.authority.certificate.to_vec();
        let sha256 = digest(&SHA256, &der).as_ref().try_into().unwrap_or_default();
        Some(AuthorityCertificate {
            name: certificates.authority.name.clone(),
            pem: pem::write("CERTIFICATE", &der),
            der,
            sha256,
        })
    }
}

/// A board without a battery wakes up in 1970, and one that got a wrong date from somewhere far ahead: nothing was made before this program
/// was, and it is not in use after so many years.
fn known(clock: u64) -> Time {
    const IN_USE_SECS: u64 = 20 * 365 * 86_400;
    let built: u64 = env!("SUZU_BUILD_UNIX").parse().unwrap_or_default();
    let is_known = (built..built.saturating_add(IN_USE_SECS)).contains(&clock);
    Time { unix: if is_known { clock } else { built }, is_known, clock }
}

fn local_identity(local: &LocalCertificates, provider: &CryptoProvider) -> Result<Identity, String> {
    let chain = vec![local.leaf.certificate.clone()];
    CertifiedKey::from_der(chain, local.leaf.key.clone_key(), provider)
        .map(Identity::local)
        .map_err(|error| error.to_string())
}

fn server_config(provider: Arc<CryptoProvider>, identity: Identity) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(identity));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Resumption without a table: what the server needs is in the ticket, encrypted.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.ticketer = provider::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("is_clock_wrong", &self.is_clock_wrong).finish_non_exhaustive()
    }
}
