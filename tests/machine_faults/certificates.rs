//! The files of the server's own authority become garbage while it runs: it goes on by what it has in memory, a reload included. (Files that
//! somebody else keeps are in tests/tls_files.rs, and a start on garbage in tests/tls_state.rs.)

use crate::common::{
    neighbours::{Neighbours, Taken},
    server::{TestServer, wait_until},
    tls::{Trusting, ca_pem},
};
use std::fs;

#[test]
fn an_authority_that_becomes_garbage_is_still_the_one_that_devices_trust() {
    let mut server = TestServer::start(&[]);
    let (authority, clients) = (ca_pem(server.address), Trusting::new(&server));
    let neighbours = Neighbours::of([clients.join("a"), clients.join("a")]);
    let certificate = || clients.connect().stream.conn.peer_certificates().unwrap()[0].to_vec();
    let before = certificate();
    let taken = Taken::by(&server);
    let garbage: Vec<u8> = crate::common::scene::random_bytes(10, 4_000);
    for (round, content) in [&garbage[..], b"", b"-----BEGIN CERTIFICATE-----\n"].into_iter().enumerate() {
        for name in ["authority.pem", "server.pem"] {
            fs::write(server.state.join(name), content).unwrap();
        }
        server.signal("HUP");
        let reloads = || server.whole_log().matches("the configuration was read again").count();
        wait_until("the reload", || reloads() > round);
        assert_eq!(certificate(), before, "newcomers get the one that was good");
        assert_eq!(ca_pem(server.address), authority);
    }
    taken.is_back(&server, "after garbage for certificates");
    neighbours.part();
    assert!(server.is_alive());
}
