//! Settings in a file: `key = value` lines, comments from `#` or `;` at the beginning of a line.

use super::{Config, settings::find, spelling::nearest};
use ini_core::{Item, Parser};

/// Applies a file's lines to `config`. `name` is the file's, for messages.
///
/// # Errors
/// The first line that cannot be used: file, line, key, what was wrong and what is allowed.
pub fn apply(config: &mut Config, name: &str, text: &str) -> Result<(), String> {
    let mut seen = Vec::new();
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Parser::new(text).comment_char(b'#').auto_trim(true);
    loop {
        let line = lines.line() + 1;
        let at = |message: String| format!("{name}:{line}: {message}");
        match lines.next() {
            None => return Ok(()),
            Some(Item::SectionEnd | Item::Comment(_) | Item::Blank) => {}
            // Comments that begin with the other sign, or after spaces.
            Some(Item::Property(key, _)) if key.starts_with(['#', ';']) => {}
            // The sign is within the value: what a secret in base64 ends with.
            Some(Item::Property(text, Some(_))) if text.contains(char::is_whitespace) => {
                return Err(at(not_a_line(text)));
            }
            Some(Item::Property(key, Some(value))) => {
                let setting = find(key).ok_or_else(|| at(unknown(key)))?;
                let is_first = !seen.contains(&setting.key);
                seen.push(setting.key);
                config.set(setting, value, is_first).map_err(|wrong| at(format!("{key}: {wrong}")))?;
            }
            Some(Item::Property(text, None) | Item::Error(text)) => {
                return Err(at(not_a_line(text)));
            }
            Some(Item::Section(section)) => {
                return Err(at(format!("[{section}]: there are no sections, only `key = value` lines")));
            }
        }
    }
}

/// Only the first word is shown: if it is the `=` that was forgotten, a secret may come next.
fn not_a_line(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    format!("{word:?} is not a `key = value` line")
}

fn unknown(key: &str) -> String {
    match nearest(key) {
        Some(nearest) => format!("{key}: unknown key; did you mean {nearest}?"),
        None => format!("{key}: unknown key; `suzu --help` lists them all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        apply(&mut config, "suzu.conf", text).map(|()| config)
    }

    #[test]
    fn a_file_sets_what_it_names_and_nothing_else() {
        let text = "\u{feff}# a comment\n; another\n  # a third\n\nmax_clients = 4\r\n MAX_ROOMS=2\nlisten = 127.0.0.1:1\nlisten = [::1]:2\n";
        let config = read(text).unwrap();
        assert_eq!((config.max_clients, config.max_rooms, config.max_message_bytes), (4, 2, 65_536));
        let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["127.0.0.1:1", "[::1]:2"], "the default is replaced, then values add up");
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, message) in [
            (
                "\n\nmax_clients = many",
                "suzu.conf:3: max_clients: \"many\" is not a whole number; allowed: 1 to 60000 (default 256)",
            ),
            ("max_client = 3", "suzu.conf:1: max_client: unknown key; did you mean max_clients?"),
            ("# x\nfrobnicate = 3", "suzu.conf:2: frobnicate: unknown key; `suzu --help` lists them all"),
            ("max_clients", "suzu.conf:1: \"max_clients\" is not a `key = value` line"),
            ("signaling_key hush", "suzu.conf:1: \"signaling_key\" is not a `key = value` line"),
            ("room_key door hush==", "suzu.conf:1: \"room_key\" is not a `key = value` line"),
            ("a = 1", "suzu.conf:1: a: unknown key; `suzu --help` lists them all"),
            ("\n[server]", "suzu.conf:2: [server]: there are no sections, only `key = value` lines"),
            ("[server", "suzu.conf:1: \"[server\" is not a `key = value` line"),
            ("max_rooms = 1\nmax_rooms = 2", "suzu.conf:2: max_rooms: it is set twice; allowed once"),
        ] {
            let error = read(text).map(|_| ()).unwrap_err();
            assert!(!error.contains("hush"), "{error}");
            assert!(error.starts_with(message.trim_end_matches("; allowed once")), "{error}");
        }
    }
}
