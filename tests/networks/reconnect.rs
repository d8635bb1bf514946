//! The network is away for longer than the client library waits for an answer: it comes back by itself, gets its seat, and the others never
//! hear that it was gone.

use crate::{
    common::{
        announce,
        link::{DEAD, Far, GOOD},
        neighbours::{Neighbours, Taken},
        netns::is_alone,
        wire::{PING, PONG, Wire, frame},
    },
    end::End,
    hear, start,
};
use std::time::{Duration, Instant};

/// The library takes 5 s of silence and 5 s without an answer for the end of its socket.
const AWAY: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_client_whose_network_was_away_gets_its_seat_back_and_nobody_notices() {
    if !is_alone("reconnect::a_client_whose_network_was_away_gets_its_seat_back_and_nobody_notices") {
        return;
    }
    let Some(mut far) = Far::away(2) else { return };
    let (server, url) = start(&["--websocket-ping-interval-sec", "1"]);
    let neighbours = Neighbours::seat(&server);
    let taken = Taken::by(&server);
    let Some(bob) = End::seated(&far, "mesh", &url, ["bob", "nobody"]) else { return };
    let mut mate = Wire::connect(server.address).upgraded_at("/mesh");
    mate.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    mate.text(r#"{"type":"connect","room":"door","id":"ann"}"#);
    assert!(hear(&mut mate).contains(r#""peers":[{"id":"bob""#));

    far.set(DEAD);
    let cut = Instant::now();
    let (mut is_healed, mut is_back) = (false, false);
    // Pings are answered all the time, and there is nothing else to hear.
    while !is_back {
        let heard = mate.next_frame().expect("the mate was let go");
        if heard.first == PING {
            mate.send(&frame(PONG, &heard.payload));
        } else {
            assert_eq!(heard.text(), r#"{"type":"ping"}"#, "the mate heard of it: {}", server.log());
        }
        if cut.elapsed() > AWAY && !is_healed {
            assert!(far.counts().lost > 0);
            far.set(GOOD);
            is_healed = true;
        }
        is_back = bob.has_said("seated");
    }
    assert!(is_healed, "it was never away");
    announce(&format!("back in its seat {:.2?} after the cut", cut.elapsed()));
    mate.text(r#"{"type":"message","to":"bob","data":"welcome back"}"#);
    bob.wait_for("heard \"welcome back\"");
    drop((bob, mate));
    taken.is_back(&server, "after the network was away");
    neighbours.part();
}
