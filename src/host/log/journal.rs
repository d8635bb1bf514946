//! systemd's journal, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram an event, with the journal's own priorities and with
//! fields that `journalctl SUZU_ROOM=door` finds.

use super::{
    Event, cut,
    fields::{self, Field},
};
use log::Level;
use std::{
    env,
    fs::File,
    io::{self, stderr},
    os::{
        fd::AsFd,
        unix::{fs::MetadataExt, net::UnixDatagram},
    },
    path::Path,
};

const SOCKET: &str = "/run/systemd/journal/socket";
/// The most of a message, in bytes: so the whole fits a datagram (which may have some 200 KB), with its fields, each of which is bounded.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The way to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    socket: Option<UnixDatagram>,
    path: &'static Path,
}

impl Journal {
    pub(super) fn open() -> Self {
        Self::at(Path::new(SOCKET))
    }

    fn at(path: &'static Path) -> Self {
        // The loop waits for nobody, and so not for the journal.
        let socket = UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
        Self { socket: socket.ok(), path }
    }

    /// # Errors
    /// The journal does not take it.
    pub(super) fn send(&self, event: &Event<'_>) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        // By its path each time, so that a journal that was restarted is found.
        socket.send_to(&payload(event), self.path).map(|_| ())
    }
}

/// Whether standard error goes to the journal (`$JOURNAL_STREAM`, systemd.exec(5)).
pub(super) fn has_stderr() -> bool {
    let Some(stream) = env::var_os("JOURNAL_STREAM") else { return false };
    let file = stderr().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
    file.is_ok_and(|file| stream.to_str().is_some_and(|stream| is_same(stream, file.dev(), file.ino())))
}

fn is_same(stream: &str, device: u64, inode: u64) -> bool {
    stream.split_once(':').is_some_and(|(a, b)| a.parse() == Ok(device) && b.parse() == Ok(inode))
}

/// The priority of syslog(3).
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

fn payload(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(event.message.len() + 256);
    put(&mut bytes, "PRIORITY", &priority(event.level).to_string());
    put(&mut bytes, "SYSLOG_IDENTIFIER", "suzu");
    put(&mut bytes, "TARGET", event.target);
    if let Some(place) = event.place {
        put(&mut bytes, "CODE_FILE", place.file);
        put(&mut bytes, "CODE_LINE", &place.line.to_string());
    }
    put(&mut bytes, "MESSAGE", cut(event.message, MESSAGE_BYTES_MAX));
    fields::each(event.fields, &mut |key, field| {
        let (Field::Text(value) | Field::Number(value) | Field::Other(value)) = field;
        put(&mut bytes, &format!("SUZU_{}", key.to_ascii_uppercase()), value);
    });
    bytes
}

fn put(bytes: &mut Vec<u8>, key: &str, value: &str) {
    let value = value.as_bytes();
    bytes.extend_from_slice(key.as_bytes());
    if value.contains(&b'\n') {
        bytes.push(b'\n');
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend_from_slice(value);
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::{super::Place, *};
    use log::kv::{ToValue, Value};
    use std::fs;

    fn with_event<T>(message: &str, then: impl FnOnce(&Event<'_>) -> T) -> T {
        let key = format_args!("3.1");
        let fields: &[(&str, Value<'_>)] =
            &[("connection", Value::from_display(&key)), ("room", "a\nb".to_value())];
        let place = Some(Place { file: "src/a.rs", line: 7 });
        then(&Event { level: Level::Warn, target: "suzu::a", place, message, fields: &fields })
    }

    const EXPECTED: &[u8] =
        b"PRIORITY=4\nSYSLOG_IDENTIFIER=suzu\nTARGET=suzu::a\nCODE_FILE=src/a.rs\nCODE_LINE=7\n\
        MESSAGE=closed with 1008\nSUZU_CONNECTION=3.1\nSUZU_ROOM\n\x03\0\0\0\0\0\0\0a\nb\n";

    #[test]
    fn an_event_is_priority_message_and_fields() {
        assert_eq!(with_event("closed with 1008", payload), EXPECTED);
    }

    #[test]
    fn a_value_cannot_pass_for_another_field() {
        let bytes = with_event("a\nPRIORITY=0", payload);
        let framed = b"MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n";
        assert!(bytes.windows(framed.len()).any(|window| window == framed), "{bytes:?}");
    }

    #[test]
    fn it_arrives_as_one_datagram_also_when_it_is_long_and_after_a_restart() {
        let path = env::temp_dir().join(format!("suzu-journal-{}", std::process::id()));
        // It lives as long as this process does, as the real one would.
        let journal = Journal::at(Box::leak(path.clone().into_boxed_path()));
        assert!(with_event("nobody", |event| journal.send(event)).is_err(), "there is none yet");
        for _ in 0..2 {
            let receiver = UnixDatagram::bind(&path).unwrap();
            let mut buffer = vec![0; 1 << 18];
            with_event("closed with 1008", |event| journal.send(event)).unwrap();
            let count = receiver.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..count], *EXPECTED);
            with_event(&"鈴".repeat(1_000_000), |event| journal.send(event)).unwrap();
            let count = receiver.recv(&mut buffer).unwrap();
            assert!((MESSAGE_BYTES_MAX - 2..MESSAGE_BYTES_MAX + 200).contains(&count), "{count}");
            fs::remove_file(&path).unwrap();
        }
        assert!(with_event("nobody", |event| journal.send(event)).is_err(), "it is gone again");
    }

    #[test]
    fn the_stream_is_known_by_device_and_inode() {
        for (stream, expected) in
            [("8:15", true), ("8:16", false), ("9:15", false), ("815", false), ("", false), ("8:15:1", false)]
        {
            assert_eq!(is_same(stream, 8, 15), expected, "{stream}");
        }
    }

    #[test]
    fn levels_have_the_priorities_of_syslog() {
        let priorities = [Level::Error, Level::Warn, Level::Info, Level::Debug].map(priority);
        assert_eq!(priorities, [3, 4, 6, 7]);
    }
}
