//! The signaling log: a JSON line for each message of a client, with the fields of Ayame's `signaling.jsonl`. Off by default: SDP has addresses in
//! it. Secrets are left out.

use super::Server;
use crate::{
    config::Config,
    host::{json_line::JsonLine, line_file::LineFile},
    signaling::{ConnectionId, Dialect, Said, Who},
    slots::Key,
    timestamp::Timestamp,
};
use std::io;

const NAME: &str = "the signaling log";
/// What keeps a connection alive says nothing.
const QUIET: [&str; 2] = ["ping", "pong"];

/// Where messages are kept, if they are.
#[derive(Debug)]
pub(super) struct SignalingLog {
    open: Option<Open>,
    errors: u64,
}

/// A file, and what goes there.
#[derive(Debug)]
pub(super) struct Open {
    file: LineFile,
    /// The types that are kept; all, if none is named.
    filters: Vec<String>,
    message_key: String,
    timestamp_key: String,
}

impl Open {
    /// Opens the file that the configuration wants, if it wants one. If it was rotated, that is another one than before.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn by(config: &Config) -> io::Result<Option<Self>> {
        if !config.signaling_log {
            return Ok(None);
        }
        Ok(Some(Self {
            file: LineFile::open(NAME, config.log_dir.join(&config.signaling_log_name))?,
            filters: config.signaling_log_filters.clone(),
            message_key: config.log_message_key_name.clone(),
            timestamp_key: config.log_timestamp_key_name.clone(),
        }))
    }

    fn keeps(&self, kind: &str) -> bool {
        if self.filters.is_empty() {
            !QUIET.contains(&kind)
        } else {
            self.filters.iter().any(|it| it == kind)
        }
    }
}

/// Who has sent a message.
pub(super) struct Sender {
    dialect: Dialect,
    room: String,
    client: String,
    connection_id: ConnectionId,
}

impl Sender {
    fn of(who: Who<'_>) -> Option<Self> {
        let Who { dialect, room, client, connection_id } = who;
        Some(Self { dialect: dialect?, room: room.to_owned(), client: client.to_owned(), connection_id })
    }
}

impl SignalingLog {
    pub(super) fn new(open: Option<Open>) -> Self {
        Self { open, errors: 0 }
    }

    /// Keeps what `open` is for, from now on.
    pub(super) fn set(&mut self, open: Option<Open>) {
        self.open = open;
    }

    pub(super) fn is_on(&self) -> bool {
        self.open.is_some()
    }

    fn keep(&mut self, key: Key, sender: &Sender, message: Message<'_>, unix_ms: u64) {
        let Some(open) = &mut self.open else { return };
        let (said, bytes) = match message {
            Message::Text(text) => (sender.dialect.said(text), text.len()),
            Message::Binary(bytes) => (Said::default(), bytes.len()),
        };
        if !open.keeps(&said.kind) {
            return;
        }
        let connection_id = sender.connection_id.to_string();
        // What the message itself says counts where nothing is known; and who gives no id of its own is called by ours.
        let room = [&*sender.room, &said.room].into_iter().find(|name| !name.is_empty());
        let client =
            [&*sender.client, &said.client, &connection_id].into_iter().find(|name| !name.is_empty());
        let mut line = JsonLine::with_capacity(2 * bytes + 320);
        for (name, value) in [
            (&*open.timestamp_key, &*Timestamp(unix_ms).to_string()),
            ("level", "INFO"),
            (&open.message_key, "signaling"),
            ("domain", "signaling"),
            ("roomId", room.unwrap_or_default()),
            ("clientId", client.unwrap_or_default()),
            ("connectionId", &connection_id),
            ("connection", &key.to_string()),
            ("dialect", sender.dialect.name()),
            ("type", &said.kind),
        ] {
            line.text(name, value);
        }
        match &said.text {
            Some(text) if matches!(message, Message::Text(_)) => line.text("rawMessage", text),
            _ => line.number("bytes", &bytes),
        }
        if !open.file.append(line.finish().as_bytes()) {
            self.errors += 1;
        }
    }
}

/// A message that came.
#[derive(Clone, Copy)]
pub(super) enum Message<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl Server {
    /// How many messages are missing in the signaling log because they could not be written.
    pub fn signaling_log_errors(&self) -> u64 {
        self.signaling_log.errors
    }

    /// Who sends what comes now, if it is kept: to be asked before the hub hears it, because it may let the sender go.
    pub(super) fn sender(&self, key: Key) -> Option<Sender> {
        if self.signaling_log.is_on() { Sender::of(self.hub.who(key)) } else { None }
    }

    /// Keeps a message that the hub has heard.
    pub(super) fn keep_message(&mut self, key: Key, sender: Option<Sender>, message: Message<'_>) {
        let Some(mut sender) = sender else { return };
        if sender.room.is_empty()
            && let Some(registered) = Sender::of(self.hub.who(key))
        {
            sender = registered;
        }
        self.signaling_log.keep(key, &sender, message, self.now.unix_ms);
    }
}
