//! What those who look after the server ask of it (see [`http::admin`](crate::http::admin)), and the answers, in JSON.

use super::Server;
use crate::{
    http::{
        admin::{Action, error, to_json},
        asked::Asked,
        response,
    },
    metrics::Refused,
    signaling::Input,
    slots::Key,
};
use serde_json::{Value, json};

/// How many of them there may be at a time.
const ADMINS_MAX: usize = 4;
/// The longest list that they are given, in bytes; a longer one is cut, and says so.
const LIST_BYTES_MAX: usize = 256 * 1024;

/// The most memory that they take, in bytes: a list, and the answer made of it.
pub(super) const BYTES_MAX: usize = ADMINS_MAX * 2 * (LIST_BYTES_MAX + 1024);

impl Server {
    /// Whether one more of them is taken in.
    pub(super) fn may_look_after(&mut self) -> bool {
        let here = self.clients.iter().filter(|(_, client)| client.connection.is_admin()).count();
        if here >= ADMINS_MAX {
            self.metrics.refused(Refused::TooMany);
            log::info!("an admin connection was turned away: {ADMINS_MAX} are there already");
        }
        here < ADMINS_MAX
    }

    /// Does what is asked, and queues the answer.
    pub(super) fn look_after(&mut self, key: Key, action: &Action) {
        let (status, body) = match action {
            Action::Rooms => (200, self.list_rooms()),
            Action::Clients => (200, self.list_clients()),
            Action::EndRoom(name) => self.end_rooms(name),
            Action::EndClient(id) => self.end_client(id),
            Action::Reload => match self.reload() {
                Ok(waiting) => (200, to_json(&json!({ "reloaded": true, "needs_restart": waiting }))),
                Err(wrong) => (422, error(&wrong)),
            },
        };
        if !matches!(action, Action::Rooms | Action::Clients) {
            log::info!(connection:% = key; "admin: {action:?} answered with {status}");
        }
        self.metrics.answered(status, Asked::NOTHING);
        if let Some(client) = self.clients.get_mut(key) {
            client.connection.answer(response::json(status, "", &body));
        }
    }

    fn list_rooms(&self) -> String {
        let rooms = self
            .hub
            .rooms()
            .map(|room| json!({ "room": room.name, "dialect": room.dialect.name(), "seats": room.seats }));
        list("rooms", rooms)
    }

    fn list_clients(&self) -> String {
        let clients = self.hub.peers().map(|peer| {
            let client = self.clients.get(peer.peer);
            json!({
                "id": peer.peer.to_string(),
                "dialect": peer.dialect.name(),
                "room": peer.room,
                "client": peer.client,
                "address": client.map(|client| client.address.to_string()),
                "seconds": client.map(|client| self.now.mono.since(client.since).as_secs()),
            })
        });
        list("clients", clients)
    }

    fn end_rooms(&mut self, name: &str) -> (u16, String) {
        let count = self.hub.rooms().filter(|room| room.name == name).count();
        if count == 0 {
            return (404, error("there is no room of this name; GET /rooms lists them"));
        }
        self.drive(Input::DismissRoom { name });
        (200, to_json(&json!({ "ended": count })))
    }

    fn end_client(&mut self, id: &str) -> (u16, String) {
        let found = self.hub.peers().map(|entry| entry.peer).find(|peer| peer.to_string() == id);
        let Some(peer) = found else {
            return (404, error("there is no client of this id; GET /clients lists them"));
        };
        self.drive(Input::Dismiss { peer });
        (200, to_json(&json!({ "ended": 1 })))
    }
}

/// `{"NAME":[...]}`, cut where it becomes too long.
fn list(name: &str, entries: impl Iterator<Item = Value>) -> String {
    let mut text = format!("{{\"{name}\":[");
    let mut is_cut = false;
    for entry in entries {
        let entry = to_json(&entry);
        if text.len() + entry.len() > LIST_BYTES_MAX {
            is_cut = true;
            break;
        }
        if !text.ends_with('[') {
            text.push(',');
        }
        text.push_str(&entry);
    }
    text.push_str(if is_cut { "],\"truncated\":true}" } else { "]}" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_too_long_is_cut_and_says_so() {
        assert_eq!(list("rooms", std::iter::empty()), r#"{"rooms":[]}"#);
        let text = list("rooms", (0..3).map(|n| json!({ "n": n })));
        assert_eq!(text, r#"{"rooms":[{"n":0},{"n":1},{"n":2}]}"#);
        let long = list("rooms", (0..10_000).map(|n| json!({ "room": "r".repeat(100), "n": n })));
        assert!(long.len() <= LIST_BYTES_MAX + 32);
        let read: Value = serde_json::from_str(&long).unwrap();
        assert_eq!(read["truncated"], true);
        assert!(read["rooms"].as_array().unwrap().len() > 2_000);
    }
}
