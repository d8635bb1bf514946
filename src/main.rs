//! The program: command line in, exit code out.

use std::{
    io::{Write, stdout},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
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
        print(&banner(&server.local_addresses()?));
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

/// Where the server can be reached: each address, then one to open.
fn banner(addresses: &[SocketAddr]) -> String {
    let mut text = String::new();
    for address in addresses {
        text.push_str(&format!("listening on http://{address}\n"));
    }
    if let Some(address) = addresses.first() {
        text.push_str(&format!("open http://{}:{}/\n", host_to_open(address.ip()), address.port()));
    }
    text
}

/// What a browser on this machine calls that address. `localhost` where it is the same, since browsers trust it.
fn host_to_open(address: IpAddr) -> String {
    let is_local = address.is_unspecified()
        || address == IpAddr::V4(Ipv4Addr::LOCALHOST)
        || address == IpAddr::V6(Ipv6Addr::LOCALHOST);
    match address {
        _ if is_local => "localhost".to_owned(),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
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
