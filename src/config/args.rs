//! The command line: `suzu [-C FILE] [--key value ...]`.

use super::{
    Config, ayame, file,
    settings::{Setting, find, settings},
    spelling::nearest,
};
use lexopt::{Arg, Parser};
use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// What is asked of the program.
#[derive(Debug)]
pub enum Command {
    /// Serve.
    Run(Config),
    /// Print the configuration in force and the memory ceiling that follows from it.
    Check(Config),
    /// Print how to use it.
    Help,
    /// Print the version.
    Version,
}

/// Reads the command line (without the program's name) and the file that it names. Flags win over the file, the file over the
/// defaults.
///
/// # Errors
/// What was wrong and what would be right.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut path: Option<PathBuf> = None;
    let mut is_check = false;
    let mut flags = Vec::new();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Short('C') => {
                let value = parser.value().map_err(|_| "-C: the name of a file is missing".to_owned())?;
                if path.replace(value.into()).is_some() {
                    return Err("-C: it is given twice; allowed: one file".to_owned());
                }
            }
            Arg::Long("check") => is_check = true,
            Arg::Long(name) => {
                let flag = format!("--{name}");
                let setting =
                    settings().find(|setting| setting.flag() == flag).ok_or_else(|| unknown(name))?;
                if setting.is_secret {
                    return Err(on_show(setting));
                }
                let value = parser
                    .value()
                    .map_err(|_| format!("{flag}: a value is missing; allowed: {}", setting.allowed))?;
                let value = value.into_string().map_err(|_| format!("{flag}: the value is not text"))?;
                // It would be several lines, or none, of a file.
                if value.contains(char::is_control) {
                    return Err(format!(
                        "{flag}: {value:?} has a control character in it; allowed: {}",
                        setting.allowed
                    ));
                }
                flags.push((setting, value));
            }
            Arg::Short(letter) => {
                return Err(format!("-{letter}: unknown option; `suzu --help` lists them all"));
            }
            Arg::Value(value) => {
                return Err(format!(
                    "{value:?}: settings are given as --key value; `suzu --help` lists them all"
                ));
            }
        }
    }

    let mut config = Config::default();
    let mut ayame = None;
    let name = path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    if let Some(path) = path {
        let bytes = read(&path).map_err(|wrong| format!("{name}: {wrong}"))?;
        // Comments may be in another encoding; other lines are refused.
        ayame = Some(file::read(&mut config, &name, &String::from_utf8_lossy(&bytes))?);
        let is_public = fs::metadata(&path).is_ok_and(|file| file.permissions().mode() & 0o007 != 0);
        if config.has_secrets() && is_public {
            return Err(format!(
                "{name}: there are secrets in it, and everybody on this machine can read it; run: chmod 600 {name}"
            ));
        }
    }
    let mut seen = Vec::new();
    for (setting, value) in flags {
        let is_first = !seen.contains(&setting.key);
        seen.push(setting.key);
        config.set(setting, &value, is_first).map_err(|wrong| format!("{}: {wrong}", setting.flag()))?;
        // The first flag has taken the place of what the file says.
        if setting.key == "ice_server" && config.ice_server.iter().any(|server| server.credential.is_some()) {
            return Err(on_show(setting));
        }
    }
    config.warnings.extend(ayame.iter().flat_map(|keys| keys.warnings(&config)).collect::<Vec<_>>());
    if let Some(directory) = env::var_os("CREDENTIALS_DIRECTORY") {
        config.take_credentials(Path::new(&directory))?;
    }
    config.check()?;
    Ok(if is_check { Command::Check(config) } else { Command::Run(config) })
}

/// A configuration file may have this many bytes: what is made of it is in the memory ceiling, among what the program takes.
pub(super) const FILE_BYTES_MAX: u64 = 256 * 1024;

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|file| io::copy(&mut file.take(FILE_BYTES_MAX + 1), &mut bytes));
    let length = file.map_err(|error| format!("cannot be read: {error}"))?;
    if length > FILE_BYTES_MAX {
        return Err(format!("it is too long; allowed: up to {FILE_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// Why a secret is not taken from the command line.
fn on_show(setting: &Setting) -> String {
    format!(
        "{}: everybody on this machine can read a command line; put `{} = ...` into a file (-C) that others cannot read",
        setting.flag(),
        setting.key
    )
}

fn unknown(name: &str) -> String {
    let key = name.replace('-', "_");
    if ayame::find(&key).is_some() && find(&key).is_none() {
        return format!(
            "--{name}: Ayame's keys are taken from a file (-C) only; docs/from-ayame.md says what suzu calls them"
        );
    }
    match nearest(&key, settings().map(|setting| setting.key)) {
        Some(key) => format!("--{name}: unknown option; did you mean --{}?", key.replace('_', "-")),
        None => format!("--{name}: unknown option; `suzu --help` lists them all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<Command, String> {
        parse(words.split_whitespace().map(OsString::from))
    }

    #[test]
    fn flags_are_the_keys_in_kebab_case() {
        let Ok(Command::Run(config)) =
            parse_words("--max-clients 4 --type-message=true --listen 127.0.0.1:0 --listen [::1]:0")
        else {
            panic!("refused")
        };
        assert_eq!((config.max_clients, config.type_message, config.listen.len()), (4, true, 2));
    }

    #[test]
    fn asking_for_help_or_version_comes_first() {
        assert!(matches!(parse_words("-h"), Ok(Command::Help)));
        assert!(matches!(parse_words("--max-clients 4 --version"), Ok(Command::Version)));
        assert!(matches!(parse_words("--check"), Ok(Command::Check(_))));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (words, message) in [
            ("--max-client 4", "--max-client: unknown option; did you mean --max-clients?"),
            ("--max_clients 4", "--max_clients: unknown option; did you mean --max-clients?"),
            (
                "--debug true",
                "--debug: Ayame's keys are taken from a file (-C) only; docs/from-ayame.md says",
            ),
            ("--max-clients", "--max-clients: a value is missing; allowed: 1 to 60000"),
            (
                "--max-clients x",
                "--max-clients: \"x\" is not a whole number; allowed: 1 to 60000 (default 256)",
            ),
            ("--max-rooms 1 --max-rooms 2", "--max-rooms: it is set twice"),
            ("-C a -C b", "-C: it is given twice; allowed: one file"),
            ("-C", "-C: the name of a file is missing"),
            (
                "-C /nowhere/suzu.conf",
                "/nowhere/suzu.conf: cannot be read: No such file or directory (os error 2)",
            ),
            ("-x", "-x: unknown option; `suzu --help` lists them all"),
            ("serve", "\"serve\": settings are given as --key value; `suzu --help` lists them all"),
            (
                "--signaling-key=hush",
                "--signaling-key: everybody on this machine can read a command line; put `signaling_key = ...`",
            ),
            ("--max-queue-bytes 2048", "max_queue_bytes: 2048 is too little for one message"),
        ] {
            let error = parse_words(words).map(|_| ()).unwrap_err();
            assert!(error.starts_with(message), "{words}: {error}");
        }
    }

    #[test]
    fn a_value_is_one_line_of_a_file() {
        let error = parse(["--log-dir", "a\nmax_clients = 3"].map(OsString::from)).unwrap_err();
        assert!(
            error.starts_with("--log-dir: \"a\\nmax_clients = 3\" has a control character in it"),
            "{error}"
        );
    }

    #[test]
    fn a_credential_of_a_turn_server_is_taken_from_a_file_only() {
        let parsed = |url: &str| parse(["--ice-server", url].map(OsString::from));
        assert!(parsed("stun:box").is_ok());
        let error = parsed("turn:box user hush").unwrap_err();
        assert!(error.starts_with("--ice-server: everybody on this machine can read"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}
