//! Who is let in by the hub: keys and tokens, for all dialects alike.

use super::{
    Dialect, Effect, Hub, Now, Outbox, PeerId,
    credentials::{Admission, Denial, Keys},
    ice::IceServers,
    session::State,
    token::TOKEN_BYTES_MAX,
};
use hmac_sha256::Hash;

impl Hub {
    /// Lets in only whom these keys let in, and tells clients these ICE servers. Without this call everybody is let in, and there are none.
    #[must_use]
    pub fn with_access(mut self, keys: Keys, ice_servers: IceServers) -> Self {
        self.keys = keys;
        self.ice_servers = ice_servers;
        self
    }

    /// The longest key that is looked at: it may be a token.
    pub(super) fn max_key_bytes(&self) -> usize {
        let token = if self.keys.token_secrets.is_empty() { 0 } else { TOKEN_BYTES_MAX };
        self.limits.max_id_bytes.max(token)
    }

    /// Says whether wrong keys came from where the peer of the next input comes from, so that another is not looked at yet.
    pub fn set_penalised(&mut self, is_penalised: bool) {
        self.is_penalised = is_penalised;
    }

    /// Whether this peer has not been let into a room yet.
    pub fn expects_credential(&self, peer: PeerId) -> bool {
        let state = self.peers.get(peer).map(|session| &session.state);
        !self.keys.is_open() && matches!(state, Some(State::ExpectRegister { .. }))
    }

    /// Whether an upgrade may go on: with a credential, if it brings one, that opens something; and for a dialect whose room is in the URL, that
    /// room.
    ///
    /// # Errors
    /// Why not.
    pub fn check_upgrade(
        &self,
        dialect: Dialect,
        room: &str,
        credential: Option<&str>,
        now: Now,
    ) -> Result<(), Denial> {
        let unix = now.unix_ms / 1_000;
        match (dialect, credential) {
            (Dialect::Ayame | Dialect::Mesh, None) => Ok(()),
            // What it is for is said later; it may be an open room.
            (Dialect::Ayame | Dialect::Mesh, Some(_)) if !self.keys.locks("") => Ok(()),
            (Dialect::Ayame | Dialect::Mesh, Some(credential)) => {
                self.look(Some(credential))?;
                self.keys.recognise(credential, unix)
            }
            _ if !self.keys.locks(room) => Ok(()),
            _ => {
                self.look(credential)?;
                self.keys.admit(credential, room, unix).map(|_| ())
            }
        }
    }

    /// Whether a credential may be looked at.
    fn look(&self, credential: Option<&str>) -> Result<(), Denial> {
        let is_too_soon = self.is_penalised && credential.is_some_and(|text| self.keys.is_guessable(text));
        if is_too_soon { Err(Denial::TooSoon) } else { Ok(()) }
    }

    /// Decides about a peer that says which room it wants, and perhaps what it calls itself. `credential` is what it says itself; else what came with the upgrade counts. What it
    /// has proved itself by comes with it.
    pub(super) fn admit(
        &mut self,
        peer: PeerId,
        client: Option<&str>,
        credential: Option<&str>,
        room: &str,
        out: &mut Outbox,
    ) -> Option<(Admission, Option<Box<str>>)> {
        let own = self.peers.get_mut(peer)?.credential.take();
        let credential = credential.filter(|text| !text.is_empty()).or(own.as_deref());
        let is_locked = self.keys.locks(room);
        let verdict = if is_locked { self.look(credential) } else { Ok(()) };
        match verdict.and_then(|()| self.keys.admit(credential, room, self.now.unix_ms / 1_000)) {
            Ok(admission) => {
                let proof = proof(credential, admission.sub.as_deref());
                Some((admission, proof))
            }
            Err(denial) => {
                log::info!(connection:% = peer, room, client, reason:% = denial; "not let in");
                out.push(Effect::Refused { peer, denial });
                None
            }
        }
    }
}

/// What a client has proved itself by, as far as it can be recognised by it later: who its token says that it is, so that a renewed token is the
/// same proof; else a digest of its key.
fn proof(credential: Option<&str>, sub: Option<&str>) -> Option<Box<str>> {
    if let Some(sub) = sub {
        return Some(format!("sub:{sub}").into());
    }
    let digest = Hash::hash(credential?.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("key:{hex}").into())
}
