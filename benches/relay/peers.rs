//! Servers of others, if `benches/compare` could get them.

use super::{
    contender::{Contender, Speech},
    machine::Cores,
};
use std::{net::TcpListener, path::Path, process::Command};

/// Ayame itself.
pub(crate) const AYAME: &str = "Ayame";
/// A Go program that does what Ayame does with a message.
pub(crate) const AYAME_WAY: &str = "Go, as Ayame relays";
/// The same with a line in a log for each message.
pub(crate) const AYAME_WAY_LOGGED: &str = "Go, as Ayame relays and logs";

/// How each is started, and what it is called.
pub(crate) struct Peers {
    found: Vec<(&'static str, Speech, Vec<String>)>,
}

impl Peers {
    /// Looks for them; `skip` hears what is missing.
    pub(crate) fn find(folder: Option<&Path>, skip: &mut dyn FnMut(&str)) -> Self {
        let mut found = Vec::new();
        let Some(folder) = folder else {
            skip("servers of others: benches/compare installs them");
            return Self { found };
        };
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let in_folder = |name: &str| folder.join(name).display().to_string();
        for (name, speech, needs, command) in [
            ("Node ws", Speech::Pairs, "node_modules/ws", words(&["node", &in_folder("ws-relay.mjs")])),
            (
                "Node peer",
                Speech::PeerJs,
                "node_modules/peer",
                words(&["node", &in_folder("peer-server.mjs")]),
            ),
            (AYAME, Speech::Ayame, "bin/ayame", words(&["sh", &in_folder("ayame"), &in_folder("bin/ayame")])),
            (AYAME_WAY, Speech::Ayame, "bin/ayame-way", words(&[&in_folder("bin/ayame-way")])),
            (AYAME_WAY_LOGGED, Speech::Ayame, "bin/ayame-way", words(&[&in_folder("bin/ayame-way"), "-log"])),
        ] {
            match folder.join(needs).exists() {
                true => found.push((name, speech, command)),
                false => skip(&format!("{name}: no {needs} in {}", folder.display())),
            }
        }
        Self { found }
    }

    /// Starts all of them.
    pub(crate) fn start(&self, cores: Cores) -> Vec<Contender> {
        let start = |(name, speech, words): &(&str, Speech, Vec<String>)| {
            let mut command = Command::new(&words[0]);
            // Where to listen; those who find a port of their own say so.
            command.args(&words[1..]).arg(free_port().to_string());
            Contender::peer(cores, name, command, *speech)
        };
        self.found.iter().map(start).collect()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
