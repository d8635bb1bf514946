//! The clocks of the machine. Nobody else reads them.

use crate::{
    host::log,
    signaling::{Mono, Now},
};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When it all began.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(super) fn start() -> Self {
        Self { start: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place")]
    pub(super) fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Mono::START.after(self.start.elapsed()),
            unix_ms: unix.as_millis().try_into().unwrap_or(u64::MAX),
        }
    }
}

/// What the log is told.
pub(super) fn for_log(now: Now) -> log::Now {
    log::Now { mono: now.mono.since(Mono::START), unix_ms: now.unix_ms }
}
