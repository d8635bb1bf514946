//! Where a server's certificates come from, what they depend on, and what others need in order to trust them.

use std::{net::IpAddr, path::PathBuf};

/// Where the certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From an authority of our own.
    Local(Local),
    /// From somebody else.
    Files(Files),
}

/// An authority of our own: where it is kept and what else it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The state directory; `None` if there is nothing to keep it in.
    pub state_dir: Option<PathBuf>,
    /// Names that this machine has besides its own.
    pub names: Vec<String>,
}

/// Certificates that somebody else makes: where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The chain of certificates in PEM, the server's own first.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// What this machine is called, as it is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The host name.
    pub name: Option<String>,
    /// The addresses of all interfaces.
    pub addresses: Vec<IpAddr>,
}

/// Our own authority, as others need it.
#[derive(Clone, Debug)]
pub struct AuthorityCertificate {
    /// What devices list it as.
    pub name: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The same in PEM.
    pub pem: String,
    /// The SHA-256 of the DER.
    pub sha256: [u8; 32],
}
