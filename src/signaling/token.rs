//! Signed, expiring tokens: JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515 section 7.1), with HS256 (RFC 7518 section 3.2)
//! and nothing else.
//!
//! A token says which room it opens and until when. It is made from a secret and checked with the same secret: nothing is kept about it,
//! and nothing can take it back before it expires.

use super::members::{Flaw, Members};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac_sha256::HMAC;
use serde::{Serialize, de::DeserializeOwned};
use std::{error, fmt};
use subtle::ConstantTimeEq;

/// A longer token is not even decoded.
pub const TOKEN_BYTES_MAX: usize = 4 * 1024;
/// The shortest secret that signs tokens, in bytes: as long as the digest (RFC 7518 section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// How far this machine's clock may be behind that of whoever said `nbf`, in seconds. `exp` has no such leeway: whoever is given an hour has an
/// hour.
const NOT_BEFORE_LEEWAY: f64 = 30.0;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The room that it opens; with `*` at its end, every room whose name begins so.
    pub room: String,
    /// Who it was made for, as an id (RFC 7519 section 4.1.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// What the bearer is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From when on it is worth nothing, in seconds since 1970 (RFC 7519 section 4.1.4).
    pub exp: u64,
}

impl Claims {
    /// Whether the bearer may enter this room.
    pub fn permits(&self, room: &str) -> bool {
        match self.room.strip_suffix('*') {
            Some(prefix) => room.starts_with(prefix),
            None => room == self.room,
        }
    }
}

/// Why a token is not accepted, in words for the log. Nothing of the token is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Over [`TOKEN_BYTES_MAX`].
    TooLong,
    /// Not header, payload and signature with dots between them.
    NotThreeParts,
    /// This part is not canonical base64url without padding (RFC 7515 section 2).
    NotBase64(&'static str),
    /// This part is not a JSON object.
    NotJson(&'static str),
    /// This part has a key twice (RFC 7515 section 4, RFC 7519 section 4).
    DuplicateKey(&'static str),
    /// The header's `alg` is not `HS256`.
    WrongAlgorithm,
    /// The header has `crit`: something must be understood that is not (RFC 7515 section 4.1.11).
    Critical,
    /// Another secret made the signature, or something else was signed.
    BadSignature,
    /// This claim must be there.
    MissingClaim(&'static str),
    /// This claim is of the wrong type.
    BadClaim(&'static str),
    /// It expired this many seconds ago.
    Expired(u64),
    /// It is not valid for another so many seconds.
    NotYetValid(u64),
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the token has more than {TOKEN_BYTES_MAX} bytes"),
            Self::NotThreeParts => write!(f, "the token does not have three parts"),
            Self::NotBase64(part) => write!(f, "the {part} of the token is not base64url without padding"),
            Self::NotJson(part) => write!(f, "the {part} of the token is not a JSON object"),
            Self::DuplicateKey(part) => write!(f, "the {part} of the token has a key twice"),
            Self::WrongAlgorithm => write!(f, "the algorithm of the token is not HS256"),
            Self::Critical => write!(f, "the header of the token has critical extensions"),
            Self::BadSignature => write!(f, "the signature of the token is wrong"),
            Self::MissingClaim(claim) => write!(f, "the token has no {claim}"),
            Self::BadClaim(claim) => write!(f, "the token's {claim} is of the wrong type"),
            Self::Expired(ago) => write!(f, "the token expired {ago} s ago"),
            Self::NotYetValid(wait) => write!(f, "the token is not valid for another {wait} s"),
        }
    }
}

impl error::Error for TokenFault {}

/// Checks that a token was made with `secret` and is valid at `unix`, in seconds since 1970, and says what it says. Where several secrets are
/// in use, the caller tries each.
///
/// # Errors
/// What was wrong, the cheapest to find out first: length, form, algorithm, signature, claims.
pub fn verify(token: &str, secret: &[u8], unix: u64) -> Result<Claims, TokenFault> {
    claims(&signed_payload(token, secret)?, unix)
}

/// Makes a token.
pub fn mint(claims: &Claims, secret: &[u8]) -> String {
    // Strings and a number: this cannot fail.
    let payload = serde_json::to_vec(claims).unwrap_or_default();
    let mut token = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = HMAC::mac(token.as_bytes(), secret);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

/// Whether a secret is long enough to sign tokens.
///
/// # Errors
/// What is wrong, and how a good one is made.
pub fn check_secret(secret: &[u8]) -> Result<(), String> {
    if secret.len() >= SECRET_BYTES_MIN {
        return Ok(());
    }
    Err(format!(
        "it has {} bytes; allowed: at least {SECRET_BYTES_MIN}, as `openssl rand -base64 32` makes them",
        secret.len()
    ))
}

/// The payload of a token whose header and signature are right.
fn signed_payload(token: &str, secret: &[u8]) -> Result<Vec<u8>, TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::NotThreeParts)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenFault::NotThreeParts)?;
    if payload.contains('.') {
        return Err(TokenFault::NotThreeParts);
    }
    check_header(&decode(header, "header")?)?;
    let signature = decode(signature, "signature")?;
    let expected = HMAC::mac(signed.as_bytes(), secret);
    // Anybody can sign with an empty secret. Lengths are no secret, so that it may matter which is wrong.
    if secret.is_empty() || !bool::from(expected.as_slice().ct_eq(&signature)) {
        return Err(TokenFault::BadSignature);
    }
    decode(payload, "payload")
}

fn check_header(json: &[u8]) -> Result<(), TokenFault> {
    let header = members(json, "header")?;
    let algorithm: Option<String> = header.get("alg").map_err(|_| TokenFault::WrongAlgorithm)?;
    if algorithm.as_deref() != Some("HS256") {
        return Err(TokenFault::WrongAlgorithm);
    }
    if header.has("crit") { Err(TokenFault::Critical) } else { Ok(()) }
}

fn claims(json: &[u8], unix: u64) -> Result<Claims, TokenFault> {
    let payload = members(json, "payload")?;
    let unix = unix as f64;
    // A NumericDate may have a fraction (RFC 7519 section 2).
    let exp: f64 = claim(&payload, "exp")?.ok_or(TokenFault::MissingClaim("exp"))?;
    if unix >= exp {
        return Err(TokenFault::Expired((unix - exp) as u64));
    }
    if let Some(nbf) = claim(&payload, "nbf")?.filter(|nbf: &f64| unix + NOT_BEFORE_LEEWAY < *nbf) {
        return Err(TokenFault::NotYetValid((nbf - unix).ceil() as u64));
    }
    Ok(Claims {
        room: claim(&payload, "room")?.ok_or(TokenFault::MissingClaim("room"))?,
        sub: claim(&payload, "sub")?,
        name: claim(&payload, "name")?,
        exp: exp as u64,
    })
}

fn claim<T: DeserializeOwned>(payload: &Members<'_>, key: &'static str) -> Result<Option<T>, TokenFault> {
    payload.get(key).map_err(|_| TokenFault::BadClaim(key))
}

fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, TokenFault> {
    // This engine takes neither padding nor stray bits at the end.
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::NotBase64(name))
}

fn members<'a>(json: &'a [u8], part: &'static str) -> Result<Members<'a>, TokenFault> {
    Members::read(json).map_err(|flaw| match flaw {
        Flaw::NotAnObject => TokenFault::NotJson(part),
        Flaw::DuplicateKey => TokenFault::DuplicateKey(part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
    const NOW: u64 = 1_800_000_000;
    const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    /// Any header and payload, rightly signed.
    fn signed(header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), SECRET));
        format!("{signed}.{signature}")
    }

    fn good() -> Claims {
        let (sub, name) = (Some("guest-1".to_owned()), Some("G\u{fc}nter \u{1f514}".to_owned()));
        Claims { room: "door".to_owned(), sub, name, exp: NOW + 60 }
    }

    fn fault(token: &str) -> TokenFault {
        verify(token, SECRET, NOW).unwrap_err()
    }

    #[test]
    fn the_rfcs_own_example_is_verified() {
        // RFC 7515 appendix A.1.1; it is older than rooms.
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                     cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = URL_SAFE_NO_PAD.decode(key).unwrap();
        let payload = signed_payload(token, &key).unwrap();
        assert_eq!(
            String::from_utf8(payload).unwrap(),
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
        );
        assert_eq!(verify(token, &key, 1_300_819_379), Err(TokenFault::MissingClaim("room")));
        assert_eq!(verify(token, &key, 1_300_819_380), Err(TokenFault::Expired(0)));
    }

    #[test]
    fn what_is_minted_is_verified_until_it_expires() {
        let token = mint(&good(), SECRET);
        assert_eq!(verify(&token, SECRET, NOW), Ok(good()));
        assert_eq!(verify(&token, SECRET, NOW + 59), Ok(good()));
        assert_eq!(verify(&token, SECRET, NOW + 60), Err(TokenFault::Expired(0)));
        assert_eq!(verify(&token, SECRET, NOW + 3_660), Err(TokenFault::Expired(3_600)));
        assert_eq!(verify(&token, b"another secret", NOW), Err(TokenFault::BadSignature));
        let anonymous = Claims { sub: None, name: None, ..good() };
        assert_eq!(verify(&mint(&anonymous, SECRET), SECRET, NOW), Ok(anonymous));
    }

    #[test]
    fn a_room_is_exact_or_a_prefix() {
        for (claim, room, expected) in [
            ("door", "door", true),
            ("door", "doors", false),
            ("door", "Door", false),
            ("door", "", false),
            ("door-*", "door-1", true),
            ("door-*", "door-", true),
            ("door-*", "door", false),
            ("door-*", "back-door-1", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*b", "a*b", true),
            ("a*b", "axb", false),
            ("a**", "a*", true),
            ("a**", "a", false),
            ("", "", true),
            ("", "door", false),
        ] {
            assert_eq!(Claims { room: claim.to_owned(), ..good() }.permits(room), expected, "{claim} {room}");
        }
    }

    #[test]
    fn only_hs256_will_do() {
        let payload = format!(r#"{{"room":"door","exp":{}}}"#, NOW + 60);
        for (header, expected) in [
            (r#"{"alg":"none"}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":"None"}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":"RS256"}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":"HS512"}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":"hs256"}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":""}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":null}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":256}"#, TokenFault::WrongAlgorithm),
            (r#"{"alg":["HS256"]}"#, TokenFault::WrongAlgorithm),
            (r#"{"typ":"JWT"}"#, TokenFault::WrongAlgorithm),
            (r#"{"ALG":"HS256"}"#, TokenFault::WrongAlgorithm),
            ("{}", TokenFault::WrongAlgorithm),
            (r#"{"alg":"none","alg":"HS256"}"#, TokenFault::DuplicateKey("header")),
            (r#"{"alg":"HS256","al\u0067":"HS256"}"#, TokenFault::DuplicateKey("header")),
            (r#"{"alg":"HS256","kid":1,"kid":1}"#, TokenFault::DuplicateKey("header")),
            (r#"{"alg":"HS256","crit":["exp"]}"#, TokenFault::Critical),
            (r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, TokenFault::Critical),
            (r#""HS256""#, TokenFault::NotJson("header")),
            (r#"{"alg":"HS256"} {}"#, TokenFault::NotJson("header")),
            ("", TokenFault::NotJson("header")),
        ] {
            assert_eq!(fault(&signed(header, &payload)), expected, "{header}");
        }
        for header in [
            r#"{"alg":"HS256"}"#,
            r#"{"typ":"at+jwt","kid":"7","alg":"HS256"}"#,
            r#"{"typ":7,"alg":"\u0048S256"}"#,
        ] {
            assert!(verify(&signed(header, &payload), SECRET, NOW).is_ok(), "{header}");
        }
    }

    #[test]
    fn claims_are_of_the_right_type_and_time() {
        for (payload, expected) in [
            (r#"{"room":"door"}"#, TokenFault::MissingClaim("exp")),
            (r#"{"room":"door","exp":null}"#, TokenFault::MissingClaim("exp")),
            (r#"{"room":"door","exp":"1900000000"}"#, TokenFault::BadClaim("exp")),
            (r#"{"room":"door","exp":true}"#, TokenFault::BadClaim("exp")),
            (r#"{"room":"door","exp":1e999}"#, TokenFault::BadClaim("exp")),
            (r#"{"room":"door","exp":1799999999}"#, TokenFault::Expired(1)),
            (r#"{"room":"door","exp":1800000000}"#, TokenFault::Expired(0)),
            (r#"{"room":"door","exp":1800000000.0}"#, TokenFault::Expired(0)),
            (r#"{"room":"door","exp":0}"#, TokenFault::Expired(NOW)),
            (r#"{"room":"door","exp":-1}"#, TokenFault::Expired(NOW + 1)),
            (r#"{"room":"door","exp":1900000000,"exp":1}"#, TokenFault::DuplicateKey("payload")),
            (r#"{"room":"a","room":"b","exp":1900000000}"#, TokenFault::DuplicateKey("payload")),
            (r#"{"room":"door","exp":1900000000,"nbf":1800000031}"#, TokenFault::NotYetValid(31)),
            (r#"{"room":"door","exp":1900000000,"nbf":"soon"}"#, TokenFault::BadClaim("nbf")),
            (r#"{"exp":1900000000}"#, TokenFault::MissingClaim("room")),
            (r#"{"room":null,"exp":1900000000}"#, TokenFault::MissingClaim("room")),
            (r#"{"room":["door"],"exp":1900000000}"#, TokenFault::BadClaim("room")),
            (r#"{"room":"door","sub":7,"exp":1900000000}"#, TokenFault::BadClaim("sub")),
            (r#"{"room":"door","name":{},"exp":1900000000}"#, TokenFault::BadClaim("name")),
            ("[]", TokenFault::NotJson("payload")),
            ("", TokenFault::NotJson("payload")),
            (r#"{"room":"door","exp":1900000000"#, TokenFault::NotJson("payload")),
        ] {
            assert_eq!(fault(&signed(HEADER, payload)), expected, "{payload}");
        }
        for payload in [
            r#"{"room":"door","exp":1900000000,"nbf":1800000030}"#,
            r#"{"room":"door","exp":1900000000,"nbf":null,"name":null,"sub":null}"#,
            r#"{"room":"door","exp":1.9e9,"iat":"whenever","aud":[1,{"a":[]}]}"#,
            r#"{"room":"door","exp":1800000000.5}"#,
            r#"{"room":"door","exp":18446744073709551615}"#,
        ] {
            assert!(verify(&signed(HEADER, payload), SECRET, NOW).is_ok(), "{payload}");
        }
    }

    #[test]
    fn whatever_was_changed_on_the_way_is_noticed() {
        let token = mint(&good(), SECRET);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verify(&changed, SECRET, NOW).is_err(), "at {at}");
            assert!(verify(&token[..at], SECRET, NOW).is_err(), "cut at {at}");
        }
        let parts: Vec<&str> = token.split('.').collect();
        let other = signed(HEADER, r#"{"room":"*","exp":1900000000}"#);
        let payload = other.split('.').nth(1).unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        // The 32 bytes of a signature end in four bits and two that must be zero.
        let stray = token
            .strip_suffix(['A', 'E', 'I', 'M', 'Q', 'U', 'Y', 'c', 'g', 'k', 'o', 's', 'w', '0', '4', '8']);
        for (changed, expected) in [
            (format!("{}.{payload}.{}", parts[0], parts[2]), TokenFault::BadSignature),
            (format!("{}.{}.", parts[0], parts[1]), TokenFault::BadSignature),
            (format!("{none}.{}.", parts[1]), TokenFault::WrongAlgorithm),
            (format!("{}.{}", parts[0], parts[1]), TokenFault::NotThreeParts),
            (format!("{token}."), TokenFault::NotThreeParts),
            (format!("{token}.{}", parts[2]), TokenFault::NotThreeParts),
            (format!("{token}="), TokenFault::NotBase64("signature")),
            (format!("{token} "), TokenFault::NotBase64("signature")),
            (format!("{}B", stray.unwrap()), TokenFault::NotBase64("signature")),
            (format!("{}+/.{}.{}", parts[0], parts[1], parts[2]), TokenFault::NotBase64("header")),
            (format!(" {token}"), TokenFault::NotBase64("header")),
            (String::new(), TokenFault::NotThreeParts),
            ("a".to_owned(), TokenFault::NotThreeParts),
            ("..".to_owned(), TokenFault::NotJson("header")),
        ] {
            assert_eq!(fault(&changed), expected, "{changed}");
        }
    }

    #[test]
    fn a_giant_is_refused_by_its_length() {
        let giant = Claims { name: Some("x".repeat(TOKEN_BYTES_MAX)), ..good() };
        assert_eq!(fault(&mint(&giant, SECRET)), TokenFault::TooLong);
        assert_eq!(fault(&".".repeat(10 << 20)), TokenFault::TooLong);
        let deep = format!(r#"{{"alg":{}"#, "[".repeat(2_900));
        assert_eq!(fault(&signed(&deep, "{}")), TokenFault::NotJson("header"), "no stack is exhausted");
    }

    #[test]
    fn an_empty_secret_opens_nothing_and_a_short_one_is_not_accepted() {
        assert_eq!(verify(&mint(&good(), b""), b"", NOW), Err(TokenFault::BadSignature));
        assert_eq!(check_secret(SECRET), Ok(()));
        assert!(check_secret(b"short").unwrap_err().starts_with("it has 5 bytes; allowed: at least 32"));
    }
}
