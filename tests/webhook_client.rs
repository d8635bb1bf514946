//! The webhook client over real sockets: what servers do well and badly, and that neither costs more than was allowed.

mod webhook_rig;

use std::{io::Write, net::TcpStream, sync::mpsc::channel, thread, time::Duration};
use suzu::net::webhook::{Fault, Full, Limits, Wrong};
use webhook_rig::{OK, PATIENCE, Rig, Server, TOKENS, allowed, read_request, read_to_end, reset, status};

#[test]
fn ten_questions_go_over_one_connection_and_say_what_they_should() {
    let (seen, requests) = channel();
    let server = Server::start(move |_, mut stream| {
        while let Some(request) = read_request(&mut stream) {
            seen.send(request).unwrap();
            stream.write_all(OK).unwrap();
        }
    });
    let mut rig = Rig::new();
    let target = rig.target(&server.url());
    for tag in 0..10 {
        let headers: [(&str, &[u8]); 2] = [("Cookie", b"a=b"), ("Host", b"evil")];
        let now = rig.now();
        let call = rig.hooks.post(target, headers, b"{\"roomId\":\"a\"}", tag, now).unwrap();
        let done = rig.done();
        assert_eq!((done.call, done.tag, done.result), (call, tag, allowed()));
        assert!(done.elapsed < Duration::from_secs(5));
    }
    assert_eq!(server.connections(), 1);
    let request = requests.recv().unwrap();
    assert!(request.starts_with("POST /authn?key=secret HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nHost: {}\r\n", server.address)), "{request}");
    assert!(request.contains("\r\nCookie: a=b\r\n") && !request.contains("evil"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"roomId\":\"a\"}"), "{request}");
    assert_eq!(rig.hooks.url(target).unwrap().to_string(), format!("http://{}/authn", server.address));
}

#[test]
fn answers_of_every_form_are_understood() {
    let mut rig = Rig::new();
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"allowe\r\n8\r\nd\":true}\r\n0\r\n\r\n";
    let early = [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n", OK].concat();
    for answer in [chunked.as_bytes(), &early] {
        let server = Server::answering(answer);
        let target = rig.target(&server.url());
        assert_eq!((rig.ask(target), rig.ask(target)), (allowed(), allowed()));
        assert_eq!(server.connections(), 1);
    }
    for (answer, expected) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno", 500),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302),
    ] {
        let server = Server::answering(answer);
        let target = rig.target(&server.url());
        assert_eq!((status(rig.ask(target)), status(rig.ask(target))), (expected, expected));
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn a_connection_that_the_server_wants_to_close_is_not_used_again() {
    let mut rig = Rig::new();
    let close =
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 16\r\n\r\n{\"allowed\":true}".as_slice();
    let old = b"HTTP/1.0 200 OK\r\n\r\n{\"allowed\":true}".as_slice();
    // The end of the connection comes with the answer, though nothing announced it.
    for answer in [close, old, OK] {
        let server = Server::answering_once(answer);
        let target = rig.target(&server.url());
        for count in 1..4 {
            assert_eq!(rig.ask(target), allowed());
            assert_eq!(server.connections(), count);
        }
    }
}

#[test]
fn an_answer_byte_by_byte_is_waited_for_but_not_beyond_the_deadline() {
    let server = Server::start(|index, mut stream| {
        read_request(&mut stream);
        let last = if index == 0 { OK.len() } else { OK.len() - 1 };
        for byte in &OK[..last] {
            stream.write_all(&[*byte]).unwrap();
            thread::yield_now();
        }
        read_to_end(stream);
    });
    let mut rig = Rig::new();
    assert_eq!(rig.ask_new(&server), allowed());
    rig.skip(Duration::from_secs(31));
    let target = rig.target(&server.url());
    rig.post(target, 7);
    for _ in 0..10 {
        rig.turn();
        rig.skip(Duration::from_millis(300));
    }
    assert!(rig.hooks.poll_done().is_none());
    rig.skip(Duration::from_secs(2));
    let done = rig.hooks.poll_done().unwrap();
    assert_eq!((done.tag, done.result), (7, Err(Fault::Late("the answer"))));
    assert!(done.elapsed >= Duration::from_secs(5));
}

#[test]
fn a_server_that_hangs_costs_its_callers_the_deadline_and_nobody_else() {
    let (ended, end) = channel();
    let hanging = Server::start(move |_, stream| {
        read_to_end(stream);
        ended.send(()).unwrap();
    });
    let good = Server::answering(OK);
    let mut rig = Rig::new();
    let (stuck, fine) = (rig.target(&hanging.url()), rig.target(&good.url()));
    rig.post(stuck, 1);
    for _ in 0..10 {
        assert_eq!(rig.ask(fine), allowed());
    }
    assert_eq!(rig.hooks.pending(), 1);
    rig.skip(Duration::from_secs(5));
    let done = rig.done();
    assert_eq!((done.tag, done.result), (1, Err(Fault::Late("the answer"))));
    end.recv_timeout(PATIENCE).expect("its connection is closed");
    rig.skip(Duration::from_secs(60));
    assert_eq!(rig.hooks.next_timeout(), None, "nothing is left to be done");
}

#[test]
fn what_servers_do_wrong_is_said() {
    let mut rig = Rig::new();
    let huge = |head: &str| [head.as_bytes(), &vec![b'x'; 10_000_000]].concat();
    for (answer, expected) in [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"allowed\":true}".to_vec(), Wrong::CutShort),
        (b"".to_vec(), Wrong::CutShort),
        (b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), Wrong::NotHttp),
        (b"\x16\x03\x01\x02\x00".to_vec(), Wrong::NotHttp),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(), Wrong::Upgrade),
        (huge("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"), Wrong::BodyTooLarge),
        (huge("HTTP/1.1 200 OK\r\n\r\n"), Wrong::BodyTooLarge),
        (huge("HTTP/1.1 200 OK\r\nX: "), Wrong::HeadTooLarge),
    ] {
        let server = Server::answering_once(answer);
        assert_eq!(rig.ask_new(&server), Err(Fault::Answer(expected)));
        assert_eq!(server.connections(), 1, "a fresh connection is not tried twice");
    }
    let server = Server::start(|_, mut stream| {
        read_request(&mut stream);
        reset(stream);
    });
    let broken = rig.ask_new(&server).unwrap_err();
    assert!(matches!(&broken, Fault::Broken(wrong) if wrong.contains("reset")), "{broken}");
    assert_eq!((server.connections(), broken.label()), (1, "broken"));
}

/// Answers the first request of the first connection, and does `then` when the second has come; later connections are good.
fn fickle(then: fn(TcpStream)) -> Server {
    Server::start(move |index, mut stream| {
        read_request(&mut stream);
        stream.write_all(OK).unwrap();
        while read_request(&mut stream).is_some() {
            if index == 0 {
                return then(stream);
            }
            stream.write_all(OK).unwrap();
        }
    })
}

#[test]
fn a_question_that_crosses_the_end_of_an_idle_connection_is_asked_again_on_a_fresh_one() {
    let mut rig = Rig::new();
    for then in [drop, reset] {
        let server = fickle(then);
        let target = rig.target(&server.url());
        for _ in 0..3 {
            assert_eq!(rig.ask(target), allowed());
        }
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn it_is_not_asked_again_when_some_of_the_answer_had_come_or_the_fresh_one_fails_too() {
    let mut rig = Rig::new();
    let server = fickle(|mut stream| stream.write_all(b"HTTP/1.1 2").unwrap());
    let target = rig.target(&server.url());
    assert_eq!(rig.ask(target), allowed());
    assert_eq!(rig.ask(target), Err(Fault::Answer(Wrong::CutShort)));
    assert_eq!(server.connections(), 1);
    let server = Server::start(|index, mut stream| {
        read_request(&mut stream);
        if index == 0 {
            stream.write_all(OK).unwrap();
            read_request(&mut stream);
        }
    });
    let target = rig.target(&server.url());
    assert_eq!(rig.ask(target), allowed());
    assert_eq!(rig.ask(target), Err(Fault::Answer(Wrong::CutShort)));
    assert_eq!(server.connections(), 2);
}

#[test]
fn idle_connections_are_few_and_closed_when_their_time_is_over_or_the_server_ends_them() {
    let (ended, end) = channel();
    let server = Server::start(move |_, mut stream| {
        while read_request(&mut stream).is_some_and(|text| !text.ends_with("bye")) {
            stream.write_all(OK).unwrap();
        }
        ended.send(()).unwrap();
    });
    let mut rig = Rig::new();
    let target = rig.target(&server.url());
    for tag in 0..10 {
        rig.post(target, tag);
    }
    for _ in 0..10 {
        assert_eq!(rig.done().result, allowed());
    }
    assert_eq!(server.connections(), 10);
    for _ in 0..6 {
        end.recv_timeout(PATIENCE).expect("more than four are closed at once");
    }
    rig.turn();
    assert!(end.try_recv().is_err(), "four are kept");
    rig.skip(Duration::from_secs(20));
    assert_eq!(rig.ask(target), allowed());
    rig.skip(Duration::from_secs(11));
    for _ in 0..3 {
        end.recv_timeout(PATIENCE).expect("three have been idle for 30 s");
    }
    assert!(rig.hooks.next_timeout().is_some() && end.try_recv().is_err(), "one is younger");
    rig.skip(Duration::from_secs(20));
    end.recv_timeout(PATIENCE).unwrap();
    assert_eq!((server.connections(), rig.hooks.next_timeout()), (10, None));
    let ending = Server::answering_once(OK);
    let target = rig.target(&ending.url());
    assert_eq!(rig.ask(target), allowed());
    rig.until("nobody", |rig| rig.hooks.next_timeout().is_none().then_some(()));
}

#[test]
fn calls_beyond_the_limit_are_refused_at_once_and_those_given_up_make_room() {
    let server = Server::start(|_, stream| read_to_end(stream));
    let limits = Limits { max_pending: 3, ..Limits::default() };
    let mut rig = Rig::with(limits, None);
    let target = rig.target(&server.url());
    let now = rig.now();
    let ids: Vec<_> = (0..3).map(|tag| rig.hooks.post(target, [], b"{}", tag, now).unwrap()).collect();
    assert_eq!(rig.hooks.post(target, [], b"{}", 3, now), Err(Full));
    rig.turn();
    assert_eq!((rig.hooks.cancel(ids[1]), rig.hooks.cancel(ids[1])), (Some(1), None));
    rig.post(target, 4);
    assert_eq!(rig.hooks.post(target, [], b"{}", 5, now), Err(Full));
    rig.skip(Duration::from_secs(5));
    let now = rig.now();
    assert_eq!(rig.hooks.post(target, [], b"{}", 6, now), Err(Full), "what is not taken out counts");
    let mut tags: Vec<_> = (0..3).map(|_| rig.done().tag).collect();
    tags.sort_unstable();
    assert_eq!((tags, rig.hooks.pending()), (vec![0, 2, 4], 0));
}

#[test]
fn tokens_of_others_are_left_alone() {
    let mut rig = Rig::new();
    let now = rig.now();
    for other in [0, TOKENS.start - 1, TOKENS.end, usize::MAX] {
        assert!(!rig.hooks.handle_event(mio::Token(other), now));
    }
    // A late event for a line that is gone means nothing.
    for token in TOKENS {
        assert!(rig.hooks.handle_event(mio::Token(token), now));
    }
}

#[test]
fn a_large_request_is_sent_as_the_server_takes_it() {
    let (length, received) = channel();
    let server = Server::start(move |_, mut stream| {
        length.send(read_request(&mut stream).unwrap().len()).unwrap();
        stream.write_all(OK).unwrap();
    });
    let mut rig = Rig::new();
    let target = rig.target(&server.url());
    let body = vec![b'x'; 8_000_000];
    let now = rig.now();
    rig.hooks.post(target, [], &body, 0, now).unwrap();
    assert_eq!(rig.done().result, allowed());
    assert!(received.recv().unwrap() > body.len());
}
