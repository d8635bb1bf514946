//! What the fuzz targets do with their bytes: ordinary functions, so that `cargo test` builds them and replays the corpora
//! (tests/fuzz.rs) without a fuzzer, on any compiler. Each holds what suzu makes of the bytes against a model, an oracle, or itself.

#![allow(unreachable_pub, reason = "a module of tests/fuzz.rs, too")]

mod config;
mod http_head;
mod hub;
mod oracle;
mod said;
mod talk;
mod token;
mod webhook;
mod websocket;

// What the tests have already.
#[path = "../../tests/simulation/crowd.rs"]
mod ayame_crowd;
#[path = "../../tests/simulation_dialects/crowd.rs"]
mod crowd;
#[path = "../../tests/dice/mod.rs"]
mod dice;
#[allow(dead_code, reason = "the tests take more of it")]
#[path = "../../tests/common/frame.rs"]
mod frame;
#[path = "../../tests/common/hub_stage.rs"]
mod hub_stage;
#[allow(dead_code, reason = "the tests take more of it")]
#[path = "../../tests/common/transcript.rs"]
mod transcript;

use suzu::{config::Config, signaling::Dialect};

thread_local! {
    static DEFAULTS: Config = Config::default();
}

/// One target.
pub struct Target {
    /// As its stub and its corpus are called.
    pub name: &'static str,
    /// What is done with the bytes.
    run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// All of them.
pub const TARGETS: [Target; 13] = [
    target("ayame_config", config::run),
    target("ayame_text", |bytes| talk::run(&[Dialect::Ayame], bytes)),
    target("config", config::run),
    target("http_head", http_head::run),
    target("hub", hub::run),
    target("hub_ayame", hub::run_ayame),
    target("mailbox_text", |bytes| talk::run(&[Dialect::Mailbox], bytes)),
    target("mesh_text", |bytes| talk::run(&[Dialect::Mesh], bytes)),
    target("relay_text", |bytes| talk::run(&[Dialect::Relay, Dialect::Chat, Dialect::Echo], bytes)),
    target("said", said::run),
    target("token", token::run),
    target("webhook", webhook::run),
    target("websocket", websocket::run),
];

/// The defaults, which take longer to read than most inputs.
fn defaults() -> Config {
    DEFAULTS.with(Config::clone)
}

/// Does with the bytes what this target does.
///
/// # Panics
/// If something is wrong with suzu; or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    (target.run)(bytes);
}
