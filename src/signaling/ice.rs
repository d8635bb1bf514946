//! The STUN and TURN servers that clients are told of, with credentials of their own that expire.
//!
//! The credentials are those of "A REST API For Access To TURN Services" (draft-uberti-behave-turn-rest-00), as coturn's `use-auth-secret`
//! expects them: the username says until when, and the password is the username's HMAC under a secret that the TURN server has, too.

use super::{IceServer, credentials::Secret};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha1_smol::Sha1;
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

/// All servers together may have this many bytes as clients are told of them: that is in the memory ceiling.
pub const ICE_BYTES_MAX: usize = 8 * 1024;

/// What clients are told.
#[derive(Clone, Default)]
pub struct IceServers {
    /// The same for everybody.
    pub fixed: Vec<IceServer>,
    /// TURN servers that share a secret with this server.
    pub turn: Option<Turn>,
}

/// TURN servers and the secret that they share with this one.
#[derive(Clone, Debug)]
pub struct Turn {
    /// coturn's `static-auth-secret`.
    pub secret: Secret,
    /// `turn:` and `turns:` URIs.
    pub uris: Vec<String>,
    /// For how long a client may allocate and refresh with its credentials; to the second.
    pub ttl: Duration,
}

/// Shows no credentials.
impl fmt::Debug for IceServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed: Vec<String> = self.fixed.iter().map(show).collect();
        f.debug_struct("IceServers").field("fixed", &fixed).field("turn", &self.turn).finish()
    }
}

impl IceServers {
    /// All servers, for one client, from `unix` on, in seconds since 1970. `client` is what the TURN server logs and counts quotas by: an id
    /// that the client has not chosen. Empty if there are none.
    pub fn list(&self, client: &str, unix: u64) -> Vec<IceServer> {
        let turn =
            self.turn.as_ref().filter(|turn| !turn.uris.is_empty()).map(|turn| turn.server(client, unix));
        self.fixed.iter().cloned().chain(turn).collect()
    }

    /// How many bytes [`IceServers::json`] may have, whoever the client is.
    pub fn json_bytes_max(&self) -> usize {
        // A ULID, and the end of all time.
        self.json("01ARZ3NDEKTSV4RRFFQ69G5FAV", u64::MAX).map_or(0, |json| json.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.turn.is_none()
    }

    /// The same as the JSON text of an `iceServers` array; `None` if there are none.
    pub fn json(&self, client: &str, unix: u64) -> Option<String> {
        let servers = self.list(client, unix);
        // Strings only: this cannot fail.
        if servers.is_empty() { None } else { serde_json::to_string(&servers).ok() }
    }
}

impl Turn {
    fn server(&self, client: &str, unix: u64) -> IceServer {
        let username = format!("{}:{client}", unix.saturating_add(self.ttl.as_secs()));
        let credential = STANDARD.encode(hmac_sha1(self.secret.bytes(), username.as_bytes()));
        IceServer { urls: self.uris.clone(), username: Some(username), credential: Some(credential) }
    }
}

/// HMAC-SHA1 (RFC 2104).
fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let digest = |parts: [&[u8]; 2]| {
        let mut sha1 = Sha1::new();
        parts.into_iter().for_each(|part| sha1.update(part));
        sha1.digest().bytes()
    };
    let short = digest([key, &[]]);
    let key = if key.len() > 64 { &short } else { key };
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    let inner = digest([&block.map(|byte| byte ^ 0x36), message]);
    digest([&block.map(|byte| byte ^ 0x5c), &inner])
}

/// Reads an `ice_server` line: `URL [USERNAME CREDENTIAL]`.
///
/// # Errors
/// What was wrong, and what would be right. The credential is not in it.
pub fn parse(line: &str) -> Result<IceServer, String> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let url = words.next().ok_or("it is empty; allowed: URL [USERNAME CREDENTIAL]")?;
    let is_turn = check_uri(&url)?;
    match (is_turn, words.next(), words.next(), words.next()) {
        (true, Some(username), Some(credential), None) => {
            Ok(IceServer { urls: vec![url], username: Some(username), credential: Some(credential) })
        }
        (false, None, ..) => Ok(IceServer { urls: vec![url], username: None, credential: None }),
        (true, ..) => Err(format!("{url:?} needs two words more; allowed: {url} USERNAME CREDENTIAL")),
        (false, ..) => Err(format!("{url:?} takes no username and credential; allowed: {url}")),
    }
}

/// Reads a `turn_uri` line.
///
/// # Errors
/// What was wrong, and what would be right.
pub fn parse_turn_uri(uri: &str) -> Result<String, String> {
    if check_uri(uri)? {
        Ok(uri.to_owned())
    } else {
        Err(format!(
            "{uri:?} is not a TURN server; allowed: turn:HOST or turns:HOST (ice_server takes stun:)"
        ))
    }
}

/// What stands where a credential is.
pub const HIDDEN: &str = " ...";

/// A server as it may be shown: without its credential.
pub fn show(server: &IceServer) -> String {
    let urls = server.urls.join(" ");
    match &server.username {
        Some(username) => format!("{urls} {username}{HIDDEN}"),
        None => urls,
    }
}

/// Checks a URI of RFC 7064 section 3.1 (`stun`, `stuns`) or RFC 7065 section 3.1 (`turn`, `turns`); says whether it is one of the latter.
fn check_uri(uri: &str) -> Result<bool, String> {
    let wrong = |what: &str| {
        Err(format!(
            "{uri:?} {what}; allowed: stun:HOST[:PORT], stuns:HOST[:PORT], and turn: or turns:HOST[:PORT][?transport=udp|tcp]"
        ))
    };
    let Some((scheme, rest)) = uri.split_once(':') else { return wrong("is not a URL") };
    let is_turn = match scheme {
        "turn" | "turns" => true,
        "stun" | "stuns" => false,
        _ => return wrong("is neither stun nor turn"),
    };
    if rest.starts_with("//") {
        return wrong("has slashes, which these URLs do not");
    }
    let (authority, query) = rest.split_once('?').map_or((rest, None), |(host, query)| (host, Some(query)));
    match query {
        None => {}
        Some(_) if !is_turn => return wrong("has a query, which stun does not"),
        Some("transport=udp" | "transport=tcp") => {}
        Some(_) => return wrong("has a wrong query"),
    }
    let end = authority.rfind(']').map_or_else(|| authority.find(':'), |end| end.checked_add(1));
    let (host, port) = end.and_then(|end| authority.split_at_checked(end)).unwrap_or((authority, ""));
    let is_port = match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => port.is_empty(),
    };
    if !is_host(host) {
        return wrong("has no host, or a wrong one");
    }
    if is_port { Ok(is_turn) } else { wrong("has a wrong port") }
}

/// An address, IPv6 in brackets, or a name.
fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_numeric =
        text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= 253 && text.split('.').all(is_label) && (!is_numeric || text.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hmac_sha1_is_that_of_rfc_2202() {
        let counted: Vec<u8> = (1..=25).collect();
        for (key, message, expected) in [
            (&[0x0b; 20][..], &b"Hi There"[..], "b617318655057264e28bc0b6fb378c8ef146be00"),
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
            (&counted, &[0xcd; 50], "4c9007f4026250c6bc8414f9bf50c86c2d7235da"),
            (&[0x0c; 20], b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
                "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
            ),
        ] {
            assert_eq!(hex(&hmac_sha1(key, message)), expected, "{}", String::from_utf8_lossy(message));
        }
        assert_eq!(hex(&hmac_sha1(b"", b"")), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
    }

    fn turn() -> Turn {
        let uris =
            vec!["turn:turn.example.com".to_owned(), "turns:turn.example.com:5349?transport=tcp".to_owned()];
        Turn { secret: Secret::new("north"), uris, ttl: Duration::from_secs(3_600) }
    }

    #[test]
    fn each_client_gets_credentials_of_its_own_that_expire() {
        let fixed = vec![parse("stun:stun.example.com").unwrap(), parse("turn:10.0.0.1 user pass").unwrap()];
        let servers = IceServers { fixed, turn: Some(turn()) };
        // printf 1800003600:01J | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(
            servers.json("01J", 1_800_000_000).unwrap(),
            concat!(
                r#"[{"urls":["stun:stun.example.com"]},"#,
                r#"{"urls":["turn:10.0.0.1"],"username":"user","credential":"pass"},"#,
                r#"{"urls":["turn:turn.example.com","turns:turn.example.com:5349?transport=tcp"],"#,
                r#""username":"1800003600:01J","credential":"wRPCvVV3YaYxnMI4AYOJu893zcw="}]"#
            )
        );
        assert_eq!(servers.list("01J", 1_800_000_000).len(), 3);
        let expiry = servers.list("01K", u64::MAX).pop().unwrap().username.unwrap();
        assert_eq!(expiry, format!("{}:01K", u64::MAX));
    }

    #[test]
    fn nothing_is_said_where_there_is_nothing() {
        assert_eq!(IceServers::default().json("01J", 0), None);
        let no_uris = IceServers { turn: Some(Turn { uris: Vec::new(), ..turn() }), ..IceServers::default() };
        assert_eq!(no_uris.json("01J", 0), None);
    }

    #[test]
    fn lines_are_read_and_what_is_wrong_says_what_would_be_right() {
        for (line, shown) in [
            ("stun:stun.example.com", "stun:stun.example.com"),
            ("stun:stun.example.com:3478", "stun:stun.example.com:3478"),
            ("stuns:192.168.1.5", "stuns:192.168.1.5"),
            ("  stun:[2001:db8::5]:3478 ", "stun:[2001:db8::5]:3478"),
            ("turn:box user hush", "turn:box user ..."),
            ("turns:box:443?transport=tcp\tuser  hush", "turns:box:443?transport=tcp user ..."),
            ("turn:[::1]?transport=udp user hush", "turn:[::1]?transport=udp user ..."),
        ] {
            assert_eq!(parse(line).as_ref().map(show), Ok(shown.to_owned()));
        }
        for (line, expected) in [
            ("", "it is empty; allowed: URL [USERNAME CREDENTIAL]"),
            ("stun.example.com", "is not a URL; allowed: stun:HOST"),
            ("stun.example.com:3478", "is neither stun nor turn"),
            ("http://stun.example.com", "is neither stun nor turn"),
            ("STUN:box", "is neither stun nor turn"),
            ("stun://box", "has slashes"),
            ("stun:", "has no host"),
            ("stun::3478", "has no host"),
            ("stun:a..b", "has no host"),
            ("stun:user@box", "has no host"),
            ("stun:300.1.1.1", "has no host"),
            ("stun:fd00::5", "has a wrong port"),
            ("stun:[fd00::5", "has no host"),
            ("stun:[fd00::5]3478", "has a wrong port"),
            ("stun:box:", "has a wrong port"),
            ("stun:box:0", "has a wrong port"),
            ("stun:box:65536", "has a wrong port"),
            ("stun:box/path", "has no host"),
            ("stun:box?transport=udp", "has a query, which stun does not"),
            ("turn:box?transport=sctp u hush", "has a wrong query"),
            ("turn:box? u hush", "has a wrong query"),
            ("turn:box", "needs two words more; allowed: turn:box USERNAME CREDENTIAL"),
            ("turn:box u", "needs two words more"),
            ("turn:box u hush hush", "needs two words more"),
            ("stun:box u hush", "takes no username and credential; allowed: stun:box"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hush"), "{line}: {error}");
        }
        assert_eq!(parse_turn_uri("turns:box").as_deref(), Ok("turns:box"));
        assert!(parse_turn_uri("stun:box").unwrap_err().contains("is not a TURN server; allowed: turn:HOST"));
        assert!(parse_turn_uri("turn:box u p").is_err());
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let servers = IceServers { fixed: vec![parse("turn:box user hush").unwrap()], turn: Some(turn()) };
        let shown = format!("{servers:?}");
        assert!(!shown.contains("hush") && !shown.contains("north"), "{shown}");
    }
}
