//! From settings to keys: what stands in files of its own is read here.

use super::{Config, args::FILE_BYTES_MAX, values::room_key};
use crate::{
    secret_file::{self, Fault},
    signaling::{
        credentials::{Keys, Secret},
        ice::{ICE_BYTES_MAX, IceServers, Turn},
        token,
    },
};
use std::{path::Path, time::Duration};

impl Config {
    /// Who may enter which room, and what ICE servers clients are told: reads the files of secrets.
    ///
    /// # Errors
    /// Which file cannot be used, why, and what would be right.
    pub fn access(&self) -> Result<(Keys, IceServers), String> {
        let token_secrets = match &self.token_secret_file {
            Some(path) => {
                let secret = read_secret("token_secret_file", path)?;
                token::check_secret(secret.bytes())
                    .map_err(|wrong| format!("token_secret_file: {}: {wrong}", path.display()))?;
                vec![secret]
            }
            None => Vec::new(),
        };
        let turn = match &self.turn_secret_file {
            Some(path) => Some(Turn {
                secret: read_secret("turn_secret_file", path)?,
                uris: self.turn_uri.clone(),
                ttl: Duration::from_secs(self.turn_ttl),
            }),
            None => None,
        };
        let keys = Keys {
            signaling_key: self.signaling_key.clone(),
            room_keys: self.room_key.clone(),
            token_secrets,
        };
        Ok((keys, IceServers { fixed: self.ice_server.clone(), turn }))
    }

    /// Checks that clients are not told of more ICE servers than the memory ceiling knows of.
    ///
    /// # Errors
    /// How many bytes they would be told, and how many they may.
    pub fn check_ice(&self) -> Result<(), String> {
        let ttl = Duration::from_secs(self.turn_ttl);
        let turn = Turn { secret: Secret::new("any"), uris: self.turn_uri.clone(), ttl };
        let ice_servers = IceServers { fixed: self.ice_server.clone(), turn: Some(turn) };
        match ice_servers.json_bytes_max() {
            0..=ICE_BYTES_MAX => Ok(()),
            bytes => Err(format!(
                "ice_server, turn_uri: clients would be told {bytes} bytes; allowed: up to {ICE_BYTES_MAX}"
            )),
        }
    }

    /// Whether it holds something that must not stand where everybody can read it.
    pub fn has_secrets(&self) -> bool {
        self.signaling_key.is_some()
            || !self.room_key.is_empty()
            || self.ice_server.iter().any(|server| server.credential.is_some())
    }

    /// Takes what systemd has put into its directory of credentials, where the configuration does not say otherwise: `signaling_key`,
    /// `room_keys` (a line for each: the room, a space, its key), `token_secret` and `turn_secret`.
    ///
    /// # Errors
    /// Which of them cannot be used.
    pub fn take_credentials(&mut self, directory: &Path) -> Result<(), String> {
        let file = |name: &str| Some(directory.join(name)).filter(|path| path.exists());
        if self.signaling_key.is_none()
            && let Some(path) = file("signaling_key")
        {
            self.signaling_key = Some(read_secret("signaling_key", &path)?);
        }
        if self.room_key.is_empty()
            && let Some(path) = file("room_keys")
        {
            self.room_key = read_room_keys(&path)?;
        }
        self.token_secret_file = self.token_secret_file.take().or_else(|| file("token_secret"));
        self.turn_secret_file = self.turn_secret_file.take().or_else(|| file("turn_secret"));
        Ok(())
    }
}

/// Rooms and their keys, one in a line.
fn read_room_keys(path: &Path) -> Result<Vec<(String, Secret)>, String> {
    let text = read_secret("room_keys", path)?;
    let text = std::str::from_utf8(text.bytes())
        .map_err(|_| format!("room_keys: {}: it is not text", path.display()))?;
    let keys = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty());
    keys.map(|(line, number)| {
        room_key(line).map_err(|wrong| {
            format!("room_keys: {}:{number}: {wrong}; allowed: a room, a space, and its key", path.display())
        })
    })
    .collect()
}

/// A secret is a file's text without the line end that editors add.
fn read_secret(setting: &str, path: &Path) -> Result<Secret, String> {
    let bytes = secret_file::read(path).map_err(|fault| match fault {
        Fault::Missing => format!("{setting}: {}: cannot be read: there is no such file", path.display()),
        Fault::Unusable(wrong) => format!("{setting}: {wrong}"),
    })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!(
            "{setting}: {}: it is too long; allowed: up to {FILE_BYTES_MAX} bytes",
            path.display()
        ));
    }
    let secret = bytes.trim_ascii_end();
    if secret.is_empty() {
        return Err(format!("{setting}: {}: it is empty", path.display()));
    }
    Ok(Secret::new(secret))
}
