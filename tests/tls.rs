//! TLS as clients see it: next to plain on one port, by an authority that vouches for local names only.

#![cfg(feature = "tls")]

mod common;

use common::{
    openssl::OpenSsl,
    server::TestServer,
    tls::{Trusting, WELL, ca_pem, client_config, client_config_of, shake_hands},
    wire::{Bystanders, Wire, tcp},
};
use rustls::{ALL_VERSIONS, ClientConfig, HandshakeKind, SupportedProtocolVersion, pki_types::ServerName};
use std::{fs, sync::Arc};

/// The same configuration, with these protocols offered by ALPN (RFC 7301).
fn offering(config: &ClientConfig, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

#[test]
fn one_port_speaks_plain_and_tls() {
    let server = TestServer::start(&[]);
    let clients = Trusting::new(&server);
    assert!(Wire::connect(server.address).exchange(WELL).starts_with("HTTP/1.1 200 "));
    assert!(clients.connect().exchange(WELL).starts_with("HTTP/1.1 200 "));
    // In one room, one by ws and one by wss.
    let (mut plain, mut secure) = (Wire::join(server.address, "both"), clients.join("both"));
    plain.text(r#"{"type":"offer","sdp":"v=0"}"#);
    assert_eq!(secure.frame().text(), r#"{"type":"offer","sdp":"v=0"}"#);
    secure.text(r#"{"type":"answer","sdp":"v=0"}"#);
    assert_eq!(plain.frame().text(), r#"{"type":"answer","sdp":"v=0"}"#);
    Bystanders::of([clients.join("secure"), clients.join("secure")]).exchange();
}

#[test]
fn tls_1_2_and_1_3_are_spoken() {
    let server = TestServer::start(&[]);
    let ca = ca_pem(server.address);
    for version in ALL_VERSIONS {
        let config = client_config_of(&ca, &[version]);
        let stream = shake_hands(tcp(server.address), &config, "localhost").unwrap();
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
        assert!(Wire::over(stream).exchange(WELL).starts_with("HTTP/1.1 200 "), "{version:?}");
    }
}

#[test]
fn of_the_protocols_that_a_client_offers_http_1_1_is_taken_and_others_are_refused() {
    let server = TestServer::start(&[]);
    let config = client_config(&ca_pem(server.address));
    let taken = |protocols: &[&str]| {
        let stream = shake_hands(tcp(server.address), &offering(&config, protocols), "localhost");
        stream
            .map(|stream| stream.conn.alpn_protocol().map(<[u8]>::to_vec))
            .map_err(|error| error.to_string())
    };
    assert_eq!(taken(&[]), Ok(None));
    assert_eq!(taken(&["http/1.1"]), Ok(Some(b"http/1.1".to_vec())));
    assert_eq!(taken(&["h2", "http/1.1"]), Ok(Some(b"http/1.1".to_vec())));
    let refused = taken(&["h2"]).unwrap_err();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
}

#[test]
fn the_certificate_is_for_addresses_and_names_and_for_no_others() {
    let server = TestServer::start(&["--tls-names", "door.example.com,other.local"]);
    let config = client_config(&ca_pem(server.address));
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let local = format!("{}.local", host.trim().split('.').next().unwrap());
    for name in ["127.0.0.1", "::1", "localhost", &local, "door.example.com", "other.local", "LOCALHOST"] {
        let stream = shake_hands(tcp(server.address), &config, name).unwrap();
        assert!(Wire::over(stream).exchange(WELL).starts_with("HTTP/1.1 200 "), "{name}");
    }
    let refused = shake_hands(tcp(server.address), &config, "10.11.12.13").unwrap_err().to_string();
    assert!(refused.contains("10.11.12.13"), "{refused}");
}

/// How often the second of two connections picks up where the first one was, and how many tickets the first one got.
fn resumption(server: &TestServer, version: &'static SupportedProtocolVersion) -> (HandshakeKind, u32) {
    let config = client_config_of(&ca_pem(server.address), &[version]);
    let mut first = Wire::over(shake_hands(tcp(server.address), &config, "localhost").unwrap());
    assert_eq!(first.stream.conn.handshake_kind(), Some(HandshakeKind::Full));
    first.send(WELL);
    // The tickets came before the answer.
    assert!(first.rest().starts_with(b"HTTP/1.1 200 "));
    let second = shake_hands(tcp(server.address), &config, "localhost").unwrap();
    (second.conn.handshake_kind().unwrap(), first.stream.conn.tls13_tickets_received())
}

#[test]
fn whoever_comes_again_resumes_by_the_one_ticket_that_it_got() {
    let server = TestServer::start(&[]);
    assert_eq!(resumption(&server, &rustls::version::TLS13), (HandshakeKind::Resumed, 1));
    assert_eq!(resumption(&server, &rustls::version::TLS12).0, HandshakeKind::Resumed);
}

/// The days between the two dates that openssl shows.
fn days(openssl: &OpenSsl, certificate: &str) -> u64 {
    let text = openssl.run(&format!("x509 -in {certificate} -noout -dates -dateopt iso_8601"));
    let unix = |date: &str| -> u64 {
        let output = std::process::Command::new("date").args(["-u", "-d", date, "+%s"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    let dates: Vec<_> = text.lines().map(|line| unix(line.split_once('=').unwrap().1)).collect();
    (dates[1] - dates[0]) / 86_400
}

#[test]
fn the_authority_may_vouch_for_local_names_only_and_the_certificate_lives_for_397_days() {
    let Some(openssl) = OpenSsl::find() else { return };
    let server = TestServer::start(&["--tls-names", "door.example.com"]);
    openssl.write("ca.pem", &ca_pem(server.address));
    let text = openssl.run("x509 -in ca.pem -noout -text");
    for expected in [
        "Public Key Algorithm: id-ecPublicKey",
        "ASN1 OID: prime256v1",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0\n",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
        "X509v3 Name Constraints: critical\n                Permitted:\n                  DNS:localhost\n                  DNS:local\n",
        "DNS:lan\n                  DNS:home.arpa\n                  DNS:internal\n",
        "DNS:door.example.com\n",
        "IP:127.0.0.0/255.0.0.0\n                  IP:10.0.0.0/255.0.0.0\n                  IP:172.16.0.0/255.240.0.0\n",
        "IP:192.168.0.0/255.255.0.0\n                  IP:169.254.0.0/255.255.0.0\n                  IP:0:0:0:0:0:0:0:1/FFFF:FFFF:",
        "IP:FC00:0:0:0:0:0:0:0/FE00:0:0:0:0:0:0:0\n                  IP:FE80:0:0:0:0:0:0:0/FFC0:0:0:0:0:0:0:0\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in {text}");
    }
    openssl.run(&format!("x509 -in {} -out leaf.pem", server.state.join("server.pem").display()));
    let text = openssl.run("x509 -in leaf.pem -noout -text");
    for expected in [
        "ASN1 OID: prime256v1",
        "DNS:localhost, ",
        "DNS:door.example.com, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
        "X509v3 Basic Constraints: critical\n                CA:FALSE\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in {text}");
    }
    assert_eq!(days(&openssl, "leaf.pem"), 397);
    assert_eq!(
        openssl.run("verify -x509_strict -purpose sslserver -CAfile ca.pem leaf.pem"),
        "leaf.pem: OK\n"
    );
}

#[test]
fn openssl_connects_and_verifies() {
    let Some(openssl) = OpenSsl::find() else { return };
    let server = TestServer::start(&[]);
    openssl.write("ca.pem", &ca_pem(server.address));
    let connect = format!("s_client -connect {} -verify_return_error", server.address);
    for more in
        ["-verify_ip 127.0.0.1", "-servername localhost -verify_hostname localhost", "-tls1_2", "-tls1_3"]
    {
        let text = openssl.run(&format!("{connect} -CAfile ca.pem {more}"));
        assert!(text.contains("Verify return code: 0 (ok)"), "{more}: {text}");
    }
    let (is_content, text) = openssl.ask(&connect);
    assert!(!is_content && text.contains("verify error"), "without the authority: {text}");
}

#[test]
fn what_the_authority_signs_for_the_internet_is_refused_by_openssl() {
    let Some(openssl) = OpenSsl::find() else { return };
    let server = TestServer::start(&["--tls-names", "door.example.com"]);
    openssl.write("ca.pem", &ca_pem(server.address));
    // Whoever stole the key would have no more than this.
    fs::copy(server.state.join("authority.pem"), openssl.path("ca.key")).unwrap();
    openssl.make_key("leaf.key");
    for (name, is_permitted) in [
        ("DNS:box.local", true),
        ("DNS:a.b.home.arpa", true),
        ("DNS:door.example.com", true),
        ("IP:192.168.1.5", true),
        ("IP:fe80::1", true),
        ("DNS:example.com", false),
        ("DNS:www.example.com", false),
        ("DNS:box.local.example.com", false),
        ("DNS:com", false),
        ("DNS:*.com", false),
        ("IP:8.8.8.8", false),
        ("IP:2001:db8::1", false),
        ("DNS:box.local,DNS:example.com", false),
    ] {
        openssl.sign("ca", "leaf.key", "leaf", &format!("subjectAltName={name}"));
        let (is_content, text) = openssl.ask("verify -CAfile ca.pem leaf.pem");
        assert_eq!(is_content, is_permitted, "{name}: {text}");
        assert!(is_permitted || text.contains("permitted subtree violation"), "{name}: {text}");
    }
    // Nor may it make another authority without these limits.
    openssl.sign("ca", "leaf.key", "below", "basicConstraints=critical,CA:TRUE");
    fs::copy(openssl.path("leaf.key"), openssl.path("below.key")).unwrap();
    openssl.sign("below", "leaf.key", "leaf", "subjectAltName=DNS:box.local");
    let (is_content, text) = openssl.ask("verify -CAfile ca.pem -untrusted below.pem leaf.pem");
    assert!(!is_content && text.contains("path length constraint exceeded"), "{text}");
}

#[test]
fn devices_get_the_authority_in_the_form_that_they_take_and_people_its_fingerprint() {
    let Some(openssl) = OpenSsl::find() else { return };
    let server = TestServer::start(&[]);
    openssl.write("ca.pem", &ca_pem(server.address));
    openssl.run("x509 -in ca.pem -outform der -out ca.der");
    let get = |path: &str| {
        let mut wire = Wire::connect(server.address);
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: box:3000\r\n\r\n").as_bytes());
        (wire.head(), wire.rest())
    };
    let (head, der) = get("/ca.crt");
    assert!(head.contains("\r\nContent-Type: application/x-x509-ca-cert\r\n"), "{head}");
    assert!(der == fs::read(openssl.path("ca.der")).unwrap(), "/ca.crt is /ca.pem in DER");

    let (head, profile) = get("/ca.mobileconfig");
    assert!(head.contains("\r\nContent-Type: application/x-apple-aspen-config\r\n"), "{head}");
    let base64: String = openssl.read("ca.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let profile: String = String::from_utf8(profile).unwrap().split_whitespace().collect();
    assert!(profile.contains(&format!("<data>{base64}</data>")), "{profile}");

    let fingerprint = openssl.run("x509 -in ca.pem -noout -fingerprint -sha256");
    let fingerprint = fingerprint.trim().split_once('=').unwrap().1;
    assert!(server.banner.contains(&format!("SHA-256 {fingerprint}")), "{:?}", server.banner);
    let page = String::from_utf8(get("/trust").1).unwrap();
    assert!(page.replace("<wbr>", "").contains(fingerprint) && page.contains("https://box:3000/"), "{page}");
}

#[test]
fn without_tls_nothing_of_it_is_there() {
    let server = TestServer::start(&["--tls", "off"]);
    assert!(!server.banner.iter().any(|line| line.contains("https")), "{:?}", server.banner);
    for path in ["/trust", "/ca.pem", "/ca.crt"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = Wire::connect(server.address).exchange(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    let mut wire = Wire::connect(server.address);
    let name = ServerName::try_from("localhost").unwrap();
    let nobody = client_config_of("", ALL_VERSIONS);
    let mut hello = Vec::new();
    rustls::ClientConnection::new(nobody, name).unwrap().write_tls(&mut hello).unwrap();
    wire.send(&hello);
    assert!(wire.head().starts_with("HTTP/1.1 400 "));
    assert_eq!(fs::read_dir(&server.state.path).unwrap().count(), 0, "nothing is made");
}
