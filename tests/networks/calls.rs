//! Real calls between two machines, by the official Ayame SDK and by the client of src/web, on a real WebRTC in Node. Signaling goes over one
//! bad link for each of them, media over both.

use crate::{
    common::{
        link::{BAD, Far},
        netns::is_alone,
    },
    end::End,
    start,
};
use std::thread;

fn two_call(client: &str, up: &str) {
    let (Some(mut one), Some(mut two)) = (Far::away(2), Far::away(3)) else { return };
    let (server, url) = &start(&[]);
    one.set(BAD);
    two.set(BAD);
    let ends = thread::scope(|scope| {
        let start = |far, ids| scope.spawn(move || End::seated(far, client, url, ids));
        [start(&one, ["ann", "bob"]), start(&two, ["bob", "ann"])].map(|end| end.join().unwrap())
    });
    let [Some(ann), Some(bob)] = ends else { return };
    [ann, bob].iter().for_each(|end| end.wait_for(up));
    let counts = [&mut one, &mut two].map(Far::counts);
    for count in counts {
        assert!(count.lost > 0 && count.overtaken > 0, "the links were good: {counts:?}");
    }
    assert!(!server.log().contains("closed with"), "{}", server.log());
}

#[test]
fn the_ayame_sdk_calls_over_links_that_lose_a_tenth() {
    if is_alone("calls::the_ayame_sdk_calls_over_links_that_lose_a_tenth") {
        two_call("ayame", "talked over a data channel");
    }
}

#[test]
fn the_client_of_the_pages_calls_over_links_that_lose_a_tenth() {
    if is_alone("calls::the_client_of_the_pages_calls_over_links_that_lose_a_tenth") {
        two_call("mesh", "heard the other");
    }
}
