//! Certificates that somebody else makes: two files, read at the start and again when they change.

use super::{authority::validity, pem};
use crate::{
    net::certificates::Files,
    secret_file::{self, Fault},
};
use rustls::{crypto::CryptoProvider, pki_types::CertificateDer, sign::CertifiedKey};
use std::{fs, os::unix::fs::MetadataExt, path::Path};
use time::OffsetDateTime;
use webpki::EndEntityCert;

/// What tells one state of the files from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<(u64, u64, i64, i64)>; 2]);

impl Files {
    pub(super) fn stamp(&self) -> Stamp {
        let of = |path: &Path| {
            fs::metadata(path).ok().map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
        };
        Stamp([of(&self.certificate), of(&self.key)])
    }

    /// Reads both. `unix` is the time, if it is known.
    ///
    /// # Errors
    /// Which file cannot be used, why, and what would be right.
    pub(super) fn load(&self, provider: &CryptoProvider, unix: Option<u64>) -> Result<CertifiedKey, String> {
        let certificate = self.certificate.display();
        let of = |setting: &str, path: &Path, fault: Fault| match fault {
            Fault::Missing => format!("{setting}: {}: cannot be read: there is no such file", path.display()),
            Fault::Unusable(wrong) => format!("{setting}: {wrong}"),
        };
        let (text, _) = secret_file::read_plain(&self.certificate)
            .map_err(|fault| of("tls_cert", &self.certificate, fault))?;
        let key = secret_file::read(&self.key).map_err(|fault| of("tls_key", &self.key, fault))?;
        let both = format!("tls_cert: {certificate}, tls_key: {}", self.key.display());
        let (chain, key) = pem::read_pair(&text, &key).map_err(|wrong| format!("{both}: {wrong}"))?;
        if let (Some(first), Some(unix)) = (chain.first(), unix) {
            let (from, until) =
                validity(first).map_err(|wrong| format!("tls_cert: {certificate}: {wrong}"))?;
            if unix > until {
                return Err(format!("tls_cert: {certificate}: it has expired on {}", day(until)));
            }
            if unix < from {
                return Err(format!("tls_cert: {certificate}: it is not valid before {}", day(from)));
            }
        }
        let has_names = chain.first().is_some_and(has_names);
        let identity = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("{both}: they do not belong together: the key is not the certificate's")
            }
            error => format!("{both}: {error}"),
        })?;
        if !has_names {
            log::warn!(
                "tls_cert: {certificate}: it is for no DNS name: clients that ask for one are refused"
            );
        }
        Ok(identity)
    }
}

/// Whether a certificate is for any DNS name. (One for addresses only is good for whoever uses an address, and so names none.)
fn has_names(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate)
        .is_ok_and(|certificate| certificate.valid_dns_names().next().is_some())
}

fn day(unix: u64) -> String {
    let date = i64::try_from(unix).ok().and_then(|unix| OffsetDateTime::from_unix_timestamp(unix).ok());
    date.map_or_else(|| "an unknown day".to_owned(), |date| date.date().to_string())
}
