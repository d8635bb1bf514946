//! The threads of the load: those who stay, those who come and go, and the probes. Each does one thing at a time, and nothing while stillness
//! is wanted.

use super::{door::Door, probes::Probes, residents::Residents, scenes};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};
use suzu::signaling::Dialect;

/// So many scenes at once.
const VISITORS: usize = 12;
/// At most, between two scenes of one thread.
const VISITORS_PAUSE: Duration = Duration::from_millis(400);
/// At most, between two messages of those who stay.
const RESIDENTS_PAUSE: Duration = Duration::from_millis(300);
const PROBES_PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Crew {
    door: Arc<Door>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Everybody comes. `turn` makes other rooms of the same names.
    pub(crate) fn start(door: &Arc<Door>, turn: u64) -> Self {
        door.is_over.store(false, Ordering::Relaxed);
        let mut crew = Self { door: door.clone(), threads: Vec::new() };
        for dialect in Dialect::ALL {
            crew.spawn(dialect as u64, move |door, random| {
                let mut residents = act(door, || Residents::come(door, random, dialect));
                while pause(door, RESIDENTS_PAUSE, random) {
                    act(door, || residents.talk(random));
                }
                residents.leave(random);
            });
        }
        crew.spawn(10, |door, random| {
            let mut probes = act(door, || Probes::come(door, random));
            while pause(door, PROBES_PAUSE, random) {
                act(door, || probes.measure(door));
            }
            probes.leave();
        });
        for visitor in 0..VISITORS as u64 {
            crew.spawn(100 * (turn + 1) + visitor, move |door, random| {
                let mut scene = 0;
                while pause(door, VISITORS_PAUSE, random) {
                    scene += 1;
                    act(door, || scenes::any(door, random, &format!("{turn}-{visitor}-{scene}")));
                }
            });
        }
        crew
    }

    fn spawn(&mut self, seed: u64, what: impl FnOnce(&Door, &mut StdRng) + Send + 'static) {
        let door = self.door.clone();
        self.threads.push(thread::spawn(move || what(&door, &mut StdRng::seed_from_u64(seed))));
    }

    /// How many stay for the whole time.
    pub(crate) fn staying(dialect: Dialect) -> usize {
        Residents::count(dialect) + Probes::count(dialect)
    }

    /// Whether nobody has met with something that must not be.
    pub(crate) fn is_well(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Everybody goes; false if somebody has met with something that must not be.
    pub(crate) fn stop(self) -> bool {
        self.door.is_over.store(true, Ordering::Relaxed);
        // All of them, before anything is said.
        let results: Vec<_> = self.threads.into_iter().map(JoinHandle::join).collect();
        results.iter().all(Result::is_ok)
    }
}

/// Does something when no stillness is wanted.
fn act<T>(door: &Door, what: impl FnOnce() -> T) -> T {
    let _not_still = door.stillness.read().unwrap();
    what()
}

/// Waits for a time of at most so long; false if all is over.
fn pause(door: &Door, most: Duration, random: &mut StdRng) -> bool {
    thread::sleep(most.mul_f64(random.random()));
    !door.is_over()
}
