//! Settings in a file: `key = value` lines, comments from `#` or `;` at the beginning of a line. A `config.ini` of Ayame is such a file,
//! too: what else its lines may have, they may have for Ayame's keys.

use super::{
    Config, ayame, ini,
    settings::{find, settings},
    spelling::nearest,
};

/// Applies a file's lines to `config`, with what there is to be said about them. `name` is the file's, for messages.
///
/// # Errors
/// A line that cannot be used: file, line, key, what was wrong and what is allowed.
pub fn apply(config: &mut Config, name: &str, text: &str) -> Result<(), String> {
    config.warnings = read(config, name, text)?.warnings(config);
    Ok(())
}

/// The same; what there is to be said is known when flags are, too.
pub(super) fn read<'a>(config: &mut Config, name: &'a str, text: &str) -> Result<ayame::Reading<'a>, String> {
    let mut seen = Vec::new();
    let mut ayame = ayame::Reading::new(name);
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().map(str::trim).zip(1..);
    while let Some((text, line)) = lines.next() {
        let at = |message: String| format!("{name}:{line}: {message}");
        if text.is_empty() || text.starts_with(['#', ';']) || is_default_section(text) {
            continue;
        }
        let (key, value) = split(text).map_err(at)?;
        if let Some(key) = ayame::find(key) {
            let value = ini::value(value, &mut lines.by_ref().map(|(text, _)| text))
                .map_err(|wrong| at(format!("{}: {wrong}", key.name)))?;
            // It may go on for several lines.
            check_encoding(&value).map_err(at)?;
            ayame.take(config, key, &value, line)?;
        } else {
            let setting = find(key).ok_or_else(|| at(unknown(key)))?;
            let is_first = !seen.contains(&setting.key);
            seen.push(setting.key);
            config.set(setting, value, is_first).map_err(|wrong| at(format!("{key}: {wrong}")))?;
        }
    }
    ayame.finish(config, &seen)
}

/// Key and value of a line.
fn split(text: &str) -> Result<(&str, &str), String> {
    if text.starts_with('[') && text.ends_with(']') {
        return Err(format!("{text}: there are no sections, only `key = value` lines"));
    }
    // Ayame takes a colon, too, and quotes around a key.
    if let Some((key, value)) = text.split_once(['=', ':']) {
        let key = key.trim().trim_matches(['"', '`']);
        if ayame::find(key).is_some() {
            return Ok((key, value));
        }
    }
    check_encoding(text)?;
    let (key, value) = text.split_once('=').ok_or_else(|| not_a_line(text))?;
    let key = key.trim();
    // With a space, the sign is within the value: what a secret in base64 ends with.
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(not_a_line(text));
    }
    Ok((key, value.trim()))
}

/// Whatever was not in UTF-8 is lost by now.
fn check_encoding(text: &str) -> Result<(), String> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        Err("the line is not in UTF-8".to_owned())
    } else {
        Ok(())
    }
}

/// The one section that is none: Ayame's library calls it so.
fn is_default_section(text: &str) -> bool {
    text.split(['#', ';']).next().unwrap_or_default().trim_end().eq_ignore_ascii_case("[default]")
}

/// Only the first word is shown: if it is the `=` that was forgotten, a secret may come next.
fn not_a_line(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    format!("{word:?} is not a `key = value` line")
}

fn unknown(key: &str) -> String {
    let keys = settings().map(|setting| setting.key).chain(ayame::KEYS.iter().map(|key| key.name));
    match nearest(key, keys) {
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
            (
                "log_rotate_size = 3",
                "suzu.conf:1: log_rotate_size: unknown key; did you mean log_rotate_max_size?",
            ),
            ("# x\nfrobnicate = 3", "suzu.conf:2: frobnicate: unknown key; `suzu --help` lists them all"),
            ("max_clients", "suzu.conf:1: \"max_clients\" is not a `key = value` line"),
            ("max_clients: 3", "suzu.conf:1: \"max_clients:\" is not a `key = value` line"),
            ("= 3", "suzu.conf:1: \"=\" is not a `key = value` line"),
            ("signaling_key hush", "suzu.conf:1: \"signaling_key\" is not a `key = value` line"),
            ("room_key door hush==", "suzu.conf:1: \"room_key\" is not a `key = value` line"),
            ("a = 1", "suzu.conf:1: a: unknown key; `suzu --help` lists them all"),
            ("max_clients = \u{fffd}hush", "suzu.conf:1: the line is not in UTF-8"),
            ("\n[server]", "suzu.conf:2: [server]: there are no sections, only `key = value` lines"),
            ("[server", "suzu.conf:1: \"[server\" is not a `key = value` line"),
            ("max_rooms = 1\nmax_rooms = 2", "suzu.conf:2: max_rooms: it is set twice; allowed once"),
        ] {
            let error = read(text).map(|_| ()).unwrap_err();
            assert!(!error.contains("hush"), "{error}");
            assert!(error.starts_with(message.trim_end_matches("; allowed once")), "{error}");
        }
    }

    #[test]
    fn a_sign_of_a_comment_is_part_of_a_value_that_only_suzu_has() {
        let config = read("signaling_key = a#b;c\nroom_key = door: a=`b`\n").unwrap();
        assert_eq!(config.signaling_key.unwrap().bytes(), b"a#b;c");
        assert_eq!((&*config.room_key[0].0, config.room_key[0].1.bytes()), ("door:", &b"a=`b`"[..]));
    }
}
