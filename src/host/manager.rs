//! What the service manager is told (sd_notify(3)): that suzu is ready, reloads or stops, how many are there, and that the loop still
//! turns. Without a service manager nothing is said.

use crate::signaling::Mono;
use sd_notify::NotifyState;
use std::{
    env,
    ffi::OsString,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

/// How often, at the most, it is told how many are there.
const STATUS_PAUSE: Duration = Duration::from_secs(1);
/// How long the loop waits, at the most, for one that does not read.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often it may be told that the loop still turns: deadlines are kept in milliseconds, and nobody sleeps for weeks.
const PING_PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(86_400));

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
        let is_there = socket_name().is_some();
        let watchdog = sd_notify::watchdog_enabled().filter(|_| is_there).and_then(ping_pause);
        Self { is_there, watchdog, next_ping: None, told: None, crowd: None, is_failing: false }
    }

    /// suzu serves, or serves again after a reload.
    pub fn ready(&mut self, now: Mono) {
        // A ping that is due soon stays so: reload upon reload must not put it off for ever.
        self.next_ping = self.next_ping.or_else(|| self.watchdog.map(|pause| now.after(pause)));
        self.say(&[NotifyState::Ready]);
    }

    /// The process was stopped and runs again: the manager has counted that time.
    pub fn resumed(&mut self, now: Mono) {
        self.next_ping = self.next_ping.map(|_| now);
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
        match tell(what, self.is_failing) {
            Ok(()) => self.is_failing = false,
            Err(error) => self.failed(&error),
        }
    }

    /// Calls go on without it.
    fn failed(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            log::warn!("the service manager cannot be told anything: NOTIFY_SOCKET: {error}");
        }
    }
}

fn socket_name() -> Option<OsString> {
    env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())
}

/// How often to say that the loop still turns, where it is taken for stuck after so long; 0 is no watchdog.
fn ping_pause(stuck_after: Duration) -> Option<Duration> {
    let (least, most) = PING_PAUSES;
    Some(stuck_after).filter(|time| !time.is_zero()).map(|time| (time / 2).clamp(least, most))
}

/// Sends a message. Not by sd_notify, which would wait for ever for one that does not read, and knows no abstract names (unix(7)).
fn tell(what: &[NotifyState<'_>], is_in_haste: bool) -> io::Result<()> {
    let Some(name) = socket_name() else { return Ok(()) };
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&name)?,
    };
    let text: String = what.iter().map(|state| format!("{state}\n")).collect();
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_nonblocking(is_in_haste)?;
    socket.send_to_addr(text.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_life_are_neither_without_pause_nor_weeks_apart() {
        for (usec, millis) in [
            (0, None),
            (1, Some(1)),
            (1_999, Some(1)),
            (400_000, Some(200)),
            // A number of milliseconds of which poll(2) would see only zeros.
            (2 << 32, Some(4_294_967)),
            (2_000 << 32, Some(86_400_000)),
            (u64::MAX, Some(86_400_000)),
        ] {
            let pause = ping_pause(Duration::from_micros(usec)).map(|pause| pause.as_millis());
            assert_eq!(pause, millis, "{usec}");
        }
    }

    #[test]
    fn a_reload_does_not_put_the_sign_of_life_off() {
        let at = Mono::from_millis;
        let watchdog = Some(Duration::from_millis(200));
        let mut manager = Manager {
            is_there: false,
            watchdog,
            next_ping: None,
            told: None,
            crowd: None,
            is_failing: false,
        };
        manager.ready(at(0));
        for now in [0, 150, 199] {
            manager.ready(at(now));
            assert_eq!(manager.next_timeout(), Some(at(200)));
        }
        manager.handle_timeout(at(200));
        assert_eq!(manager.next_timeout(), Some(at(400)));
        manager.resumed(at(210));
        manager.handle_timeout(at(210));
        assert_eq!(manager.next_timeout(), Some(at(410)), "the manager has waited longer than the loop");
    }
}
