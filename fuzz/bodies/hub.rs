//! Operations on the hub, made up by the fuzzer, in the crowds of the simulations: their models watch every effect, and the hub checks
//! its own invariants after every call.

use super::{
    ayame_crowd, crowd,
    dice::{CHOICES, Dice},
};
use arbitrary::{Arbitrary, Unstructured};

/// Longer ones only take longer.
const OPS_MAX: usize = 300;

/// What happens, and the choices that are made for it.
type Step<O> = (O, [u8; CHOICES]);

/// All dialects in one hub.
pub(super) fn run(bytes: &[u8]) {
    let (limits, steps) = steps::<crowd::Op>(bytes);
    let mut crowd = crowd::Crowd::new(Dice::given(limits), 0);
    for (op, choices) in steps {
        crowd.play_with(op, Dice::given(choices));
    }
    crowd.all_fall_silent();
}

/// Ayame alone, every rule of it.
pub(super) fn run_ayame(bytes: &[u8]) {
    let (limits, steps) = steps::<ayame_crowd::Op>(bytes);
    let mut crowd = ayame_crowd::Crowd::new(Dice::given(limits), 0);
    for (op, choices) in steps {
        crowd.play_with(op, Dice::given(choices));
    }
    crowd.all_fall_silent();
}

/// The choices for the hub's limits, and what happens then.
fn steps<'a, O: Arbitrary<'a>>(bytes: &'a [u8]) -> ([u8; CHOICES], Vec<Step<O>>) {
    let mut bytes = Unstructured::new(bytes);
    let limits = bytes.arbitrary().unwrap_or_default();
    let mut steps = Vec::new();
    while steps.len() < OPS_MAX
        && !bytes.is_empty()
        && let Ok(step) = bytes.arbitrary()
    {
        steps.push(step);
    }
    (limits, steps)
}
