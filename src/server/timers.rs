//! What is due: the hub's own timers, and the patience with connections.

use super::Server;
use crate::{http::asked::Asked, metrics::Handshake, signaling::Mono, slots::Key};

impl Server {
    /// Does everything that is due.
    pub(super) fn run_timers(&mut self) {
        while self.hub.next_timeout().is_some_and(|at| at <= self.now.mono) {
            self.hub.handle_timeout(self.now, &mut self.out);
            self.apply(None);
        }
        while let Some((_, key)) = self.deadlines.first().filter(|(at, _)| *at <= self.now.mono) {
            self.deadlines.remove(key);
            self.wake(key);
        }
    }

    /// A connection's time has come: it may be read again, or the patience with it is at its end, or both.
    fn wake(&mut self, key: Key) {
        let now = self.now.mono;
        let Some(client) = self.clients.get_mut(key) else { return };
        if client.throttled_until.is_some_and(|at| at <= now) {
            client.throttled_until = None;
            client.is_runnable.mark(&mut self.runnable, key);
        }
        match Mono::earlier(client.deadline, client.throttled_until) {
            Some(at) if at <= now => self.overdue(key),
            _ => self.arm(key),
        }
    }

    /// The patience with a connection is at its end.
    fn overdue(&mut self, key: Key) {
        self.end_handshake(key, Handshake::TimedOut);
        let Some(client) = self.clients.get_mut(key) else { return };
        if let Some(status) = client.connection.refuse_late() {
            self.metrics.answered(status, Asked::NOTHING);
            self.mark_dirty(key);
            self.log_answer(key, status);
            self.expect_end(key);
        } else {
            self.end(key, "it took too long");
        }
    }

    /// Gives a connection the close timeout to end by itself.
    pub(super) fn expect_end(&mut self, key: Key) {
        let deadline = self.now.mono.after(self.tuning.close_timeout);
        if let Some(client) = self.clients.get_mut(key) {
            client.deadline = Some(deadline);
            self.arm(key);
        }
    }

    /// Has no more patience with a connection.
    pub(super) fn hurry(&mut self, key: Key) {
        let now = self.now.mono;
        if let Some(client) = self.clients.get_mut(key) {
            client.deadline = Some(now);
            self.arm(key);
        }
    }

    /// Makes sure that this client is looked at when its time has come, and not before.
    pub(super) fn arm(&mut self, key: Key) {
        let Some(client) = self.clients.get(key) else { return };
        match Mono::earlier(client.deadline, client.throttled_until) {
            Some(at) => self.deadlines.set(key, at),
            None => self.deadlines.remove(key),
        }
    }
}
