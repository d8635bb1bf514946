//! The program: command line in, exit code out.

mod banner;

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write, stdout},
    process::ExitCode,
    time::Duration,
};
use suzu::{
    config::{
        Config,
        args::{self, Command},
        help,
    },
    host::{inherited, log},
    net::address::Address,
    probe_command,
    server::{self, Ceiling, Server},
    token_command,
};

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let command = words.first().and_then(|word| word.to_str());
    if let Some(run) = command.and_then(subcommand) {
        words.remove(0);
        return run(words);
    }
    let given = words.clone();
    let reread = move || match args::parse(given.clone())? {
        Command::Run(config) => Ok(config),
        _ => Err("the command line has changed".to_owned()),
    };
    match args::parse(words) {
        Ok(Command::Help) => print(&help::usage()),
        Ok(Command::Version) => print(&format!("suzu {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Command::Check(config)) => {
            if let Err(wrong) = config.access() {
                complain(&wrong);
                return ExitCode::from(2);
            }
            let warnings: String =
                config.warnings.iter().map(|warning| format!("# warning: {warning}\n")).collect();
            print(&format!("{}{warnings}# {}\n", help::listing(&config), Ceiling::of(&config)))
        }
        Ok(Command::Run(config)) => return run(&config, reread),
        Err(wrong) => {
            complain(&wrong);
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// What is done in the place of serving, if the first word says so.
fn subcommand(word: &str) -> Option<fn(Vec<OsString>) -> ExitCode> {
    match word {
        "probe" => Some(probe),
        "token" => Some(token),
        _ => None,
    }
}

fn run(config: &Config, reread: impl Fn() -> Result<Config, String> + 'static) -> ExitCode {
    let now = log::Now { mono: Duration::ZERO, unix_ms: server::unix_seconds() * 1_000 };
    if let Err(error) = log::init(&config.log_settings(), now) {
        complain(&error.to_string());
    }
    for warning in &config.warnings {
        ::log::warn!("{warning}");
    }
    let result = inherited::take().map_err(io::Error::other).and_then(|sockets| {
        let server = Server::bind(config, sockets, Box::new(reread))?;
        print(&banner::text(&server, stdout().is_terminal())?);
        server.run()
    });
    log::finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// `suzu token`: mints a token for a guest.
fn token(words: Vec<OsString>) -> ExitCode {
    let minted = match token_command::parse(words) {
        Ok(token_command::Command::Help) => {
            print(token_command::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(token_command::Command::Mint(wanted)) => mint(&wanted),
        Err(wrong) => Err(wrong),
    };
    match minted {
        Ok(minted) => {
            print(&minted.text);
            if stdout().is_terminal() {
                print(&banner::qr_code(&minted.link));
            }
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            complain(&wrong);
            ExitCode::from(2)
        }
    }
}

fn mint(wanted: &token_command::Wanted) -> Result<token_command::Minted, String> {
    let mut words: Vec<OsString> = Vec::new();
    if let Some(path) = &wanted.config {
        words.extend(["-C".into(), path.into()]);
    }
    if let Some(path) = &wanted.secret_file {
        words.extend(["--token-secret-file".into(), path.into()]);
    }
    let config = configuration(words)?;
    let (keys, _) = config.access()?;
    let secret = keys.token_secrets.first().ok_or(
        "there is no secret to sign with: set token_secret_file in the configuration (-C FILE) or give --token-secret-file",
    )?;
    token_command::mint(wanted, secret.bytes(), server::unix_seconds(), &banner::base_url(&config))
}

/// `suzu probe`: its exit code says whether the server is well.
fn probe(words: Vec<OsString>) -> ExitCode {
    let found = match probe_command::parse(words) {
        Ok(probe_command::Command::Help) => {
            print(probe_command::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(probe_command::Command::Ask(wanted)) => find(wanted),
        Err(wrong) => Err(wrong),
    };
    let (code, wrong) = match found {
        Ok((listen, timeout)) => match probe_command::ask(&listen, timeout, server::time_left(timeout)) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(wrong) => (ExitCode::FAILURE, wrong),
        },
        Err(wrong) => (ExitCode::from(2), wrong),
    };
    complain(&wrong);
    code
}

/// Where to ask, and how long to wait.
fn find(wanted: probe_command::Wanted) -> Result<(Address, Duration), String> {
    let config = configuration(wanted.words)?;
    match config.listen.first() {
        Some(listen) if listen.ip().is_none_or(|address| address.port() != 0) => {
            Ok((listen.clone(), wanted.timeout))
        }
        _ => Err("listen: port 0 is any that is free; say by --listen which one it took".to_owned()),
    }
}

/// What the server would have in force if it were started so.
fn configuration(words: Vec<OsString>) -> Result<Config, String> {
    match args::parse(words)? {
        Command::Run(config) | Command::Check(config) => Ok(config),
        Command::Help | Command::Version => Err("suzu --help says what it takes".to_owned()),
    }
}

/// Prints, and does not mind if nobody listens.
fn print(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "suzu: {text}");
}
