//! Reading: what came on a connection goes to the hub.

use super::{Server, handshakes::Greeting, signaling_log};
use crate::{
    http::{
        asked::{Asked, Method, Place},
        response::Refusal,
        upgrade::Wishes,
    },
    metrics::{End, Handshake, Throttle},
    net::{
        event::{Arrived, Event},
        stream::READ_BYTES,
        websocket::Fault,
    },
    signaling::{Close, Dialect, Input, Who},
    slots::Key,
};
use std::{net::IpAddr, time::Duration};
use tungstenite::{Bytes, Message, Utf8Bytes};

impl Server {
    pub(super) fn serve_readable(&mut self) {
        let mut scratch = std::mem::take(&mut self.scratch);
        // Those with something left are marked again, for the next turn: everybody else comes first.
        let mut runnable = std::mem::replace(&mut self.runnable, std::mem::take(&mut self.working));
        for key in runnable.drain(..) {
            if let Some(client) = self.clients.get_mut(key) {
                client.is_runnable.clear();
                self.serve(key, &mut scratch);
            }
        }
        self.working = runnable;
        self.scratch = scratch;
    }

    /// Reads once from one connection, and acts on all that it brought.
    fn serve(&mut self, key: Key, scratch: &mut [u8]) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if client.is_doomed.is_set() {
            return;
        }
        if client.is_peer && !self.hub.can_read(key) {
            // Whoever has hung up is not read to its end for it: it awaits no verdict any more.
            return if client.is_read_closed {
                self.end(key, "the socket ended")
            };
        }
        if client.throttled_until.is_some_and(|at| at > self.now.mono) {
            return;
        }
        if client.connection.holds() && client.is_blocked {
            // It does not read its own answers: `flush_dirty` lets it go on when they are written.
            return;
        }
        if client.greeting != Greeting::Over && !self.greet(key) {
            return;
        }
        let Some(client) = self.clients.get_mut(key) else { return };
        // No more is read than could be served; the rest stays where it is.
        let wait = client.bytes.wait(READ_BYTES as u32, self.tuning.rates.bytes, self.now.mono);
        if !client.connection.holds() && !wait.is_zero() {
            return self.throttle(key, wait, Throttle::Bytes);
        }
        let was_held = client.connection.holds();
        let arrived = client.connection.receive(scratch);
        if client.connection.stream().has_unsent() {
            client.is_dirty.mark(&mut self.dirty, key);
        }
        let (count, is_drained) = match arrived {
            Arrived::Bytes { count, is_drained } => (count, is_drained),
            Arrived::Nothing => return,
            Arrived::End if client.is_blocked && client.connection.is_parting() => {
                // It has finished sending, and may still read its answer: `flush_dirty` comes back to it.
                client.is_read_closed = true;
                return;
            }
            Arrived::End => return self.end(key, "the socket ended"),
            Arrived::Failed(why) => return self.break_off(key, &why),
        };
        if !was_held {
            client.bytes.take(count as u32, self.tuning.rates.bytes, self.now.mono);
        }
        // Urgent data is an exception (RFC 6093): whoever sends it delays only itself.
        if !is_drained || client.is_read_closed {
            client.is_runnable.mark(&mut self.runnable, key);
        }
        if client.greeting == Greeting::ExpectHandshake && !client.connection.stream().is_handshaking() {
            self.complete_handshake(key);
        }
        let mut input = scratch.get(..count).unwrap_or_default();
        self.site.is_full = self.hub.len() >= self.config.max_clients || self.stopping.is_some();
        self.turn_bytes = 0;
        while let Some(client) = self.clients.get_mut(key).filter(|client| !client.is_doomed.is_set()) {
            if client.is_peer && !self.hub.can_read(key) {
                return client.connection.hold(input);
            }
            let wait = client.messages.wait(1, self.tuning.rates.messages, self.now.mono);
            if client.is_peer && !wait.is_zero() {
                client.connection.hold(input);
                return self.throttle(key, wait, Throttle::Messages);
            }
            if self.turn_bytes > self.tuning.turn_bytes_max {
                client.connection.hold(input);
                return self.mark_runnable(key);
            }
            match client.connection.next_event(&mut input, &self.site) {
                Some(event) => self.handle_event(key, event),
                None => return,
            }
        }
    }

    fn handle_event(&mut self, key: Key, event: Event) {
        match event {
            Event::Text(text) => return self.handle_text(key, text),
            Event::Binary(bytes) => return self.handle_binary(key, bytes),
            Event::Pong => {
                self.metrics.pong_received();
                self.spend_message(key);
                return self.drive(Input::Pong { peer: key });
            }
            Event::Ping => {
                self.metrics.ping_received();
                self.spend_message(key);
                self.drive(Input::Ping { peer: key });
            }
            Event::Upgraded { endpoint, wishes, address, copied } => {
                self.keep_copied(key, copied);
                self.open(key, endpoint, &wishes, address);
            }
            Event::Answered { status, why, asked } => {
                self.metrics.answered(status, asked);
                match why {
                    Some(why) => log::info!(connection:% = key, reason = why; "answered with {status}"),
                    None => self.log_answer(key, status),
                }
                self.expect_end(key);
            }
            Event::Metrics { is_head, asked } => {
                self.scrape(key, is_head, asked);
                self.expect_end(key);
            }
            Event::Admin(action) => {
                self.look_after(key, &action);
                self.expect_end(key);
            }
            Event::Closed => {
                self.expect_end(key);
                self.leave_hub(key, End::Left);
            }
            Event::Failed(fault) => {
                let was_peer = self.clients.get(key).is_some_and(|client| client.is_peer);
                let level = if was_peer { log::Level::Info } else { log::Level::Debug };
                let Who { room, client, .. } = self.hub.who(key);
                log::log!(level, connection:% = key, room, client, reason:% = fault; "closed with {}", fault.code());
                self.expect_end(key);
                self.leave_hub(key, end_by(&fault));
            }
        }
        // Each of these queued something to write.
        self.mark_dirty(key);
    }

    /// The peer broke the rules of TLS: it gets the alert, and that was it.
    fn break_off(&mut self, key: Key, why: &str) {
        if !why.is_empty() {
            log::info!(connection:% = key, reason = why; "TLS failed");
        }
        self.end_handshake(key, Handshake::Failed);
        self.expect_end(key);
        self.leave_hub(key, End::Lost);
        self.mark_dirty(key);
    }

    /// What was wrong is worth a line; a page, a wrong path or method is everyday life.
    pub(super) fn log_answer(&self, key: Key, status: u16) {
        let is_fault = matches!(status, 400 | 408 | 431 | 503);
        let level = if is_fault { log::Level::Info } else { log::Level::Debug };
        log::log!(level, connection:% = key; "answered with {status}");
    }

    fn open(&mut self, key: Key, endpoint: usize, wishes: &Wishes, address: IpAddr) {
        let Some(dialect) = self.dialects.get(endpoint).copied() else { return };
        let verdict = self.judge(key, dialect, wishes, address);
        let place = if dialect == Dialect::Ayame { Place::Signaling } else { Place::Other };
        let status = verdict.map_or_else(Refusal::status, |()| 101);
        self.metrics.answered(status, Asked { method: Method::Get, place });
        let Some(client) = self.clients.get_mut(key) else { return };
        if let Err(refusal) = verdict {
            client.connection.refuse(refusal);
            self.log_answer(key, status);
            return self.expect_end(key);
        }
        client.connection.open(self.contexts.clone());
        client.is_peer = true;
        client.dialect = Some(dialect);
        client.deadline = None;
        client.wants_binary = wishes.wants_binary;
        self.arm(key);
        let credential = wishes.credential.as_deref();
        self.drive(Input::Open { peer: key, dialect, address, room: &wishes.room, credential });
    }

    /// A client has said more than it may: it is read again when it may say more. Nothing is lost, TCP holds it back.
    fn throttle(&mut self, key: Key, wait: Duration, by: Throttle) {
        self.metrics.throttled(by);
        let until = self.now.mono.after(wait.max(Duration::from_millis(1)));
        if let Some(client) = self.clients.get_mut(key) {
            client.throttled_until = Some(until);
            self.arm(key);
        }
    }

    fn spend_message(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key) {
            client.messages.take(1, self.tuning.rates.messages, self.now.mono);
        }
    }

    fn handle_text(&mut self, key: Key, text: Utf8Bytes) {
        self.spend_message(key);
        if self.hub.expects_credential(key) {
            self.set_penalty(key);
        }
        let sender = self.sender(key);
        self.hub.handle(Input::Text { peer: key, text: &text }, self.now, &mut self.out);
        self.keep_message(key, sender, signaling_log::Message::Text(&text));
        self.apply(Some(Message::Text(text)));
    }

    fn handle_binary(&mut self, key: Key, bytes: Bytes) {
        self.spend_message(key);
        let sender = self.sender(key);
        self.hub.handle(Input::Binary { peer: key, bytes: &bytes }, self.now, &mut self.out);
        self.keep_message(key, sender, signaling_log::Message::Binary(&bytes));
        self.apply(Some(Message::Binary(bytes)));
    }
}

/// How a session ends by what its client did wrong.
fn end_by(fault: &Fault) -> End {
    match fault {
        Fault::Protocol(_) => End::Protocol,
        Fault::NotUtf8 => End::NotUtf8,
        Fault::TooLarge { .. } => End::TooLarge,
        Fault::QueueFull => End::Close(Close::Overflow),
    }
}
