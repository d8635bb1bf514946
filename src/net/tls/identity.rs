//! What this server shows to whoever asks who it is.

use super::authority::covers;
use rustls::{
    pki_types::ServerName,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::sync::Arc;

/// One chain of certificates and its key, for the names that are in it.
#[derive(Debug)]
pub(super) struct Identity(pub(super) Arc<CertifiedKey>);

impl ResolvesServerCert for Identity {
    /// A client that asks for a name by SNI (RFC 6066 section 3) wants that one or none. One that uses an address names nothing.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            let asked = ServerName::try_from(name).ok()?;
            if !self.0.cert.first().is_some_and(|certificate| covers(certificate, &asked)) {
                log::info!(
                    "a TLS client asked for {name:?}, which the certificate is not for; the setting tls_names may add it"
                );
                return None;
            }
        }
        Some(self.0.clone())
    }
}
