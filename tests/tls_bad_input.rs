//! Whatever is done to TLS ends at worst that one connection, with one line in the log; nobody else notices.

#![cfg(feature = "tls")]

mod common;

use common::{
    scene::random_bytes,
    server::TestServer,
    tls::{ALERT, DATA, HANDSHAKE, TlsScene, Trusting, WELL, record, shake_hands},
    wire::Wire,
};
use socket2::SockRef;
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// The level and the description of an alert, if these bytes are one (RFC 8446 section 6).
fn alert(bytes: &[u8]) -> Option<(u8, u8)> {
    match bytes {
        [ALERT, 3, _, 0, 2, level, description] => Some((*level, *description)),
        _ => None,
    }
}

/// A ClientHello without extensions (RFC 5246 section 7.4.1.2).
fn old_hello(version: [u8; 2], ciphers: &[u16]) -> Vec<u8> {
    let ciphers: Vec<u8> = ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()).collect();
    let body =
        [&version[..], &[7; 32], &[0], &(ciphers.len() as u16).to_be_bytes(), &ciphers, &[1, 0]].concat();
    let length = (body.len() as u32).to_be_bytes();
    record(HANDSHAKE, &[&[1], &length[1..], &body].concat())
}

/// A ClientHello of this many bytes, in records of at most 16 KiB: what is too much is padding (RFC 7685).
fn long_hello(scene: &TlsScene, count: usize) -> Vec<u8> {
    let (_, hello) = scene.hello("localhost");
    let message = hello[5..].to_vec();
    // Where the extensions' length stands: after version, random, session, ciphers and compression.
    let session = 4 + 2 + 32;
    let ciphers = session + 1 + usize::from(message[session]);
    let compression = ciphers + 2 + usize::from(u16::from_be_bytes([message[ciphers], message[ciphers + 1]]));
    let extensions = compression + 1 + usize::from(message[compression]);
    let padding = count - message.len() - 4;
    let mut long = message.clone();
    long.extend([0, 21]);
    long.extend((padding as u16).to_be_bytes());
    long.resize(count, 0);
    let set = |long: &mut Vec<u8>, at: usize, length: usize| {
        long[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
    };
    set(&mut long, extensions, count - extensions - 2);
    set(&mut long, 2, count - 4);
    // TLS 1.3's binders and the like must be last, and there are none in a first hello.
    long.chunks(16_384).flat_map(|part| record(HANDSHAKE, part)).collect()
}

#[test]
fn what_is_no_client_hello_ends_with_one_line_in_the_log() {
    let mut scene = TlsScene::new(&[]);
    let (_, hello) = scene.hello("localhost");
    let changed = |at: usize, to: u8| {
        let mut hello = hello.clone();
        hello[at] = to;
        hello
    };
    let mut cases = vec![
        ("a record of 65,535 bytes".to_owned(), [&[HANDSHAKE, 3, 1, 0xff, 0xff][..], &[0; 20_000]].concat()),
        ("an empty record".to_owned(), record(HANDSHAKE, &[])),
        ("an unknown message".to_owned(), changed(5, 99)),
        ("a hello that is longer than it says".to_owned(), changed(8, 1)),
        ("data before the handshake".to_owned(), [hello.clone(), record(DATA, &[0; 100])].concat()),
        ("plain HTTP behind the hello".to_owned(), [&hello, WELL].concat()),
        ("TLS 1.0".to_owned(), old_hello([3, 1], &[0xc02b, 0xc013, 0x002f])),
        ("TLS 1.1".to_owned(), old_hello([3, 2], &[0xc02b, 0xc013, 0x002f])),
        ("no common cipher".to_owned(), old_hello([3, 3], &[0x0005, 0x000a])),
        ("no ciphers at all".to_owned(), old_hello([3, 3], &[])),
    ];
    for seed in 0..8 {
        let bytes = random_bytes(seed, 600);
        cases.push((format!("random bytes, seed {seed}"), [&[HANDSHAKE], &bytes[..]].concat()));
        cases.push((format!("a record of random bytes, seed {seed}"), record(HANDSHAKE, &bytes)));
    }
    for (name, bytes) in cases {
        let (_, faults) = scene.lines(|scene| {
            let answer = scene.exchange(&bytes);
            // A server that has taken the hello has said a lot by then, and encrypts its alert.
            let is_alert = matches!(alert(&answer), Some((2, _)));
            // And some things rustls has no alert for.
            let is_else = answer.is_empty() || answer.starts_with(&[HANDSHAKE]);
            assert!(is_alert || is_else, "{name} got {answer:02x?}");
        });
        assert!(faults.len() == 1 && faults[0].contains("TLS failed "), "{name}: {faults:#?}");
    }
    scene.end();
}

#[test]
fn old_versions_and_unknown_ciphers_get_the_alerts_that_say_so() {
    let scene = TlsScene::new(&[]);
    // handshake_failure or protocol_version: nothing in common.
    for hello in [
        old_hello([3, 0], &[0xc02b, 0xc013, 0x002f]),
        old_hello([3, 1], &[0xc02b, 0xc013, 0x002f]),
        old_hello([3, 2], &[0xc02b, 0xc013, 0x002f]),
        old_hello([3, 3], &[0x0005]),
    ] {
        let answer = alert(&scene.exchange(&hello));
        assert!(matches!(answer, Some((2, 40 | 70))), "{answer:?} for {hello:02x?}");
    }
    scene.end();
}

#[test]
fn a_hello_may_be_long_but_not_endless() {
    let mut scene = TlsScene::new(&[]);
    let answer = |scene: &TlsScene, bytes: &[u8]| {
        let mut stream = scene.tcp();
        stream.write_all(bytes).unwrap();
        let mut kind = [0];
        stream.read_exact(&mut kind).map(|()| kind[0]).map_err(|error| error.kind())
    };
    for count in [1_000, 16_000, 18_000] {
        assert_eq!(answer(&scene, &long_hello(&scene, count)), Ok(HANDSHAKE), "{count} bytes");
    }
    for count in [21_000, 60_000] {
        let hello = long_hello(&scene, count);
        let (_, faults) = scene.lines(|scene| {
            let answer = answer(scene, &hello);
            assert!(matches!(answer, Ok(ALERT) | Err(ErrorKind::UnexpectedEof)), "{count}: {answer:?}");
        });
        assert_eq!(faults.len(), 1, "{count}: {faults:#?}");
    }
    scene.end();
}

#[test]
fn a_handshake_that_comes_byte_by_byte_is_understood() {
    let scene = TlsScene::new(&[]);
    struct Slow(TcpStream);
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.write(&bytes[..bytes.len().min(1)])
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }
    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }
    let (client, hello) = scene.hello("127.0.0.1");
    let mut stream = rustls::StreamOwned::new(client, Slow(scene.tcp()));
    stream.sock.write_all(&hello).unwrap();
    let mut mate = scene.clients.join("slow");
    let mut wire = Wire::over(stream).upgraded().seated("slow");
    wire.text(r#"{"type":"offer","sdp":"v=0"}"#);
    assert_eq!(mate.frame().text(), r#"{"type":"offer","sdp":"v=0"}"#);
    scene.end();
}

#[test]
fn a_handshake_that_stalls_is_cut_at_its_timeout() {
    let mut scene = TlsScene::new(&["--tls-handshake-timeout-sec", "0.3", "--head-timeout-sec", "3600"]);
    let (_, hello) = scene.hello("localhost");
    for (name, bytes) in [
        ("the first byte", &[HANDSHAKE][..]),
        ("half a hello", &hello[..hello.len() / 2]),
        ("a hello and no more", &hello),
    ] {
        let (lines, _) = scene.lines(|scene| {
            let mut wire = Wire::over(scene.tcp());
            wire.send(bytes);
            wire.ends();
        });
        let told = lines.iter().filter(|line| line.contains("it took too long")).count();
        assert_eq!(told, 1, "{name}: {lines:#?}");
    }
    scene.end();
}

#[test]
fn whoever_leaves_in_the_middle_of_a_handshake_is_not_missed() {
    let mut scene = TlsScene::new(&[]);
    let (_, hello) = scene.hello("localhost");
    for bytes in [&[HANDSHAKE][..], &hello[..100], &hello] {
        for is_abrupt in [false, true] {
            let (lines, faults) = scene.lines(|scene| {
                let stream = scene.tcp();
                (&stream).write_all(bytes).unwrap();
                if is_abrupt {
                    // It does not linger: what is sent is no end but a reset.
                    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                } else {
                    stream.shutdown(Shutdown::Write).unwrap();
                    Wire::over(stream).rest();
                }
            });
            assert!(faults.is_empty(), "{faults:#?}");
            let begun = lines
                .iter()
                .find_map(|line| line.split_once("] connection from ")?.1.split_once(" connection="));
            let key = begun.unwrap().1;
            scene.scene.server.wait_for_log(&format!("ended connection={key} "));
        }
    }
    scene.end();
}

#[test]
fn a_foreign_name_is_refused_and_the_log_says_how_to_have_it() {
    let mut scene = TlsScene::new(&[]);
    let mut refusal = String::new();
    let (_, faults) = scene.lines(|scene| {
        let error = shake_hands(scene.tcp(), &scene.clients.config, "example.com").unwrap_err();
        refusal = error.to_string();
    });
    assert!(refusal.contains("received fatal alert"), "{refusal}");
    let [fault] = &faults[..] else { panic!("not one line: {faults:#?}") };
    assert!(fault.contains("example.com") && fault.contains("tls_names"), "{fault}");
    scene.end();
}

#[test]
fn a_client_that_does_not_trust_the_authority_is_sent_to_the_page_that_helps() {
    let mut scene = TlsScene::new(&[]);
    let stranger = Trusting::new(&TestServer::start(&[])).config;
    let (_, faults) = scene.lines(|scene| {
        shake_hands(scene.tcp(), &stranger, "localhost").unwrap_err();
    });
    let [fault] = &faults[..] else { panic!("not one line: {faults:#?}") };
    assert!(fault.contains("/trust"), "{fault}");
    scene.end();
}
