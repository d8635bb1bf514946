//! Tokens: as they come from strangers, and as somebody would make them who knows the secret.

use super::oracle;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac_sha256::HMAC;
use suzu::signaling::{
    credentials::{Keys, Secret},
    token::{Claims, TOKEN_BYTES_MAX, TokenFault, mint, verify},
};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const NOW: u64 = 1_800_000_000;

pub(super) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    check_stranger(&text);
    let (header, payload) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, &text));
    check_signed(header, payload);
    check_minted(&text);
}

/// Nobody gets in without the secret: no text that a fuzzer can think of is signed with it.
fn check_stranger(text: &str) {
    let result = verify(text, SECRET, NOW);
    assert!(result.is_err() || is_signed(text), "{text} was accepted");
    let keys = Keys { token_secrets: vec![Secret::new(SECRET)], ..Keys::default() };
    assert_eq!(
        keys.admit(Some(text), "door", NOW).is_ok(),
        result.is_ok_and(|claims| claims.permits("door")),
        "{text}"
    );
}

fn is_signed(text: &str) -> bool {
    let Some((signed, signature)) = text.rsplit_once('.') else { return false };
    URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), SECRET)) == signature
}

/// What is rightly signed is accepted if and only if it says what it must, as serde_json reads it.
fn check_signed(header: &str, payload: &str) {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), SECRET)));
    let result = verify(&token, SECRET, NOW);
    assert_eq!(
        result.as_ref().ok(),
        expected(header, payload).filter(|_| token.len() <= TOKEN_BYTES_MAX).as_ref(),
        "{header}\n{payload}\n{result:?}"
    );
    assert!(verify(&token, b"another secret, of thirty-two bytes", NOW).is_err());
    assert!(verify(&token, b"", NOW).is_err(), "anybody can sign with an empty secret");
}

fn expected(header: &str, payload: &str) -> Option<Claims> {
    let (header_members, members) = (unique(header)?, unique(payload)?);
    let is_hs256 = oracle::string(header, "alg").as_deref() == Some("HS256");
    if !is_hs256 || header_members.iter().any(|(key, _)| key == "crit") {
        return None;
    }
    let value = |name: &str| {
        let found = members.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.filter(|value| *value != "null")
    };
    let number = |name| value(name).map(serde_json::from_str::<f64>);
    let string = |name| value(name).map(serde_json::from_str::<String>).transpose();
    let exp = number("exp")?.ok()?;
    let nbf = number("nbf").transpose().ok()?;
    let is_valid = exp > NOW as f64 && nbf.is_none_or(|nbf| NOW as f64 + 30.0 >= nbf);
    let claims = Claims {
        room: string("room").ok()??,
        sub: string("sub").ok()?,
        name: string("name").ok()?,
        exp: exp as u64,
    };
    is_valid.then_some(claims)
}

/// The members of an object that has no key twice.
fn unique(text: &str) -> Option<Vec<(String, String)>> {
    let members = oracle::members(text)?;
    let mut keys: Vec<_> = members.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    let has_twice = keys.iter().zip(keys.iter().skip(1)).any(|(a, b)| a == b);
    let owned = members.iter().map(|(key, value)| (key.clone(), value.get().to_owned()));
    (!has_twice).then(|| owned.collect())
}

/// What is minted is accepted as it was meant, until it expires, and not when a byte of it was changed.
fn check_minted(text: &str) {
    let mut parts = text.splitn(3, '\n').map(str::to_owned);
    let room = parts.next().unwrap_or_default();
    let claims = Claims { room, sub: parts.next(), name: parts.next(), exp: NOW + 1 };
    let token = mint(&claims, SECRET);
    let result = verify(&token, SECRET, NOW);
    if token.len() > TOKEN_BYTES_MAX {
        return assert_eq!(result, Err(TokenFault::TooLong));
    }
    assert_eq!(result.as_ref(), Ok(&claims));
    assert_eq!(verify(&token, SECRET, NOW + 1), Err(TokenFault::Expired(0)));
    let place = text.len() % token.len();
    let other = if token.as_bytes()[place] == b'A' { "B" } else { "A" };
    let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
    assert!(verify(&changed, SECRET, NOW).is_err(), "{changed}");
}
