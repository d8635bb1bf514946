//! What the service manager is told (sd_notify(3)): that suzu is ready, reloads or stops, how many are there, and that the loop still
//! turns. Without a service manager nothing is said.

use crate::signaling::Mono;
use sd_notify::NotifyState;
use std::{env, time::Duration};

/// How often, at the most, it is told how many are there.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

/// How many are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Rooms with somebody in them.
    pub rooms: usize,
    /// Clients.
    pub clients: usize,
    /// As many as there may be.
    pub max_clients: usize,
}

/// The way to the service manager.
#[derive(Debug)]
pub struct Manager {
    is_there: bool,
    /// Half of the time after which it takes the loop for stuck.
    watchdog: Option<Duration>,
    next_ping: Option<Mono>,
    /// What it was told last, and when.
    told: Option<(Crowd, Mono)>,
    crowd: Option<Crowd>,
    /// The last message did not arrive.
    is_failing: bool,
}

impl Manager {
    /// Finds out from the environment whether there is one (`NOTIFY_SOCKET`), and how long it waits (`WATCHDOG_USEC`).
    pub fn find() -> Self {
        let is_there = env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty());
        let watchdog = sd_notify::watchdog_enabled().filter(|_| is_there).map(|time| time / 2);
        Self { is_there, watchdog, next_ping: None, told: None, crowd: None, is_failing: false }
    }

    /// suzu serves, or serves again after a reload.
    pub fn ready(&mut self, now: Mono) {
        self.next_ping = self.watchdog.map(|pause| now.after(pause));
        self.say(&[NotifyState::Ready]);
    }

    /// A reload begins; [`Manager::ready`] says that it is over.
    pub fn reloading(&mut self) {
        if self.is_there {
            // It wants to know the time, so that it can tell this reload from an earlier one.
            match NotifyState::monotonic_usec_now() {
                Ok(now) => self.say(&[NotifyState::Reloading, now]),
                Err(error) => self.failed(&error),
            }
        }
    }

    /// suzu stops.
    pub fn stopping(&mut self) {
        self.say(&[NotifyState::Stopping]);
    }

    /// How many are there now; it is told when it has not just been.
    pub fn set_crowd(&mut self, crowd: Crowd, now: Mono) {
        if self.is_there && self.crowd != Some(crowd) {
            self.crowd = Some(crowd);
            self.tell_crowd(now);
        }
    }

    /// When [`Manager::handle_timeout`] is to be called.
    pub fn next_timeout(&self) -> Option<Mono> {
        let news = match (self.crowd, self.told) {
            (Some(crowd), Some((told, at))) if crowd != told => Some(at.after(STATUS_PAUSE)),
            _ => None,
        };
        news.into_iter().chain(self.next_ping).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Mono) {
        if self.next_ping.is_some_and(|at| at <= now) {
            self.next_ping = self.watchdog.map(|pause| now.after(pause));
            self.say(&[NotifyState::Watchdog]);
        }
        self.tell_crowd(now);
    }

    fn tell_crowd(&mut self, now: Mono) {
        let Some(crowd) = self.crowd else { return };
        if self.told.is_some_and(|(told, at)| told == crowd || now.since(at) < STATUS_PAUSE) {
            return;
        }
        self.told = Some((crowd, now));
        let Crowd { rooms, clients, max_clients } = crowd;
        let s = if rooms == 1 { "" } else { "s" };
        self.say(&[NotifyState::Status(&format!("{rooms} room{s}, {clients} of {max_clients} clients"))]);
    }

    fn say(&mut self, what: &[NotifyState<'_>]) {
        if !self.is_there {
            return;
        }
        match sd_notify::notify(what) {
            Ok(()) => self.is_failing = false,
            Err(error) => self.failed(&error),
        }
    }

    /// Calls go on without it.
    fn failed(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            log::warn!("the service manager cannot be told anything: NOTIFY_SOCKET: {error}");
        }
    }
}
