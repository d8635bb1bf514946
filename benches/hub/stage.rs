//! A hub with clients in it, in virtual time: no socket and no clock, so what is measured is the core.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use suzu::{
    config::Config,
    signaling::{Dialect, Effect, Hub, Input, Limits, Mono, Now, Outbox, PeerId},
    slots::Slots,
};

/// Clients beside the crowd that may be there at once: those that a sample makes come and go.
pub(crate) const GUESTS: usize = 128;

pub(crate) struct Stage {
    hub: Hub,
    limits: Limits,
    slots: Slots<()>,
    now: Mono,
    out: Outbox,
}

impl Stage {
    /// An empty hub with the default limits, but for the number of clients and what `changed` makes of the rest.
    pub(crate) fn new(clients: usize, changed: impl FnOnce(&mut Limits)) -> Self {
        let places = clients + GUESTS;
        let mut limits = Limits {
            max_peers: places,
            max_clients: places,
            max_rooms: places,
            // Who leaves is gone: seats that wait for their clients would be left to the next sample.
            resume_grace: Duration::ZERO,
            ..Config::default().signaling_limits()
        };
        changed(&mut limits);
        Self {
            hub: Hub::new(limits.clone(), [1; 32]),
            limits,
            slots: Slots::with_capacity(places),
            now: Mono::START,
            out: Outbox::new(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn len(&self) -> usize {
        self.hub.len()
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    /// A place of the server's table, for somebody who comes.
    pub(crate) fn reserve(&mut self) -> PeerId {
        self.slots.insert_with(|_| ()).expect("a free place")
    }

    /// Gives a place back; whether the hub has let its client go already does not matter.
    pub(crate) fn release(&mut self, peer: PeerId) {
        self.handle(Input::Ended { peer });
        self.slots.remove(peer);
    }

    pub(crate) fn open(&mut self, peer: PeerId, dialect: Dialect, room: &str) -> usize {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.handle(Input::Open { peer, dialect, address, room, credential: None })
    }

    pub(crate) fn say(&mut self, peer: PeerId, text: &str) -> usize {
        self.handle(Input::Text { peer, text })
    }

    pub(crate) fn pong(&mut self, peer: PeerId) {
        self.handle(Input::Pong { peer });
    }

    /// Hands something in and drains what follows, as the server does; how many effects it were.
    fn handle(&mut self, input: Input<'_>) -> usize {
        let now = self.now();
        self.hub.handle(input, now, &mut self.out);
        self.drain()
    }

    pub(crate) fn is_due(&self) -> bool {
        self.hub.next_timeout().is_some_and(|at| at <= self.now)
    }

    /// One call of the timer, which may leave some of what is due to the next.
    pub(crate) fn tick(&mut self) -> usize {
        let now = self.now();
        self.hub.handle_timeout(now, &mut self.out);
        self.drain()
    }

    /// All that is due.
    pub(crate) fn tick_all(&mut self) -> usize {
        let mut effects = 0;
        while self.is_due() {
            effects += self.tick();
        }
        effects
    }

    fn now(&self) -> Now {
        Now { mono: self.now, unix_ms: 1_700_000_000_000 + self.now.as_millis() }
    }

    fn drain(&mut self) -> usize {
        self.out.drain(..).map(std::hint::black_box::<Effect>).count()
    }
}
