//! Clients in other networks, over links that lose, delay and reorder packets or are dead for a while: calls are set up all the same, nobody
//! who is alive is let go, and seats are kept. Nothing of this depends on features: once is enough.
#![cfg(feature = "tls")]
#![allow(clippy::disallowed_methods, reason = "how long something takes is what is shown here")]

mod calls;
#[path = "../common/mod.rs"]
mod common;
mod conversations;
mod end;
mod reconnect;

use common::{
    link::HERE,
    server::{TempDir, TestServer},
    start::program,
    wire::{PING, PONG, Wire, frame},
};
use std::net::TcpStream;

/// A server that others can reach, and its URL for them.
fn start(args: &[&str]) -> (TestServer, String) {
    let mut command = program();
    command.args(["--listen", "0.0.0.0:0"]).args(args);
    let server = TestServer::start_command(command, TempDir::new());
    let url = format!("ws://{HERE}:{}", server.address.port());
    (server, url)
}

/// The next message that is no ping; pings are answered.
fn hear(wire: &mut Wire<TcpStream>) -> String {
    loop {
        let heard = wire.next_frame().expect("the connection ended");
        if heard.first == PING {
            wire.send(&frame(PONG, &heard.payload));
        } else if heard.first != PONG && heard.payload != br#"{"type":"ping"}"# {
            return heard.text().to_owned();
        }
    }
}
