//! `suzu probe`: asks a server whether it is well. What time it is, and what the configuration says, are arguments.

use crate::{
    config::seconds,
    net::{address::Address, ask},
};
use lexopt::{Arg, Parser};
use std::{
    ffi::OsString,
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// How it is used.
pub const USAGE: &str = "\
Usage: suzu probe [-C FILE] [--listen ADDRESS] [--timeout-sec SECONDS]

Asks for /.ok where the server listens. Exit codes: 0 it is well, 1 it is not, 2 wrong usage or configuration.

  -C FILE                the server's configuration: the first `listen` of it is asked
  --listen ADDRESS       another address, as the server would take it
  --timeout-sec SECONDS  for all of it [default 3]
  -h, --help             print this
";

/// The name is one of this machine's whatever the configuration, and so the server takes it.
const QUESTION: &[u8] = b"GET /.ok HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`USAGE`].
    Help,
    /// Ask.
    Ask(Wanted),
}

/// Who is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What says where the server is, as the server would be told.
    pub words: Vec<OsString>,
    /// How long to wait in all.
    pub timeout: Duration,
}

/// Reads what follows `suzu probe` on the command line.
///
/// # Errors
/// What was wrong, and what would be right.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let (mut words, mut timeout) = (Vec::new(), None);
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let flag = match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('C') => "-C",
            Arg::Long("listen") => "--listen",
            Arg::Long("timeout-sec") => "--timeout-sec",
            other => return Err(unknown(&other)),
        };
        let value = parser.value().map_err(|_| format!("{flag}: a value is missing"))?;
        if flag != "--timeout-sec" {
            // What is wrong with these the server's own command line says.
            words.extend([flag.into(), value]);
            continue;
        }
        let time = seconds(&value.to_string_lossy())
            .map_err(|wrong| format!("{flag}: {wrong}; allowed: 0.01 to 86400 (default 3)"))?;
        if timeout.replace(time).is_some() {
            return Err(format!("{flag}: it is given twice"));
        }
    }
    Ok(Command::Ask(Wanted { words, timeout: timeout.unwrap_or(Duration::from_secs(3)) }))
}

fn unknown(arg: &Arg<'_>) -> String {
    let what = match arg {
        Arg::Long(flag) => format!("--{flag}"),
        Arg::Short(letter) => format!("-{letter}"),
        Arg::Value(value) => format!("{value:?}"),
    };
    format!("{what}: unknown option; `suzu probe --help` lists them all")
}

/// Asks a server that listens there. `left` says how much of `timeout` there is still.
///
/// # Errors
/// What is the matter with it.
pub fn ask(listen: &Address, timeout: Duration, left: impl Fn() -> Duration) -> Result<(), String> {
    let mut target = listen.clone();
    // [::] takes IPv4, too, and that is there where IPv6 is not, as in most containers; but a socket that was handed over may be for IPv6 only.
    let mut other = None;
    if let Address::Ip(address) = &mut target
        && address.ip().is_unspecified()
    {
        other = address.is_ipv6().then(|| SocketAddr::from((Ipv6Addr::LOCALHOST, address.port())));
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    loop {
        let wrong = match ask::first_line(&target, QUESTION, &left) {
            Ok(line) => match judge(&line) {
                None => return Ok(()),
                Some(wrong) => wrong,
            },
            Err(_) if left().is_zero() => {
                other = None;
                format!("no answer within {timeout:?}")
            }
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused | ErrorKind::NotFound => {
                    format!("nobody listens there: {error}")
                }
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                    "it hung up without an answer; if it is suzu, its log says why (allow_from?)".to_owned()
                }
                _ => error.to_string(),
            },
        };
        match other.take() {
            Some(address) => target = Address::Ip(address),
            None => return Err(format!("{target}: {wrong}")),
        }
    }
}

/// What is wrong with an answer that begins so, if anything is.
fn judge(answer: &[u8]) -> Option<String> {
    let line = answer.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    let status = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..));
    let is_ok = status.is_some_and(|status| status == b" 200" || status.starts_with(b" 200 "));
    (!is_ok).then(|| format!("it answers {:?}; allowed: HTTP/1.1 200", String::from_utf8_lossy(line)))
}
