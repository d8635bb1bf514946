//! A relayed message: decoded, judged and handed on to one other.

use crate::{crowd, speech::Speech, stage::Stage};
use divan::{Bencher, counter::BytesCount};

/// A candidate's length and an offer's, from one client after the other of 10,000: what they have is not in the processor's cache.
#[divan::bench(args = crowd::SPEECHES, consts = [200, 3_000], sample_size = 64, sample_count = 300)]
fn relay<const BYTES: usize>(bencher: Bencher<'_, '_>, speech: Speech) {
    const CLIENTS: usize = 10_000;
    let mut stage = Stage::new(CLIENTS, |_| {});
    let peers = crowd::seat(&mut stage, speech, CLIENTS);
    let text = speech.message("offer", BYTES, "a", "b");
    assert_eq!((text.len(), stage.say(peers[0], &text)), (BYTES, 1), "it goes to one");
    // Each is `a` in its room; the step visits all of them, and not one beside the other.
    let mut at = 0;
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        at = (at + 2 * 1_237) % CLIENTS;
        stage.say(peers[at], &text)
    });
}
