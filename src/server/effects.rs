//! Doing what the hub wants done: messages are queued and connections marked, nothing is written or freed here.

use super::Server;
use crate::{
    metrics::End,
    signaling::{Close, Dialect, Effect, Input, Kind, Verdict, Who},
    slots::Key,
};
use std::borrow::Cow;
use tungstenite::{Bytes, Message, Utf8Bytes};

impl Server {
    pub(super) fn drive(&mut self, input: Input<'_>) {
        self.hub.handle(input, self.now, &mut self.out);
        self.apply(None);
    }

    /// Does what the hub wants done. `arrived` is the message that it has just handled, if it was one.
    pub(super) fn apply(&mut self, arrived: Option<Message>) {
        let mut out = std::mem::take(&mut self.out);
        let mut unasked = None;
        for effect in out.drain(..) {
            match effect {
                Effect::Send { to, kind, text: Cow::Borrowed(text) } => {
                    self.send(to, kind, Message::Text(Utf8Bytes::from_static(text)));
                }
                Effect::Send { to, kind, text: Cow::Owned(text) } => self.send(to, kind, text.into()),
                Effect::Relay { to } => {
                    if let Some(message) = &arrived {
                        self.send(to, self.hub.arrived(), message.clone());
                    }
                }
                Effect::SendWaiting { to, kind, text } => {
                    self.send_waiting(to, kind, String::from(text).into());
                }
                Effect::SendBinary { to, bytes } => self.send(to, Kind::Binary, bytes.into()),
                Effect::Ping { to } => {
                    self.metrics.ping_sent();
                    self.queue(to, Message::Ping(Bytes::new()));
                }
                Effect::Close { peer, close } => self.close(peer, close),
                Effect::Refused { peer, denial } => self.refused(peer, denial),
                Effect::Ask { peer, question } => {
                    if !self.ask(peer, &question) {
                        unasked = Some(peer);
                    }
                }
                Effect::Report { peer, end } => self.report(peer, &end),
            }
        }
        self.out = out;
        while let Some(key) = self.lost.pop() {
            if let Some(client) = self.clients.get_mut(key).filter(|client| client.is_peer) {
                client.is_peer = false;
                self.metrics.ended(End::Close(Close::Overflow));
                self.forget_question(key);
                self.drive(Input::Overflowed { peer: key });
            }
        }
        if let Some(peer) = unasked {
            // Nobody is let in unasked.
            self.decided(peer, Verdict::Failed);
        }
    }

    fn send(&mut self, to: Key, kind: Kind, message: Message) {
        let bytes = message.len();
        if let Some(dialect) = self.queue(to, message) {
            self.metrics.sent(dialect, kind, bytes);
        }
    }

    /// The dialect of the client, which has the message in its queue now; `None` if there was no room for it, and the client is let go.
    fn queue(&mut self, to: Key, message: Message) -> Option<Dialect> {
        if self.lost.contains(&to) {
            return None;
        }
        let client = self.clients.get_mut(to)?;
        let message = client.framed(message);
        self.turn_bytes += message.len();
        client.is_dirty.mark(&mut self.dirty, to);
        let dialect = client.dialect;
        if let Err(fault) = &client.connection.send(message) {
            let Who { room, client: name, .. } = self.hub.who(to);
            log::info!(connection:% = to, room, client = name, reason:% = fault; "closed with {}", fault.code());
            client.connection.fail(fault);
            self.metrics.overflowed();
            // The hub is told once it has been drained.
            self.lost.push(to);
            self.expect_end(to);
            return None;
        }
        dialect
    }

    fn send_waiting(&mut self, to: Key, kind: Kind, message: Message) {
        let Some(client) = self.clients.get_mut(to) else { return };
        if let Some(dialect) = client.dialect {
            self.metrics.sent(dialect, kind, message.len());
        }
        let message = client.framed(message);
        client.connection.send_waiting(message);
        client.is_dirty.mark(&mut self.dirty, to);
    }

    fn close(&mut self, key: Key, close: Close) {
        self.forget_question(key);
        if let Some(client) = self.clients.get_mut(key) {
            if std::mem::take(&mut client.is_peer) {
                self.metrics.ended(End::Close(close));
            }
            client.connection.close(close.code(), close.reason());
            self.mark_dirty(key);
            self.expect_end(key);
        }
    }
}
