//! The load: a crowd of clients of one server, two in a room, on a core of their own.

use super::{
    client::{Client, Door},
    contender::Contender,
    epoll::Epoll,
};
use std::time::{Duration, Instant};

const SCRATCH_BYTES: usize = 64 * 1024;
/// What is under way arrives in less.
const DEADLINE: Duration = Duration::from_secs(10);
/// So many connect at once.
const BATCH: usize = 32;

pub(crate) struct Crowd {
    clients: Vec<Client>,
    epoll: Epoll,
    scratch: Vec<u8>,
    /// Whose turn it is if not all talk at once.
    next: usize,
}

/// What a slice of load was.
#[derive(Clone, Copy, Default)]
pub(crate) struct Load {
    pub(crate) messages: u64,
    pub(crate) time: Duration,
}

impl Crowd {
    /// So many clients, all in their seats.
    pub(crate) fn new(contender: &Contender, count: usize) -> Self {
        Self::from(contender, 0, count)
    }

    /// The same, beside others: their numbers begin with `first`, which is even.
    pub(crate) fn from(contender: &Contender, first: usize, count: usize) -> Self {
        let door = Door::of(contender);
        let mut crowd = Self {
            clients: Vec::with_capacity(count),
            epoll: Epoll::new(),
            scratch: vec![0; SCRATCH_BYTES],
            next: 0,
        };
        while crowd.clients.len() < count {
            let there = crowd.clients.len();
            crowd.clients.extend(arrive(&door, first + there, BATCH.min(count - there)));
        }
        for (number, client) in crowd.clients.iter().enumerate() {
            crowd.epoll.add(&client.stream, number);
        }
        crowd
    }

    /// Takes what has come while nobody looked, and answers it.
    pub(crate) fn settle(&mut self) {
        while self.turn(Some(Duration::ZERO), |_, _| {}) > 0 {}
    }

    /// One look at who has something: `told` gets each client with messages. How many were ready.
    fn turn(&mut self, time: Option<Duration>, mut told: impl FnMut(usize, &mut [Client])) -> usize {
        let ready = self.epoll.wait(time);
        for at in 0..ready {
            let number = self.epoll.ready(at);
            let messages = self.clients[number].hear(&mut self.scratch);
            self.clients[number].answer_pings();
            for _ in 0..messages {
                told(number, &mut self.clients);
            }
        }
        ready
    }

    /// So many at once say something and are answered, again and again: each message is answered by the next one. Who they are changes from slice
    /// to slice. Ends when all has arrived.
    pub(crate) fn talk(&mut self, talkers: usize, size: usize, time: Duration) -> Load {
        let talkers = talkers.min(self.clients.len());
        if self.next + talkers > self.clients.len() {
            self.next = 0;
        }
        let first = self.next;
        self.next += talkers.next_multiple_of(2);
        let begin = Instant::now();
        for client in &mut self.clients[first..first + talkers] {
            client.say(size);
        }
        let (mut under_way, mut messages) = (talkers, 0);
        while under_way > 0 {
            let is_over = begin.elapsed() >= time;
            assert!(begin.elapsed() < time + DEADLINE, "{under_way} messages were lost");
            self.turn(Some(Duration::ZERO), |number, clients| {
                messages += 1;
                if is_over {
                    under_way -= 1;
                } else {
                    clients[number].say(size);
                }
            });
        }
        Load { messages, time: begin.elapsed() }
    }

    /// Pairs exchange a message and its answer, begun at random times so that `rate` messages a second are relayed. `times` gets how long each exchange
    /// took since the moment it should have begun at, in nanoseconds: a server that falls behind does not make its own questions rarer.
    pub(crate) fn exchange(&mut self, rate: f64, size: usize, time: Duration, times: &mut Vec<u64>) {
        let mut idle: Vec<usize> = (0..self.clients.len() / 2).collect();
        let mut due_at = vec![Duration::ZERO; idle.len()];
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ times.len() as u64);
        let gap = 2.0 / rate;
        let begin = Instant::now();
        let mut due = Duration::ZERO;
        loop {
            while due < time && due <= begin.elapsed() && !idle.is_empty() {
                let pair = idle.swap_remove(0);
                due_at[pair] = due;
                self.clients[2 * pair].say(size);
                due += Duration::from_secs_f64(-random.unit().ln() * gap);
            }
            self.turn(Some(Duration::ZERO), |number, clients| {
                if number % 2 == 1 {
                    clients[number].say(size);
                } else {
                    times.push((begin.elapsed() - due_at[number / 2]).as_nanos() as u64);
                    idle.push(number / 2);
                }
            });
            if due >= time && idle.len() == due_at.len() {
                return;
            }
            assert!(begin.elapsed() < time + DEADLINE, "exchanges were lost");
        }
    }

    /// Each says one message, and gets the one of the other.
    pub(crate) fn all_say_one(&mut self, size: usize) {
        for first in (0..self.clients.len()).step_by(100) {
            self.next = first;
            self.talk(100.min(self.clients.len() - first), size, Duration::ZERO);
        }
    }

    /// Answers pings for so long, each at a time of its own within `spread`.
    pub(crate) fn idle(&mut self, time: Duration, spread: Duration) {
        let end = Instant::now() + time;
        let mut random = Random(7);
        let mut asked: Vec<(Instant, usize)> = Vec::new();
        while Instant::now() < end {
            let next = asked.iter().map(|(due, _)| *due).min().unwrap_or(end).min(end);
            let ready = self.epoll.wait(Some(next.saturating_duration_since(Instant::now())));
            let now = Instant::now();
            for at in 0..ready {
                let number = self.epoll.ready(at);
                self.clients[number].hear(&mut self.scratch);
                if self.clients[number].is_asked() && !asked.iter().any(|(_, other)| *other == number) {
                    asked.push((now + spread.mul_f64(random.unit()), number));
                }
            }
            asked.retain(|&(due, number)| {
                let is_due = due <= now || spread.is_zero();
                if is_due {
                    self.clients[number].answer_pings();
                }
                !is_due
            });
        }
    }
}

/// So many come at once and take their seats.
pub(crate) fn arrive(door: &Door, first: usize, count: usize) -> Vec<Client> {
    let mut clients: Vec<_> = (first..first + count).map(|number| Client::connect(door, number)).collect();
    clients.iter_mut().for_each(Client::shake_hands);
    for (client, number) in clients.iter_mut().zip(first..) {
        client.ask_for_upgrade(door, number);
    }
    clients.iter_mut().for_each(|client| client.await_upgrade(door));
    for (client, number) in clients.iter_mut().zip(first..) {
        client.register(door, number);
    }
    clients.iter_mut().for_each(|client| client.await_seat(door));
    clients
}

/// xorshift: good enough to spread things, and the same in every run.
struct Random(u64);

impl Random {
    /// Above 0, and at most 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) + 1) as f64 / (1u64 << 53) as f64
    }
}
