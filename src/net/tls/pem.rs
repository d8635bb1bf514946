//! Certificates and keys as text (RFC 7468).

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use std::fmt::Write;

/// Reads a chain of certificates, the server's own first, and a key (PKCS #8, PKCS #1 or SEC 1).
pub(super) fn read_pair(
    certificates: &[u8],
    key: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the certificate is not PEM: {}", describe(&error)))?;
    if chain.is_empty() {
        return Err(
            "there is no certificate in it; it must begin with -----BEGIN CERTIFICATE-----".to_owned()
        );
    }
    if key.windows(9).any(|word| word == b"ENCRYPTED") {
        return Err(
            "the private key is encrypted; run: openssl pkey -in KEY -out NEW_KEY && chmod 600 NEW_KEY"
                .to_owned(),
        );
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            "there is no private key in it; it must have a line -----BEGIN PRIVATE KEY-----".to_owned()
        }
        error => format!("the key is not PEM: {}", describe(&error)),
    })?;
    Ok((chain, key))
}

fn describe(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a line -----END ...----- is missing".to_owned(),
        pem::Error::IllegalSectionStart { .. } => {
            "a line -----BEGIN ...----- is not as it should be".to_owned()
        }
        pem::Error::Base64Decode(_) => "what stands between its BEGIN and END is not base64".to_owned(),
        error => error.to_string(),
    }
}

/// A certificate and a PKCS #8 key in one text.
pub(super) fn write_pair(certificate: &CertificateDer<'_>, key: &[u8]) -> String {
    write("CERTIFICATE", certificate) + &write("PRIVATE KEY", key)
}

/// One object.
pub(super) fn write(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        // Writing to a String cannot fail, and base64 is ASCII.
        let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
    }
    let _ = writeln!(text, "-----END {label}-----");
    text
}
