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
    server::{self, Ceiling, Server},
    token_command,
};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    if words.next_if(|word| word == "token").is_some() {
        return token(words);
    }
    let words: Vec<OsString> = words.collect();
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
fn token(words: impl Iterator<Item = OsString>) -> ExitCode {
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
    let config = match args::parse(words)? {
        Command::Run(config) | Command::Check(config) => config,
        Command::Help | Command::Version => return Err("suzu token --help says what it takes".to_owned()),
    };
    let (keys, _) = config.access()?;
    let secret = keys.token_secrets.first().ok_or(
        "there is no secret to sign with: set token_secret_file in the configuration (-C FILE) or give --token-secret-file",
    )?;
    token_command::mint(wanted, secret.bytes(), server::unix_seconds(), &banner::base_url(&config))
}

/// Prints, and does not mind if nobody listens.
fn print(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "suzu: {text}");
}
