//! `suzu token`: makes a token and says how to use it. Pure: the secret, the time and the address of the server are arguments.

use crate::{
    percent,
    signaling::token::{self, Claims, TOKEN_BYTES_MAX},
    timestamp,
};
use lexopt::{Arg, Parser};
use std::{ffi::OsString, path::PathBuf, time::Duration};

/// How it is used.
pub const USAGE: &str = "\
Usage: suzu token --room ROOM --ttl TIME [options]

  --room ROOM               the room that the token opens; `door-*`: all whose names begin so
  --ttl TIME                how long it is valid: 90s, 30m, 24h or 7d
  --name NAME               what the bearer is called
  --sub ID                  the bearer's id
  --url URL                 where the server is, for the link
  --token-secret-file FILE  the secret that signs; else that of the configuration
  -C FILE                   the configuration
  -h, --help                print this
";

/// The longest validity, in days.
const DAYS_MAX: u64 = 3_650;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`USAGE`].
    Help,
    /// Make a token.
    Mint(Wanted),
}

/// The token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The room, or the beginning of a room's name and `*`.
    pub room: String,
    /// How long it is valid.
    pub ttl: Duration,
    /// What the bearer is called.
    pub name: Option<String>,
    /// The bearer's id.
    pub sub: Option<String>,
    /// Where the server is, if that was said; no `/` at the end.
    pub url: Option<String>,
    /// The file with the secret, if it was named.
    pub secret_file: Option<PathBuf>,
    /// The configuration, if it was named.
    pub config: Option<PathBuf>,
}

/// A token and how to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    /// The token.
    pub token: String,
    /// What the bearer opens: worth a QR code. The token is in the fragment, which browsers send to nobody and write into no `Referer`.
    pub link: String,
    /// Both, and what they are good for, in three lines.
    pub text: String,
}

/// Reads what follows `suzu token` on the command line.
///
/// # Errors
/// What was wrong, and what would be right.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let [mut room, mut ttl, mut name, mut sub, mut url, mut secret_file, mut config] = [const { None }; 7];
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let (flag, place) = match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Long("room") => ("--room", &mut room),
            Arg::Long("ttl") => ("--ttl", &mut ttl),
            Arg::Long("name") => ("--name", &mut name),
            Arg::Long("sub") => ("--sub", &mut sub),
            Arg::Long("url") => ("--url", &mut url),
            Arg::Long("token-secret-file") => ("--token-secret-file", &mut secret_file),
            Arg::Short('C') => ("-C", &mut config),
            Arg::Long(flag) => return Err(unknown(&format!("--{flag}"))),
            Arg::Short(letter) => return Err(unknown(&format!("-{letter}"))),
            Arg::Value(value) => return Err(unknown(&format!("{value:?}"))),
        };
        let value = parser.value().map_err(|_| format!("{flag}: a value is missing"))?;
        if place.replace(value).is_some() {
            return Err(format!("{flag}: it is given twice"));
        }
    }
    let text = |flag: &str, value: Option<OsString>| match value.map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) if !value.is_empty() => Ok(Some(value)),
        Some(_) => Err(format!("{flag}: the value is empty or not text")),
    };
    let ttl = text("--ttl", ttl)?.ok_or("--ttl is missing; for example --ttl 24h")?;
    Ok(Command::Mint(Wanted {
        room: text("--room", room)?.ok_or("--room is missing; for example --room door")?,
        ttl: duration(&ttl).map_err(|wrong| format!("--ttl: {wrong}"))?,
        name: text("--name", name)?,
        sub: text("--sub", sub)?,
        url: text("--url", url)?
            .map(|url| base(&url))
            .transpose()
            .map_err(|wrong| format!("--url: {wrong}"))?,
        secret_file: secret_file.map(PathBuf::from),
        config: config.map(PathBuf::from),
    }))
}

fn unknown(what: &str) -> String {
    format!("{what}: unknown option; `suzu token --help` lists them all")
}

/// Makes the token. `unix` is in seconds since 1970; `base_url` is where the server is if that was not said.
///
/// # Errors
/// If the secret is too short, or the token would be too long to be accepted.
pub fn mint(wanted: &Wanted, secret: &[u8], unix: u64, base_url: &str) -> Result<Minted, String> {
    let Wanted { room, ttl, name, sub, .. } = wanted;
    token::check_secret(secret).map_err(|wrong| format!("the secret: {wrong}"))?;
    let exp = unix.saturating_add(ttl.as_secs());
    let claims = Claims { room: room.clone(), sub: sub.clone(), name: name.clone(), exp };
    let token = token::mint(&claims, secret);
    if token.len() > TOKEN_BYTES_MAX {
        return Err(format!("the token would have {} bytes; allowed: {TOKEN_BYTES_MAX}", token.len()));
    }
    let base = wanted.url.as_deref().unwrap_or(base_url).trim_end_matches('/');
    let prefix = room.strip_suffix('*');
    let query = match prefix {
        None => format!("?room={}", percent::encode(room)),
        // Which of the rooms is not known here.
        Some(_) => String::new(),
    };
    let link = format!("{base}/{query}#key={token}");
    let opens = match prefix {
        None => format!("the room {room:?}"),
        Some("") => "every room".to_owned(),
        Some(prefix) => format!("every room whose name begins with {prefix:?}"),
    };
    let bearer = name.as_ref().or(sub.as_ref()).map(|name| format!(" for {name:?}")).unwrap_or_default();
    let text = format!(
        "link   {link}\ntoken  {token}\nopens {opens}{bearer} for {}, until {}\n",
        in_words(*ttl),
        date(exp)
    );
    Ok(Minted { token, link, text })
}

/// A length of time: a whole number and its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("{text:?} is not a length of time; allowed: 1s to {DAYS_MAX}d, such as 30m, 24h or 7d");
    let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds = match text.get(number.len()..) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => return Err(wrong()),
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| is_number);
    let seconds = number.and_then(|number| number.checked_mul(seconds)).filter(|seconds| *seconds > 0);
    seconds.filter(|seconds| *seconds <= DAYS_MAX * 86_400).map(Duration::from_secs).ok_or_else(wrong)
}

/// The address of the server without what comes after it.
fn base(url: &str) -> Result<String, String> {
    let is_base = ["http://", "https://"].iter().any(|scheme| {
        url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
    });
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>".contains(&byte));
    if is_base && is_plain {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(format!(
            "{url:?} is not where a server is; allowed: http:// or https://, a host and perhaps a port"
        ))
    }
}

/// A length of time as one says it: in the largest unit that leaves nothing over.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    // A day is said as 24 hours, since that is what it is.
    let fits =
        |(unit, name): &(u64, &str)| seconds.is_multiple_of(*unit) && (*name != "day" || seconds > 86_400);
    let (unit, name) = units.into_iter().find(fits).unwrap_or((1, "second"));
    let number = seconds / unit;
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// A date and time, to the minute.
fn date(unix: u64) -> String {
    let (year, month, day) = timestamp::date(unix / 86_400);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", unix / 3_600 % 24, unix / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
    const NOW: u64 = 1_800_000_000;
    const HERE: &str = "https://192.168.1.5:3000/";

    fn parsed(words: &str) -> Result<Command, String> {
        parse(words.split_whitespace().map(OsString::from))
    }

    fn wanted(words: &str) -> Wanted {
        match parsed(words) {
            Ok(Command::Mint(wanted)) => wanted,
            other => panic!("{words}: {other:?}"),
        }
    }

    #[test]
    fn a_link_opens_the_room_until_it_expires() {
        let minted = mint(&wanted("--room door --ttl 24h --name Guest --sub g1"), SECRET, NOW, HERE).unwrap();
        let claims = token::verify(&minted.token, SECRET, NOW + 86_399).unwrap();
        assert_eq!((claims.room.as_str(), claims.exp), ("door", NOW + 86_400));
        assert_eq!((claims.name.as_deref(), claims.sub.as_deref()), (Some("Guest"), Some("g1")));
        assert_eq!(minted.link, format!("https://192.168.1.5:3000/?room=door#key={}", minted.token));
        assert_eq!(
            minted.text,
            format!(
                "link   {}\ntoken  {}\nopens the room \"door\" for \"Guest\" for 24 hours, until 2027-01-16 08:00 UTC\n",
                minted.link, minted.token
            )
        );
    }

    #[test]
    fn the_link_leads_to_where_it_should() {
        let link = |wanted: &Wanted| mint(wanted, SECRET, NOW, HERE).unwrap().link;
        for (words, expected) in [
            (
                "--room door --ttl 1h --url https://door.example.com",
                "https://door.example.com/?room=door#key=ey",
            ),
            ("--room door --ttl 1h --url http://[fd00::5]:80//", "http://[fd00::5]:80/?room=door#key=ey"),
            (
                "--room door --ttl 1h --url https://example.com/suzu/",
                "https://example.com/suzu/?room=door#key=ey",
            ),
            ("--room a&b=c#d/? --ttl 1h", "https://192.168.1.5:3000/?room=a%26b%3Dc%23d%2F%3F#key=ey"),
            ("--room \u{9234} --ttl 1h", "https://192.168.1.5:3000/?room=%E9%88%B4#key=ey"),
            ("--room door-* --ttl 1h", "https://192.168.1.5:3000/#key=ey"),
            ("--room * --ttl 1h", "https://192.168.1.5:3000/#key=ey"),
        ] {
            let link = link(&wanted(words));
            assert!(link.starts_with(expected), "{words}: {link}");
        }
        let text = |words: &str| mint(&wanted(words), SECRET, NOW, HERE).unwrap().text;
        assert!(
            text("--room a-* --ttl 1m")
                .contains("opens every room whose name begins with \"a-\" for 1 minute,")
        );
        assert!(text("--room * --ttl 7d --sub g1").contains("opens every room for \"g1\" for 7 days, until"));
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        for (text, expected) in [
            ("1s", "1 second"),
            ("90s", "90 seconds"),
            ("60s", "1 minute"),
            ("90m", "90 minutes"),
            ("1d", "24 hours"),
            ("48h", "2 days"),
            ("3650d", "3650 days"),
        ] {
            assert_eq!(duration(text).map(in_words).as_deref(), Ok(expected), "{text}");
        }
        for (unix, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(date(unix), expected);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (words, message) in [
            ("", "--ttl is missing; for example --ttl 24h"),
            ("--room door", "--ttl is missing"),
            ("--ttl 24h", "--room is missing; for example --room door"),
            ("--room", "--room: a value is missing"),
            ("--room= --ttl 24h", "--room: the value is empty or not text"),
            ("--room a --room b", "--room: it is given twice"),
            ("--rooms a", "--rooms: unknown option; `suzu token --help` lists them all"),
            ("-x", "-x: unknown option"),
            ("door", "\"door\": unknown option"),
            (
                "--room a --ttl 24",
                "--ttl: \"24\" is not a length of time; allowed: 1s to 3650d, such as 30m,",
            ),
            ("--room a --ttl h", "--ttl: \"h\" is not a length of time"),
            ("--room a --ttl 0h", "--ttl: \"0h\" is not"),
            ("--room a --ttl -1h", "--ttl: \"-1h\" is not"),
            ("--room a --ttl +1h", "--ttl: \"+1h\" is not"),
            ("--room a --ttl 1.5h", "--ttl: \"1.5h\" is not"),
            ("--room a --ttl 1h30m", "--ttl: \"1h30m\" is not"),
            ("--room a --ttl 1w", "--ttl: \"1w\" is not"),
            ("--room a --ttl 3651d", "--ttl: \"3651d\" is not"),
            ("--room a --ttl 18446744073709551615d", "--ttl: \"18446744073709551615d\" is not"),
            (
                "--room a --ttl 1h --url door.example.com",
                "--url: \"door.example.com\" is not where a server is",
            ),
            ("--room a --ttl 1h --url https://", "--url: \"https://\" is not"),
            ("--room a --ttl 1h --url https://a/?b", "--url: \"https://a/?b\" is not"),
        ] {
            let error = parsed(words).unwrap_err();
            assert!(error.starts_with(message), "{words}: {error}");
        }
        assert_eq!(parsed("--room a -h"), Ok(Command::Help));
        let files = wanted("-C suzu.conf --token-secret-file key --room a --ttl 1h");
        assert_eq!((files.config, files.secret_file), (Some("suzu.conf".into()), Some("key".into())));
    }

    #[test]
    fn what_would_not_be_accepted_is_not_minted() {
        let short = mint(&wanted("--room a --ttl 1h"), b"short", NOW, HERE).unwrap_err();
        assert!(short.starts_with("the secret: it has 5 bytes; allowed: at least 32"), "{short}");
        let long = wanted(&format!("--room {} --ttl 1h", "x".repeat(4_096)));
        assert!(mint(&long, SECRET, NOW, HERE).unwrap_err().starts_with("the token would have 55"));
    }
}
