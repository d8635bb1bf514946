//! Every conversation under tests/transcripts, with the hub alone and with a real server.

mod common;

use common::{
    announce,
    hub_stage::HubStage,
    real_stage::RealStage,
    start::is_emulated,
    transcript::{Transcript, load},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// The folders, and how many conversations each has at the least: none goes missing.
const DIALECTS: [(&str, usize); 4] = [("ayame", 49), ("mesh", 51), ("mailbox", 33), ("relay", 16)];

/// Real servers at the same time: enough to hide the waiting, few enough for two cores.
fn at_once() -> usize {
    if is_emulated() { 4 } else { 8 }
}

#[test]
fn on_the_hub_in_virtual_time() {
    check("on the hub, in virtual time", 1, |transcript| {
        transcript.play(&mut HubStage::new(&transcript.config()))
    });
}

#[test]
fn on_a_real_server() {
    check("on a real server, over ws", at_once(), |transcript| {
        transcript.play(&mut RealStage::over_ws(transcript))
    });
}

#[cfg(feature = "tls")]
#[test]
fn on_a_real_server_over_wss() {
    check("on a real server, over wss", at_once(), |transcript| {
        transcript.play(&mut RealStage::over_wss(transcript))
    });
}

fn all() -> Vec<Transcript> {
    let mut transcripts = Vec::new();
    for (dialect, at_least) in DIALECTS {
        let loaded = load(dialect);
        assert!(
            loaded.len() >= at_least,
            "conversations in {dialect} went missing: {} of {at_least}",
            loaded.len()
        );
        transcripts.extend(loaded);
    }
    transcripts
}

fn check(place: &str, at_once: usize, play: impl Fn(&Transcript) -> Result<(), String> + Sync) {
    let transcripts = all();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(transcript) = transcripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played = catch_unwind(AssertUnwindSafe(|| play(transcript)));
                    if let Err(wrong) =
                        played.unwrap_or_else(|_| Err(format!("{}: panicked, see above", transcript.name)))
                    {
                        failures.lock().unwrap().push(wrong);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    announce(&format!(
        "transcripts: {} of {} passed {place}",
        transcripts.len() - failures.len(),
        transcripts.len()
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
