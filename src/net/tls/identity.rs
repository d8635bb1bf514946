//! What this server shows to whoever asks who it is.

use super::authority::{covers, validity};
use rustls::{
    pki_types::ServerName,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::sync::Arc;

/// One chain of certificates and its key, for the names that are in it.
#[derive(Debug)]
pub(super) struct Identity {
    key: Arc<CertifiedKey>,
    /// What would be right, for the log.
    hint: &'static str,
}

impl Identity {
    /// Of our own authority.
    pub(super) fn local(key: CertifiedKey) -> Self {
        Self { key: Arc::new(key), hint: "; the setting tls_names may add it" }
    }

    /// Of somebody else's.
    pub(super) fn of_files(key: CertifiedKey) -> Self {
        Self { key: Arc::new(key), hint: "; whoever made the file of tls_cert can add it" }
    }

    /// When it ends, in seconds since 1970; 0 if it does not say so.
    pub(super) fn not_after(&self) -> u64 {
        self.key.cert.first().and_then(|first| validity(first).ok()).map_or(0, |(_, until)| until)
    }
}

impl ResolvesServerCert for Identity {
    /// A client that asks for a name by SNI (RFC 6066 section 3) wants that one or none. One that uses an address names nothing.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            let asked = ServerName::try_from(name).ok()?;
            if !self.key.cert.first().is_some_and(|certificate| covers(certificate, &asked)) {
                log::info!("a TLS client asked for {name:?}, which the certificate is not for{}", self.hint);
                return None;
            }
        }
        Some(self.key.clone())
    }
}
