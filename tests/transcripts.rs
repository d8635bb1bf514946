//! Every conversation under tests/transcripts, with the hub alone and with a real server.

mod common;

use common::{
    announce,
    hub_stage::HubStage,
    real_stage::RealStage,
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

/// Real servers at the same time: enough to hide the waiting, few enough for two cores.
const AT_ONCE: usize = 8;

#[test]
fn on_the_hub_in_virtual_time() {
    let transcripts = load("ayame");
    assert!(transcripts.len() >= 25, "conversations went missing");
    check("on the hub, in virtual time", &transcripts, 1, |transcript| {
        transcript.play(&mut HubStage::new(&transcript.config()))
    });
}

#[test]
fn on_a_real_server() {
    check("on a real server, over ws", &load("ayame"), AT_ONCE, |transcript| {
        transcript.play(&mut RealStage::new(transcript))
    });
}

fn check(
    place: &str,
    transcripts: &[Transcript],
    at_once: usize,
    play: impl Fn(&Transcript) -> Result<(), String> + Sync,
) {
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
