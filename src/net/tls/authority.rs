//! The certificate authority of this machine, and the certificates that it signs for it.
//!
//! Whoever installs this authority trusts nothing on the internet by it: critical name constraints (RFC 5280 section 4.2.1.10) allow it to sign
//! for local addresses and local names only, and its use is limited to TLS servers.

use super::{names::show, pem};
use crate::lan;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, SanType,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use std::{fmt, net::IpAddr, time::Duration};
use time::OffsetDateTime;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};

const DAY: u64 = 86_400;
/// Browsers accept no longer life of a certificate (398 days, CA/Browser Forum baseline requirements section 6.3.2).
const LEAF_DAYS: u64 = 397;
/// To trust an authority takes a visit to every device; nobody wants to do that again.
const AUTHORITY_DAYS: u64 = 20 * 365;
/// Clocks differ: what is made is valid a little earlier already.
const EARLIER_SECS: u64 = DAY;

/// The authority: its certificate, which devices install, and its key, which never leaves this machine.
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    /// What devices list it as.
    pub(super) name: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate for this machine, and its key.
pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Makes a new one that may sign for these domains, besides all local addresses.
    pub(super) fn make(domains: &[String], unix: u64) -> Result<Self, String> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| error.to_string())?;
        let mut params = params(&key);
        params.not_before = date(unix.saturating_sub(EARLIER_SECS));
        params.not_after = date(unix + AUTHORITY_DAYS * DAY);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let ranges = lan::RANGES
            .into_iter()
            .map(|(address, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, bits)));
        let domains = domains.iter().cloned().map(GeneralSubtree::DnsName);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: domains.chain(ranges).collect(),
            excluded_subtrees: Vec::new(),
        });
        let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
        let authority = Self::new(certificate.into(), key);
        authority.check(unix)?;
        Ok(authority)
    }

    /// Checks that what it signs is good for somebody who trusts its certificate.
    fn check(&self, unix: u64) -> Result<(), String> {
        let localhost = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
        self.sign(&[localhost], unix)?.verify(self, unix)
    }

    /// Reads what [`Authority::to_pem`] wrote.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let (certificates, key) = pem::read_pair(text, text)?;
        let PrivateKeyDer::Pkcs8(key) = key else { return Err("its key is not in PKCS #8".to_owned()) };
        let certificate = certificates.into_iter().next().ok_or("there is no certificate in it")?;
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256)
            .map_err(|error| error.to_string())?;
        let authority = Self::new(certificate, key);
        let (from, _) = validity(&authority.certificate)?;
        authority.check(from + EARLIER_SECS)?;
        Ok(authority)
    }

    fn new(certificate: CertificateDer<'static>, key: KeyPair) -> Self {
        let params = params(&key);
        Self { certificate, name: name(&key), issuer: Issuer::new(params, key) }
    }

    /// Certificate and key, as one file.
    pub(super) fn to_pem(&self) -> String {
        pem::write_pair(&self.certificate, self.issuer.key().serialized_der())
    }

    /// Signs a certificate with a new key for these names.
    pub(super) fn sign(&self, names: &[ServerName<'static>], unix: u64) -> Result<Leaf, String> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| error.to_string())?;
        let from = unix.saturating_sub(EARLIER_SECS);
        let mut params = CertificateParams::default();
        params.not_before = date(from);
        params.not_after = date(from + LEAF_DAYS * DAY);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "suzu server");
        params.subject_alt_names = names.iter().filter_map(subject_alt_name).collect();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| error.to_string())?;
        let key = PrivatePkcs8KeyDer::from(key.serialized_der().to_vec());
        Ok(Leaf { certificate: certificate.into(), key: key.into() })
    }

    /// Whether the name constraints let it sign for this name.
    pub(super) fn permits(&self, name: &ServerName<'static>, unix: u64) -> bool {
        self.sign(std::slice::from_ref(name), unix).is_ok_and(|leaf| leaf.verify(self, unix).is_ok())
    }
}

impl Leaf {
    /// Reads what [`Leaf::to_pem`] wrote.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let (certificates, key) = pem::read_pair(text, text)?;
        let certificate = certificates.into_iter().next().ok_or("there is no certificate in it")?;
        Ok(Self { certificate, key })
    }

    /// Certificate and key, as one file.
    pub(super) fn to_pem(&self) -> String {
        pem::write_pair(&self.certificate, self.key.secret_der())
    }

    /// Checks what a browser would: signature, name constraints, and the time.
    pub(super) fn verify(&self, authority: &Authority, unix: u64) -> Result<(), String> {
        let check = || {
            let anchor = anchor_from_trusted_cert(&authority.certificate)?;
            let time = UnixTime::since_unix_epoch(Duration::from_secs(unix));
            let algorithms = [webpki::ring::ECDSA_P256_SHA256];
            EndEntityCert::try_from(&self.certificate)?
                .verify_for_usage(&algorithms, &[anchor], &[], time, AnyUsage, None, None)
                .map(|_| ())
        };
        check().map_err(|error: webpki::Error| format!("its certificate does not hold: {error}"))
    }

    /// Whether it is for this name.
    pub(super) fn covers(&self, name: &ServerName<'_>) -> bool {
        covers(&self.certificate, name)
    }
}

/// Whether a certificate is for this name.
pub(super) fn covers(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    EndEntityCert::try_from(certificate)
        .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(name).is_ok())
}

/// From when and until when a certificate is valid, in seconds since 1970.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Result<(u64, u64), String> {
    // webpki says it only in its refusals, before it looks at anything else: one long before, one long after.
    let refusal = |unix| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(unix));
        let certificate = EndEntityCert::try_from(certificate)?;
        certificate.verify_for_usage(&[], &[], &[], time, AnyUsage, None, None).map(|_| ())
    };
    match (refusal(0), refusal(u64::from(u32::MAX) * 1_000)) {
        (
            Err(webpki::Error::CertNotValidYet { not_before, .. }),
            Err(webpki::Error::CertExpired { not_after, .. }),
        ) => Ok((not_before.as_secs(), not_after.as_secs())),
        (Err(error), _) => Err(format!("a certificate that cannot be read: {error}")),
        _ => Err("a certificate without an end".to_owned()),
    }
}

/// What names an authority and where it is recognised, alike when it is made and when it is read again.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name(key));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Two boxes in one house must have authorities of different names; and the key alone must be enough to know it.
fn name(key: &KeyPair) -> String {
    let digest = digest(&SHA256, key.public_key_raw());
    let hex: String = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02X}")).collect();
    format!("suzu local authority {hex}")
}

fn subject_alt_name(name: &ServerName<'_>) -> Option<SanType> {
    match name {
        ServerName::IpAddress(address) => Some(SanType::IpAddress(IpAddr::from(*address))),
        name => show(name).try_into().ok().map(SanType::DnsName),
    }
}

fn date(unix: u64) -> OffsetDateTime {
    i64::try_from(unix)
        .ok()
        .and_then(|unix| OffsetDateTime::from_unix_timestamp(unix).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Lets the checks be about everything else.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf").field("certificate", &self.certificate.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn server_name(name: &str) -> ServerName<'static> {
        ServerName::try_from(name.to_owned()).unwrap()
    }

    fn authority() -> Authority {
        Authority::make(&super::super::names::permitted_domains(None, &["door.example.com".to_owned()]), NOW)
            .unwrap()
    }

    #[test]
    fn it_signs_for_local_names_only() {
        let authority = authority();
        for (name, expected) in [
            ("localhost", true),
            ("box.local", true),
            ("box.lan", true),
            ("a.b.home.arpa", true),
            ("box.internal", true),
            ("door.example.com", true),
            ("example.com", false),
            ("local.example.com", false),
            ("kitchen", false),
            ("192.168.1.5", true),
            ("10.1.2.3", true),
            ("127.0.0.1", true),
            ("fe80::1", true),
            ("fd00::1", true),
            ("::1", true),
            ("8.8.8.8", false),
            ("172.32.0.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(authority.permits(&server_name(name), NOW), expected, "{name}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_signs_the_same() {
        let authority = authority();
        let again = Authority::from_pem(authority.to_pem().as_bytes()).unwrap();
        assert_eq!((&again.name, &again.certificate), (&authority.name, &authority.certificate));
        let leaf = again.sign(&[server_name("box.local")], NOW).unwrap();
        assert_eq!(leaf.verify(&authority, NOW), Ok(()));
        let leaf = Leaf::from_pem(leaf.to_pem().as_bytes()).unwrap();
        assert!(leaf.covers(&server_name("box.local")) && !leaf.covers(&server_name("localhost")));
    }

    #[test]
    fn two_authorities_do_not_vouch_for_each_other() {
        let (one, other) = (authority(), authority());
        assert_ne!(one.name, other.name);
        let leaf = one.sign(&[server_name("box.local")], NOW).unwrap();
        assert!(leaf.verify(&other, NOW).is_err());
    }

    #[test]
    fn a_key_of_another_authority_is_noticed() {
        let (one, other) = (authority(), authority());
        let mixed = pem::write_pair(&one.certificate, other.issuer.key().serialized_der());
        assert!(Authority::from_pem(mixed.as_bytes()).is_err());
    }

    #[test]
    fn lives_are_what_browsers_accept() {
        let authority = authority();
        let leaf = authority.sign(&[server_name("localhost")], NOW).unwrap();
        let (from, until) = validity(&leaf.certificate).unwrap();
        assert_eq!((NOW - from, until - from), (DAY, 397 * DAY));
        assert!(leaf.verify(&authority, until + 1).is_err() && leaf.verify(&authority, from - 1).is_err());
        let (from, until) = validity(&authority.certificate).unwrap();
        assert_eq!((NOW - from, until - NOW), (DAY, 7_300 * DAY));
        assert!(validity(&CertificateDer::from(vec![0x30, 0])).is_err());
    }
}
