//! Offers and candidates that wait for whoever comes later.

use crate::{
    door::Door,
    guest::{Guest, Leave, filling},
};
use rand::{RngExt, rngs::StdRng};
use suzu::signaling::Dialect::Mailbox;

/// What is kept is there for an answerer, and for another one.
pub(super) fn early(door: &Door, random: &mut StdRng, room: &str) {
    let mut offerer = Guest::come(door, random, Mailbox, room);
    offerer.tell(r#"{"type":"connect","id":"offerer"}"#);
    offerer.hear(r#"{"type":"offer"}"#);
    let candidates = [0, 1, 2].map(|number| format!("{room} {number} {}", filling(random, 200)));
    for candidate in &candidates {
        offerer.say(&format!(r#"{{"type":"candidateAdd","id":"offerer","candidate":"{candidate}"}}"#));
    }
    let offer = format!("{room} {}", filling(random, 3_000));
    offerer.say(&format!(r#"{{"type":"offer","id":"offerer","sdp":"{offer}"}}"#));
    offerer.settle();
    for number in 0..random.random_range(1..=3) {
        answer(door, random, room, &mut offerer, &offer, &candidates, number);
    }
    offerer.leave(Leave::any(random));
}

fn answer(
    door: &Door,
    random: &mut StdRng,
    room: &str,
    offerer: &mut Guest<'_>,
    offer: &str,
    candidates: &[String],
    number: usize,
) {
    let id = format!("answerer-{number}");
    let mut answerer = Guest::come(door, random, Mailbox, room);
    answerer.tell(&format!(r#"{{"type":"connect","id":"{id}"}}"#));
    answerer.hear(&format!(r#"{{"type":"offer","sdp":"\"{offer}\"","target_id":"offerer"}}"#));
    answerer.say(&format!(r#"{{"type":"answer","id":"{id}","target_id":"offerer","sdp":"{room} {id}"}}"#));
    offerer.hear(&format!(r#"{{"type":"answer","sdp":"\"{room} {id}\""}}"#));
    let kept: Vec<_> = candidates.iter().map(|candidate| format!(r#"\"{candidate}\""#)).collect();
    answerer.hear(&format!(r#"{{"type":"candidate","candidate":"{}"}}"#, kept.join("|")));
    pass(&mut answerer, &id, offerer, "offerer", &format!("{room} last of {id}"));
    answerer.leave(Leave::any(random));
}

/// A candidate for somebody who is there.
pub(crate) fn pass(from: &mut Guest<'_>, id: &str, to: &mut Guest<'_>, target: &str, what: &str) {
    from.say(&format!(
        r#"{{"type":"candidateAdd","id":"{id}","target_id":"{target}","candidate":"{what}"}}"#
    ));
    to.hear(&format!(r#"{{"type":"candidate","candidate":"\"{what}\""}}"#));
}
