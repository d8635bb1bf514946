//! The webhook goes down while people call, in every way: whoever wants in meanwhile is told, nobody else notices, and as soon as it is back
//! everything is as before. (What each wrong answer is called is shown in tests/webhooks.rs.)

use crate::{
    common::{
        announce,
        neighbours::{Neighbours, Taken},
        server::{TestServer, wait_until},
        wire::{CLOSE, Wire},
    },
    webhook_rig::{
        backend::{ALLOWED, Backend, reply},
        read_to_end,
    },
};
use socket2::SockRef;
use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Who come at once in each state; more than may be asked about at a time.
const COMERS: usize = 80;
/// Connections to a webhook that are kept for the next question.
const IDLE: usize = 4;
const FAULTS: [&str; 4] = ["hangs", "resets", "garbage", "trickles"];

#[test]
fn a_webhook_that_is_down_costs_newcomers_only_and_is_used_again_when_it_is_back() {
    let state = Arc::new(Mutex::new("well"));
    let told = state.clone();
    let backend = Backend::start(move |_, _, stream| match *told.lock().unwrap() {
        "hangs" => {
            // Nothing is said, until the server gives up. Others are not to wait for the lock.
            let mut stream = stream.try_clone().unwrap();
            std::thread::spawn(move || read_to_end(&mut stream));
            true
        }
        "resets" => {
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
            false
        }
        "garbage" => {
            stream.write_all(b"\x15\x03\x01\0\x02\x02\x16 nothing that anybody knows\r\n\r\n").is_ok()
        }
        "trickles" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{").is_ok(),
        _ => reply(stream, 200, ALLOWED),
    });
    let url = backend.url();
    let args = [
        ["--authn-webhook-url", &url],
        ["--disconnect-webhook-url", &url],
        ["--webhook-request-timeout-sec", "0.5"],
        ["--reject-delay-max-sec", "0"],
        ["--close-timeout-sec", "0.5"],
    ];
    let mut server = TestServer::start(&args.concat());
    let neighbours = Neighbours::seat(&server);
    let come = |room: String| {
        let mut wire = Wire::open(server.address);
        wire.text(&format!(r#"{{"type":"register","roomId":"{room}"}}"#));
        wire
    };
    let all_come = |word: &str| -> Vec<_> { (0..COMERS).map(|n| come(format!("{word} {n}"))).collect() };
    let is_let_in = || come("again".to_owned()).frame().text().contains(r#""type":"accept""#);
    assert!(is_let_in());
    let descriptors = Taken::by(&server).descriptors + IDLE;
    // Once, for what is kept for the next time.
    drop(all_come("well"));
    wait_until("their end", || Taken::by(&server).descriptors <= descriptors);
    let taken = Taken { descriptors, ..Taken::by(&server) };
    for fault in FAULTS {
        *state.lock().unwrap() = fault;
        for mut comer in all_come(fault) {
            let reject = comer.frame();
            assert!(reject.text().contains(r#""type":"reject""#), "{fault}: {reject:?}");
            assert_eq!(comer.frame().first, CLOSE, "{fault}");
        }
        announce(&format!("{fault}: {COMERS} newcomers are told that it failed"));
        *state.lock().unwrap() = "well";
        wait_until("the webhook to be used again", is_let_in);
    }
    taken.is_back(&server, "after a webhook was down");
    neighbours.part();
    assert!(server.is_alive());
}
