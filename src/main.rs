//! The program: command line in, exit code out.

mod banner;

use std::{
    io::{IsTerminal, Write, stdout},
    process::ExitCode,
};
use suzu::{
    config::{
        Config,
        args::{self, Command},
        help,
    },
    host::log,
    server::{Ceiling, Server},
};

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => print(&help::usage()),
        Ok(Command::Version) => print(&format!("suzu {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Command::Check(config)) => {
            print(&format!("{}# {}\n", help::listing(&config), Ceiling::of(&config)))
        }
        Ok(Command::Run(config)) => return run(&config),
        Err(wrong) => {
            complain(&wrong);
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn run(config: &Config) -> ExitCode {
    if let Err(error) = log::init(config.log_level) {
        complain(&error.to_string());
    }
    let result = Server::bind(config).and_then(|server| {
        print(&banner::text(&server, stdout().is_terminal())?);
        server.run()
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
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
