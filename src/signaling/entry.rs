//! Who is let in by the hub: keys and tokens, for all dialects alike.

use super::{
    Dialect, Effect, Hub, Now, Outbox, PeerId,
    credentials::{Admission, Denial, Keys},
    ice::IceServers,
    token::TOKEN_BYTES_MAX,
};

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
            (Dialect::Ayame | Dialect::Mesh, Some(credential)) => self.keys.recognise(credential, unix),
            _ => self.keys.admit(credential, room, unix).map(|_| ()),
        }
    }

    /// Decides about a peer that says which room it wants. `credential` is what it says itself; else what came with the upgrade counts.
    pub(super) fn admit(
        &self,
        peer: PeerId,
        credential: Option<&str>,
        room: &str,
        out: &mut Outbox,
    ) -> Option<Admission> {
        let session = self.peers.get(peer)?;
        let credential = credential.filter(|text| !text.is_empty()).or(session.credential.as_deref());
        match self.keys.admit(credential, room, self.now.unix_ms / 1_000) {
            Ok(admission) => Some(admission),
            Err(denial) => {
                out.push(Effect::Refused { peer, denial });
                None
            }
        }
    }
}
