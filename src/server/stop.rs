//! How a server ends, and what signals ask of it.

use super::Server;
use crate::{host::signals::Pending, signaling::Input, slots::Key};
use std::time::Duration;

/// A stop that was asked for takes no longer than this.
const STOP_MAX: Duration = Duration::from_secs(3);

impl Server {
    pub(super) fn signalled(&mut self) {
        let Pending { is_hangup, stops } = self.signals.pending();
        if is_hangup {
            // What came of it is in the log.
            let _ = self.reload();
        }
        for _ in 0..stops {
            match self.stopping {
                None => self.stop(),
                Some(_) => self.stopping = Some(self.now.mono),
            }
        }
    }

    /// Whether a stop that was asked for is complete: everybody is gone and told of, or the patience with them is at its end.
    pub(super) fn is_stopped(&self) -> bool {
        let is_done = self.clients.is_empty() && self.hooks.as_ref().is_none_or(|hooks| hooks.has_told_all());
        self.stopping.is_some_and(|at| at <= self.now.mono || is_done)
    }

    fn stop(&mut self) {
        self.stopping = Some(self.now.mono.after(self.tuning.close_timeout.min(STOP_MAX)));
        self.manager.stopping();
        log::info!("stopping: {} clients are told", self.hub.len());
        // Closes them: newcomers are refused by the kernel from here on, or wait for the next suzu where the sockets are somebody else's.
        self.listeners.clear();
        let keys: Vec<Key> = self.clients.iter().map(|(key, _)| key).collect();
        for key in keys {
            match self.clients.get(key) {
                Some(client) if client.is_peer => self.drive(Input::Stop { peer: key }),
                // A request that is here already is answered, before it becomes due.
                Some(client) if client.connection.expects_head() => self.hurry(key),
                _ => {}
            }
        }
    }
}
