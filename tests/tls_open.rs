//! A TLS connection after its handshake, and whatever a client can do to it.

#![cfg(feature = "tls")]

mod common;

use common::{
    openssl::OpenSsl,
    scene::random_bytes,
    tls::{ALERT, DATA, HANDSHAKE, TlsScene, WELL, ca_pem, client_config_of, record, shake_hands},
    wire::{CLOSE, Wire, frame},
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::{ClientConfig, ConnectionTrafficSecrets, client::Resumption, version::TLS12};
use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

#[test]
fn plain_http_in_the_middle_of_tls_ends_that_connection() {
    let mut scene = TlsScene::new(&[]);
    for bytes in [WELL, &record(DATA, &[0; 100]), &record(ALERT, &[2, 0]), &random_bytes(1, 300)] {
        for opened in [false, true] {
            let (_, faults) = scene.lines(|scene| {
                let mut wire = if opened { scene.clients.open() } else { scene.clients.connect() };
                wire.stream.sock.write_all(bytes).unwrap();
                let error = wire.stream.read_to_end(&mut Vec::new()).unwrap_err();
                assert!(error.to_string().contains("received fatal alert"), "{error}");
            });
            assert_eq!(faults.len(), 1, "{bytes:02x?}: {faults:#?}");
        }
    }
    scene.end();
}

#[test]
fn an_end_without_a_farewell_is_an_end() {
    let mut scene = TlsScene::new(&[]);
    let (_, faults) = scene.lines(|scene| {
        let mut mate = scene.clients.join("cut");
        let wire = scene.clients.join("cut");
        wire.stream.sock.shutdown(Shutdown::Write).unwrap();
        assert_eq!(mate.frame().text(), r#"{"type":"bye"}"#);
        drop(scene.clients.connect().stream.sock);
    });
    assert!(faults.is_empty(), "{faults:#?}");
    scene.end();
}

#[test]
fn an_orderly_end_has_a_farewell() {
    let scene = TlsScene::new(&[]);
    // rustls reports an end without a close_notify as an error.
    let mut wire = scene.clients.connect();
    wire.send(WELL);
    assert!(wire.ends(), "of an answer");
    let mut wire = scene.clients.open();
    wire.send(&frame(CLOSE, &1000u16.to_be_bytes()));
    assert!(wire.ends(), "of a WebSocket");
    let mut wire = scene.clients.connect();
    wire.stream.conn.send_close_notify();
    wire.stream.conn.complete_io(&mut wire.stream.sock).unwrap();
    wire.ends();
    scene.end();
}

#[test]
fn a_renegotiation_is_not_entered_into() {
    if OpenSsl::find().is_none() {
        return;
    }
    let scene = TlsScene::new(&[]);
    let mut client = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect", &scene.clients.address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A line with nothing but R asks for it.
    client.stdin.take().unwrap().write_all(b"R\n").unwrap();
    let output = client.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("RENEGOTIATING") && text.contains("no renegotiation"), "{text}");
    scene.end();
}

#[test]
fn a_handshake_of_tls_1_2_has_the_same_limits() {
    let mut scene = TlsScene::new(&[]);
    let config = client_config_of(&ca_pem(scene.clients.address), &[&TLS12]);
    let (_, faults) = scene.lines(|scene| {
        let mut stream = shake_hands(scene.tcp(), &config, "localhost").unwrap();
        stream.sock.write_all(&record(HANDSHAKE, &[1; 64])).unwrap();
        assert!(stream.read_to_end(&mut Vec::new()).is_err());
    });
    assert_eq!(faults.len(), 1, "{faults:#?}");
    scene.clients.config = Arc::clone(&config);
    scene.end();
}

#[test]
fn a_flood_of_new_keys_is_cut_off() {
    let mut scene = TlsScene::new(&[]);
    let (_, faults) = scene.lines(|scene| {
        let mut wire = scene.clients.join("keys");
        // A few are fine.
        for _ in 0..3 {
            wire.stream.conn.refresh_traffic_keys().unwrap();
            wire.settle();
        }
        let mut sent = 0;
        while sent < 64 * 1024 {
            wire.stream.conn.refresh_traffic_keys().unwrap();
            match wire.stream.conn.write_tls(&mut wire.stream.sock) {
                Ok(count) => sent += count,
                Err(error) => {
                    assert!(
                        matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
                        "{error}"
                    );
                    break;
                }
            }
        }
        wire.ends();
    });
    assert_eq!(faults.len(), 1, "{faults:#?}");
    scene.end();
}

/// A record of TLS 1.3 as a client sends it, encrypted (RFC 8446 section 5.2), with keys that rustls has given away.
fn encrypted(keys: &(u64, ConnectionTrafficSecrets), kind: u8, content: &[u8]) -> Vec<u8> {
    let (sequence, ConnectionTrafficSecrets::Aes256Gcm { key, iv }) = keys else { panic!("another cipher") };
    let mut nonce: [u8; 12] = iv.as_ref().try_into().unwrap();
    for (byte, count) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
        *byte ^= count;
    }
    let mut inner = [content, &[kind]].concat();
    let mut header = record(DATA, &[]);
    header[3..].copy_from_slice(&(inner.len() as u16 + 16).to_be_bytes());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).unwrap());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&header), &mut inner)
        .unwrap();
    [header, inner].concat()
}

#[test]
fn half_a_message_of_tls_on_an_open_connection_disturbs_nobody_who_writes_to_it() {
    // Half a KeyUpdate, one that says that it is very long, one and a half, and a message that does not belong here and a half.
    for (content, is_fault) in [
        (&[24, 0, 0][..], false),
        (&[24, 0xff, 0xff, 0xff, 0], true),
        (&[24, 0, 0, 1, 0, 24, 0], true),
        (&[99, 0, 0, 0, 24, 0], true),
    ] {
        let mut scene = TlsScene::new(&[]);
        let mut mate = scene.scene.join("half");
        let mut config = ClientConfig::clone(&scene.clients.config);
        config.enable_secret_extraction = true;
        config.resumption = Resumption::disabled();
        let stream = shake_hands(scene.tcp(), &Arc::new(config), "localhost").unwrap();
        let (client, mut tcp) = Wire::over(stream).upgraded().seated("half").stream.into_parts();
        let keys = client.dangerous_extract_secrets().unwrap().tx;
        tcp.write_all(&encrypted(&keys, HANDSHAKE, content)).unwrap();
        if is_fault {
            assert_eq!(mate.frame().text(), r#"{"type":"bye"}"#, "{content:?}");
        } else {
            for n in 0..10 {
                mate.text(&format!(r#"{{"type":"offer","n":{n}}}"#));
                mate.settle();
            }
        }
        drop(tcp);
        assert_eq!(scene.scene.faults().len(), usize::from(is_fault), "{content:?}");
        scene.end();
    }
}

/// An offer of this many bytes.
fn offer(bytes: usize) -> String {
    let rest = r#"{"type":"offer","sdp":""}"#.len();
    format!(r#"{{"type":"offer","sdp":"{}"}}"#, "x".repeat(bytes - rest))
}

#[test]
fn a_long_message_in_records_of_one_byte_arrives_and_so_does_the_answer() {
    let mut scene = TlsScene::new(&[]);
    let (mut one, mut other) = (scene.clients.join("bytes"), scene.clients.join("bytes"));
    let text = offer(60_000);
    // Each write is a record, and many of them go into a packet.
    let mut records = Vec::new();
    for byte in frame(common::wire::TEXT, text.as_bytes()) {
        one.stream.conn.writer().write_all(&[byte]).unwrap();
        one.stream.conn.write_tls(&mut records).unwrap();
    }
    one.stream.sock.write_all(&records).unwrap();
    assert!(other.frame().text() == text, "it came out differently");
    other.text(&text);
    assert!(one.frame().text() == text, "it came out differently");
    assert_eq!(scene.scene.faults(), [""; 0]);
    scene.end();
}

#[test]
fn whoever_stops_reading_over_tls_is_let_go_when_its_queue_is_full() {
    let mut scene = TlsScene::new(&["--max-queue-bytes", "65600"]);
    let mut sleeper = scene.clients.join("slow");
    let mut talker = scene.clients.join("slow");
    let burst = frame(common::wire::TEXT, offer(60_000).as_bytes());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // 30 MB: no system buffers so much.
            let _ = (0..500).try_for_each(|_| talker.stream.write_all(&burst));
            is_over.store(true, Ordering::Relaxed);
        });
        while !is_over.load(Ordering::Relaxed) {
            scene.bystanders.exchange();
            scene.scene.bystanders.exchange();
        }
    });
    assert_eq!(talker.frame().text(), r#"{"type":"bye"}"#);
    sleeper.ends();
    let faults = scene.scene.faults();
    assert!(faults.len() == 1 && faults[0].contains("max_queue_bytes"), "{faults:#?}");
    scene.end();
}
