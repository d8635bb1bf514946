//! The clocks of the machine. Nobody else reads them.

use crate::{
    host::log,
    signaling::{Mono, Now},
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When it all began, and this turn.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    turn: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(super) fn start() -> Self {
        let start = Instant::now();
        Self { start, turn: start }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(super) fn now(&mut self) -> Now {
        self.turn = Instant::now();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Mono::START.after(self.turn.duration_since(self.start)),
            unix_ms: unix.as_millis().try_into().unwrap_or(u64::MAX),
        }
    }

    /// How long ago the turn began: a server reads it once, at its end, and for nothing but to say how long it took.
    pub(super) fn turn(&self) -> Duration {
        self.turn.elapsed()
    }
}

/// What the log is told.
pub(super) fn for_log(now: Now) -> log::Now {
    log::Now { mono: now.mono.since(Mono::START), unix_ms: now.unix_ms }
}
