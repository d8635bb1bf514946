//! The loop's own share of the configuration: all of it can change while the server runs.

use super::{admission, client::Rates};
use crate::{config::Config, net::stream::READ_BYTES};
use std::time::Duration;

/// The most that what one connection says in a turn may cause to be sent: a short message can have a long answer, or many. What else it
/// said waits for the next turn.
const TURN_BYTES_MAX: usize = 256 * 1024;

/// Limits and times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    pub(super) rates: Rates,
    pub(super) head_timeout: Duration,
    pub(super) close_timeout: Duration,
    /// The most that what one connection says in a turn may cause to be sent.
    pub(super) turn_bytes_max: usize,
}

impl Tuning {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            rates: Rates {
                messages: admission::rate(config.max_messages_per_second, 1),
                bytes: admission::rate(config.max_bytes_per_second, READ_BYTES),
            },
            head_timeout: config.head_timeout,
            close_timeout: config.close_timeout,
            // Whoever reads its answers must have room for those of a turn: its queue was empty when the turn began.
            turn_bytes_max: TURN_BYTES_MAX
                .min(config.max_queue_bytes.saturating_sub(config.max_message_bytes)),
        }
    }
}
