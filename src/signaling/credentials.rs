//! Who may enter which room: keys and tokens, alike for all dialects.
//!
//! 1. Nothing is configured: everybody may enter every room.
//! 2. A room with `room_key` lines takes one of these keys, or a token that permits it. The `signaling_key` does not open it: such a room
//!    is for fewer people than the rest.
//! 3. Any other room takes the `signaling_key`, or a token that permits it. If there is neither a `signaling_key` nor a secret for tokens, it is
//!    open: a `room_key` locks its own room and no other.

use super::token::{self, Claims, TokenFault};
use hmac_sha256::Hash;
use std::{error, fmt};
use subtle::{Choice, ConstantTimeEq};

/// Something that nobody must read in a log or learn by measuring time.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Keeps the secret.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into().into_boxed_slice())
    }

    /// The secret itself, for those who calculate with it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the secret. How long that takes depends on what is offered only: digests are compared, in constant time, so that not even
    /// the length can be measured.
    pub fn matches(&self, offered: &str) -> bool {
        self.ct_matches(offered).into()
    }

    fn ct_matches(&self, offered: &str) -> Choice {
        Hash::hash(&self.0).ct_eq(&Hash::hash(offered.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// All that opens rooms here.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// One key for all rooms without a key of their own.
    pub signaling_key: Option<Secret>,
    /// Rooms with keys of their own; one room may have several.
    pub room_keys: Vec<(String, Secret)>,
    /// The secrets that sign tokens. Several, while one replaces another.
    pub token_secrets: Vec<Secret>,
}

/// What is known about somebody who may enter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// What the token calls its bearer.
    pub name: Option<String>,
    /// The id that the token gives its bearer.
    pub sub: Option<String>,
}

/// Why somebody may not enter, in words for the log. Nothing of the credential is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No credential, where one is needed.
    Missing,
    /// A key that is none, or that does not open this room.
    WrongKey,
    /// A key, while earlier wrong ones are being atoned for. It was not looked at.
    TooSoon,
    /// A token that is good, for another room.
    OtherRoom,
    /// A token that is not good.
    Token(TokenFault),
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "a key or token is needed, and there is none"),
            Self::WrongKey => write!(f, "the key is wrong"),
            Self::TooSoon => write!(f, "a key so soon after wrong ones is not looked at"),
            Self::OtherRoom => write!(f, "the token is for another room"),
            Self::Token(fault) => fault.fmt(f),
        }
    }
}

impl error::Error for Denial {}

impl Denial {
    /// All labels.
    pub const LABELS: [&str; 5] = ["missing", "wrong-key", "too-soon", "other-room", "token"];

    /// Which of [`Denial::LABELS`].
    pub fn place(self) -> usize {
        match self {
            Self::Missing => 0,
            Self::WrongKey => 1,
            Self::TooSoon => 2,
            Self::OtherRoom => 3,
            Self::Token(_) => 4,
        }
    }

    /// Whether somebody may have been guessing. Who brings nothing, or a token that was good once or elsewhere, was not.
    pub fn is_guess(self) -> bool {
        use TokenFault::{Expired, NotYetValid};
        !matches!(
            self,
            Self::Missing | Self::TooSoon | Self::OtherRoom | Self::Token(Expired(_) | NotYetValid(_))
        )
    }
}

impl Keys {
    /// Whether everybody may enter every room.
    pub fn is_open(&self) -> bool {
        self.signaling_key.is_none() && self.room_keys.is_empty() && self.token_secrets.is_empty()
    }

    /// Whether this room takes a credential at all.
    pub fn locks(&self, room: &str) -> bool {
        self.has_own_keys(room) || self.signaling_key.is_some() || !self.token_secrets.is_empty()
    }

    /// Decides whether whoever has this credential may enter this room at `unix`, in seconds since 1970. An empty credential is none. What is
    /// brought to an open room is not looked at.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, credential: Option<&str>, room: &str, unix: u64) -> Result<Admission, Denial> {
        if !self.locks(room) {
            return Ok(Admission::default());
        }
        let credential = credential.filter(|credential| !credential.is_empty()).ok_or(Denial::Missing)?;
        let is_key = if self.has_own_keys(room) {
            self.is_room_key(credential, |owner| owner == room)
        } else {
            self.is_signaling_key(credential)
        };
        if is_key {
            return Ok(Admission::default());
        }
        let claims = self.verify(credential, unix)?;
        if claims.permits(room) {
            Ok(Admission { name: claims.name, sub: claims.sub })
        } else {
            Err(Denial::OtherRoom)
        }
    }

    /// Decides whether a credential opens anything at all: for an upgrade that brings one before it is known which room is wanted. Where
    /// everything is open, anything does.
    ///
    /// # Errors
    /// Why not.
    pub fn recognise(&self, credential: &str, unix: u64) -> Result<(), Denial> {
        if self.is_open() || self.is_signaling_key(credential) || self.is_room_key(credential, |_| true) {
            return Ok(());
        }
        self.verify(credential, unix).map(|_| ())
    }

    /// Whether this can only be a key, which somebody may guess, and no token, which nobody can.
    pub fn is_guessable(&self, credential: &str) -> bool {
        self.token_secrets.is_empty() || credential.split('.').count() != 3
    }

    fn has_own_keys(&self, room: &str) -> bool {
        self.room_keys.iter().any(|(owner, _)| owner == room)
    }

    fn is_signaling_key(&self, credential: &str) -> bool {
        self.signaling_key.as_ref().is_some_and(|key| key.matches(credential))
    }

    /// Whether it is the key of a room for which `is_wanted`; which of several keys it is does not show in the time.
    fn is_room_key(&self, credential: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
        let keys = self.room_keys.iter().filter(|(owner, _)| is_wanted(owner));
        keys.fold(Choice::from(0), |found, (_, key)| found | key.ct_matches(credential)).into()
    }

    /// Takes the credential for a token if it has two dots and tokens are in use.
    fn verify(&self, credential: &str, unix: u64) -> Result<Claims, Denial> {
        let looks_like_token = credential.bytes().filter(|byte| *byte == b'.').count() == 2;
        let mut denial = Denial::WrongKey;
        if !looks_like_token {
            return Err(denial);
        }
        for secret in &self.token_secrets {
            match token::verify(credential, secret.bytes(), unix) {
                Ok(claims) => return Ok(claims),
                // Another secret may have signed it.
                Err(TokenFault::BadSignature) => denial = Denial::Token(TokenFault::BadSignature),
                Err(fault) => return Err(Denial::Token(fault)),
            }
        }
        Err(denial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const OLD: &[u8] = b"the old secret, thirty-two bytes or more";
    const NEW: &[u8] = b"the new secret, thirty-two bytes or more";

    fn token(room: &str, secret: &[u8], exp: u64) -> String {
        let (name, sub) = (Some("Guest".to_owned()), Some("g1".to_owned()));
        token::mint(&Claims { room: room.to_owned(), sub, name, exp }, secret)
    }

    fn keys(settings: &str) -> Keys {
        let mut keys = Keys::default();
        for setting in settings.split(", ").filter(|setting| !setting.is_empty()) {
            match setting.split(' ').collect::<Vec<_>>()[..] {
                ["key", key] => keys.signaling_key = Some(Secret::new(key)),
                ["room", room, key] => keys.room_keys.push((room.to_owned(), Secret::new(key))),
                ["tokens"] => keys.token_secrets = vec![Secret::new(NEW), Secret::new(OLD)],
                _ => panic!("{setting}"),
            }
        }
        keys
    }

    #[test]
    fn each_credential_opens_what_it_should() {
        use Denial::{Missing, OtherRoom, Token, WrongKey};
        let good = token("door", NEW, NOW + 1);
        let prefix = token("do*", OLD, NOW + 1);
        let any = token("*", OLD, NOW + 1);
        let late = token("door", OLD, NOW - 7);
        let forged = token("door", b"somebody else's secret", NOW + 1);
        let expired = Err(Token(TokenFault::Expired(7)));
        let bad_signature = Err(Token(TokenFault::BadSignature));
        let all = "key k, room door d1, room door d2, tokens";
        for (settings, room, credential, expected) in [
            ("", "door", None, Ok("")),
            ("", "door", Some("whatever"), Ok("")),
            ("", "door", Some(good.as_str()), Ok("")),
            ("key k", "door", Some("k"), Ok("")),
            ("key k", "", Some("k"), Ok("")),
            ("key k", "door", None, Err(Missing)),
            ("key k", "door", Some(""), Err(Missing)),
            ("key k", "door", Some("K"), Err(WrongKey)),
            ("key k", "door", Some("kk"), Err(WrongKey)),
            ("key k", "door", Some("k\0"), Err(WrongKey)),
            ("key k", "door", Some(&good), Err(WrongKey)),
            ("key a.b.c", "door", Some("a.b.c"), Ok("")),
            ("key a.b.c, tokens", "door", Some("a.b.c"), Ok("")),
            ("room door d1, room door d2", "door", Some("d1"), Ok("")),
            ("room door d1, room door d2", "door", Some("d2"), Ok("")),
            ("room door d1, room door d2", "door", Some("d3"), Err(WrongKey)),
            ("room door d1, room door d2", "door", None, Err(Missing)),
            ("room door d1", "Door", None, Ok("")),
            ("room door d1", "hall", None, Ok("")),
            ("room door d1, room hall h", "hall", Some("d1"), Err(WrongKey)),
            ("key k, room door d1", "door", Some("k"), Err(WrongKey)),
            ("key k, room door d1", "door", Some("d1"), Ok("")),
            ("key k, room door d1", "hall", Some("d1"), Err(WrongKey)),
            ("key k, room door d1", "hall", Some("k"), Ok("")),
            ("tokens", "door", None, Err(Missing)),
            ("tokens", "door", Some(&good), Ok("Guest")),
            ("tokens", "door", Some(&prefix), Ok("Guest")),
            ("tokens", "hall", Some(&good), Err(OtherRoom)),
            ("tokens", "hall", Some(&prefix), Err(OtherRoom)),
            ("tokens", "hall", Some(&any), Ok("Guest")),
            ("tokens", "door", Some(&late), expired),
            ("tokens", "door", Some(&forged), bad_signature),
            ("tokens", "door", Some("no token"), Err(WrongKey)),
            ("tokens", "door", Some("a.b.c"), Err(Token(TokenFault::NotBase64("header")))),
            (all, "door", Some("k"), Err(WrongKey)),
            (all, "door", Some("d2"), Ok("")),
            (all, "door", Some(&good), Ok("Guest")),
            (all, "door", Some(&any), Ok("Guest")),
            (all, "hall", Some("k"), Ok("")),
            (all, "hall", Some(&good), Err(OtherRoom)),
        ] {
            let admitted = keys(settings).admit(credential, room, NOW);
            let shown = admitted
                .as_ref()
                .map(|who| who.name.as_deref().unwrap_or_default())
                .map_err(|denial| *denial);
            assert_eq!(shown, expected, "{settings}: {credential:?} for {room:?}");
            if expected == Ok("Guest") {
                assert_eq!(admitted.unwrap().sub.as_deref(), Some("g1"));
            }
        }
    }

    #[test]
    fn a_credential_that_opens_nothing_is_known_before_the_room_is() {
        let keys = keys("key k, room door d1, tokens");
        assert!(["k", "d1", &token("attic", OLD, NOW + 1)].iter().all(|c| keys.recognise(c, NOW).is_ok()));
        assert_eq!(keys.recognise("d2", NOW), Err(Denial::WrongKey));
        assert_eq!(keys.recognise("", NOW), Err(Denial::WrongKey));
        let late = token("door", NEW, NOW);
        assert_eq!(keys.recognise(&late, NOW), Err(Denial::Token(TokenFault::Expired(0))));
        assert_eq!(Keys::default().recognise("whatever", NOW), Ok(()));
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let mut keys = keys("key hush, room door hush, tokens");
        keys.token_secrets = vec![Secret::new("hush")];
        let shown = format!("{keys:?}");
        assert!(!shown.contains("hush") && !shown.contains("104"), "{shown}");
        let denials = [keys.admit(Some("sesame"), "door", NOW), keys.admit(Some("a.sesame.b"), "door", NOW)];
        for denial in denials {
            let shown = format!("{denial:?} {}", denial.as_ref().unwrap_err());
            assert!(!shown.contains("sesame"), "{shown}");
        }
    }
}
