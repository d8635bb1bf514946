//! How a device comes to trust this server: a page that explains it, and the authority's certificate in the forms that devices take.

use super::{
    pages::{self, escape},
    response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt::Write;

/// Where all this is.
pub const PATHS: [&str; 5] = ["/trust", "/trust.js", "/ca.crt", "/ca.pem", "/ca.mobileconfig"];

/// What is needed to trust this server's authority.
#[derive(Debug)]
pub struct Trust {
    name: String,
    der: Vec<u8>,
    pem: String,
    sha256: [u8; 32],
}

impl Trust {
    /// An authority that devices list as `name`: its certificate in DER and PEM, and the SHA-256 of the DER.
    pub fn new(name: String, der: Vec<u8>, pem: String, sha256: [u8; 32]) -> Option<Self> {
        Some(Self { name, der, pem, sha256 })
    }

    /// Whether a path is one of these.
    pub(super) fn has(&self, path: &str) -> bool {
        PATHS.contains(&path)
    }

    /// The whole response for one of these paths.
    pub(super) fn answer(&self, path: &str, host: &str) -> Vec<u8> {
        let text = |content_type, body: &str| response::resource(content_type, "", body.as_bytes());
        match path {
            "/trust.js" => text("text/javascript; charset=utf-8", include_str!("trust.js")),
            "/ca.crt" => response::resource(
                "application/x-x509-ca-cert",
                "Content-Disposition: attachment; filename=\"suzu-ca.crt\"\r\n",
                &self.der,
            ),
            "/ca.pem" => text("application/x-pem-file", &self.pem),
            "/ca.mobileconfig" => response::resource(
                "application/x-apple-aspen-config",
                "Content-Disposition: attachment; filename=\"suzu.mobileconfig\"\r\n",
                self.mobileconfig().as_bytes(),
            ),
            _ => response::page(&self.page(host)),
        }
    }

    fn page(&self, host: &str) -> String {
        include_str!("trust.html")
            .replace("{{HOST}}", &escape(host))
            .replace("{{NAME}}", &escape(&self.name))
            // Lines break between two pairs, not within one.
            .replace("{{FINGERPRINT}}", &pages::fingerprint(&self.sha256).replace(':', ":<wbr>"))
    }

    /// A configuration profile for iOS, iPadOS and macOS that installs the certificate (Apple, Configuration Profile Reference).
    fn mobileconfig(&self) -> String {
        // The same authority must always have the same identifiers: a profile installed twice replaces itself.
        let [profile, payload] = [0, 16].map(|from| uuid(self.sha256.get(from..).unwrap_or_default()));
        include_str!("trust.mobileconfig")
            .replace("{{NAME}}", &escape(&self.name))
            .replace("{{PROFILE}}", &profile)
            .replace("{{PAYLOAD}}", &payload)
            .replace("{{CERTIFICATE}}", &STANDARD.encode(&self.der))
    }
}

/// A UUID of 16 bytes of a hash (RFC 9562 section 5.8).
fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().take(16).enumerate() {
        let byte = match index {
            6 => byte & 0x0f | 0x80,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{hyphen}{byte:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust() -> Trust {
        Trust::new("suzu <1>".to_owned(), vec![1, 2, 3], "PEM".to_owned(), std::array::from_fn(|i| i as u8))
            .unwrap()
    }

    #[test]
    fn the_page_shows_what_is_to_be_compared() {
        let page = trust().page("box:3000");
        assert!(page.contains("00:<wbr>01:<wbr>02") && page.contains("1E:<wbr>1F"));
        assert!(page.contains("suzu &lt;1&gt;") && page.contains("https://box:3000/"));
        assert!(!page.contains("{{"), "everything is filled in");
    }

    #[test]
    fn a_profile_has_the_certificate_and_keeps_its_identifiers() {
        let profile = trust().mobileconfig();
        assert!(profile.contains("AQID") && profile.contains("00010203-0405-8607-8809-0A0B0C0D0E0F"));
        assert_eq!(profile, trust().mobileconfig());
        assert!(!profile.contains("{{"), "everything is filled in");
    }

    #[test]
    fn each_path_has_its_kind() {
        for (path, kind) in [
            ("/trust", "text/html"),
            ("/trust.js", "text/javascript"),
            ("/ca.crt", "application/x-x509-ca-cert"),
            ("/ca.pem", "application/x-pem-file"),
            ("/ca.mobileconfig", "application/x-apple-aspen-config"),
        ] {
            assert!(trust().has(path));
            let answer = String::from_utf8_lossy(&trust().answer(path, "box")).into_owned();
            assert!(answer.contains(&format!("Content-Type: {kind}")), "{answer}");
        }
        assert!(!trust().has("/"));
    }
}
