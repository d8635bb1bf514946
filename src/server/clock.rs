//! The clocks of the machine. Nobody else reads them.

use crate::{
    host::log,
    signaling::{Mono, Now},
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How much later than it wanted to the loop wakes up on a busy machine.
const LATE_MOST: Duration = Duration::from_secs(1);

/// When it all began, and this turn.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    turn: Instant,
    /// For how long the process did not run, all in all.
    stopped: Duration,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(super) fn start() -> Self {
        let start = Instant::now();
        Self { start, turn: start, stopped: Duration::ZERO }
    }

    pub(super) fn now(&mut self) -> Now {
        self.now_after(None).0
    }

    /// The next turn, before which the loop wanted to sleep for so long at the most; and for how long the process did not run if it was stopped
    /// meanwhile (SIGSTOP, a frozen container or virtual machine). It could ping and hear nobody then, so that this is held against nobody:
    /// no deadline comes closer by it.
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(super) fn now_after(&mut self, sleep: Option<Duration>) -> (Now, Option<Duration>) {
        let before = std::mem::replace(&mut self.turn, Instant::now());
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // From the beginning of the turn before: it may have been stopped in the midst of it. If the loop itself took that long, nobody could be heard
        // either.
        let late = sleep.map(|sleep| late(self.turn.duration_since(before), sleep));
        let stopped = late.filter(|late| !late.is_zero());
        self.stopped += stopped.unwrap_or_default();
        let ran = self.turn.duration_since(self.start).saturating_sub(self.stopped);
        let unix_ms = unix.as_millis().try_into().unwrap_or(u64::MAX);
        (Now { mono: Mono::START.after(ran), unix_ms }, stopped)
    }

    /// How long ago the turn began: a server reads it once, at its end, and for nothing but to say how long it took.
    pub(super) fn elapsed(&self) -> Duration {
        self.turn.elapsed()
    }
}

/// What the log is told.
pub(super) fn for_log(now: Now) -> log::Now {
    log::Now { mono: now.mono.since(Mono::START), unix_ms: now.unix_ms }
}

/// How much later than it wanted to the loop went on, if that is more than a busy machine explains.
fn late(elapsed: Duration, sleep: Duration) -> Duration {
    Some(elapsed.saturating_sub(sleep)).filter(|late| *late > LATE_MOST).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_no_stop() {
        let ms = Duration::from_millis;
        for (elapsed, sleep, expected) in [
            (0, 5_000, 0),
            (5_001, 5_000, 0),
            (6_000, 5_000, 0),
            (6_001, 5_000, 1_001),
            (65_000, 5_000, 60_000),
            (900, 0, 0),
        ] {
            assert_eq!(late(ms(elapsed), ms(sleep)), ms(expected), "{elapsed} after {sleep}");
        }
    }
}
