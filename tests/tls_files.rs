//! `tls = files`: certificates that somebody else makes, read at the start and again when they change. What is wrong with them is said; then
//! the start ends, or the old ones stay. Nothing is ever served in plain instead of them.

#![cfg(feature = "tls")]

mod common;

use common::{
    openssl::OpenSsl,
    server::{TempDir, TestServer, wait_until},
    start::{refused, suzu},
    tls::{TlsStream, WELL, client_config, shake_hands},
    wire::{Bystanders, Wire, tcp},
};
use rustls::{ClientConfig, HandshakeKind};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::Arc,
};

const TAKEN: &str = "new TLS connections get the new certificate";
const KEPT: &str = "the certificate stays as it is";

/// Somebody who makes certificates, and the two files that the server reads.
struct Maker {
    openssl: OpenSsl,
}

impl Maker {
    fn find() -> Option<Self> {
        let openssl = OpenSsl::find()?;
        openssl.make_authority("root");
        openssl.make_key("ec.key");
        openssl.sign("root", "ec.key", "one", "");
        let maker = Self { openssl };
        maker.install("one.pem", "ec.key");
        Some(maker)
    }

    /// Makes another certificate for the same key.
    fn another(&self, name: &str) {
        self.openssl.sign("root", "ec.key", name, "");
    }

    /// Puts a chain and a key where the server reads them.
    fn install(&self, chain: &str, key: &str) {
        self.write("cert.pem", &self.openssl.read(chain));
        self.write("key.pem", &self.openssl.read(key));
    }

    /// Writes one of the files as careful programs do: a new file in the place of the old one.
    fn write(&self, name: &str, text: &str) {
        self.openssl.write("new", text);
        self.chmod("new", 0o600);
        fs::rename(self.openssl.path("new"), self.openssl.path(name)).unwrap();
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.openssl.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn args(&self) -> [String; 6] {
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| self.openssl.arg(name));
        ["--tls".to_owned(), "files".to_owned(), "--tls-cert".to_owned(), cert, "--tls-key".to_owned(), key]
    }

    fn start(&self) -> TestServer {
        let args = self.args();
        TestServer::start(&args.each_ref().map(String::as_str))
    }

    fn refused(&self) -> (i32, String) {
        let (args, state) = (self.args(), TempDir::new());
        refused(suzu(&state.path, &args.each_ref().map(String::as_str)))
    }

    fn trusting(&self) -> Arc<ClientConfig> {
        client_config(&self.openssl.read("root.pem"))
    }

    fn connect(&self, server: &TestServer) -> Wire<TlsStream> {
        Wire::over(shake_hands(tcp(server.address), &self.trusting(), "127.0.0.1").unwrap())
    }

    /// Whether the server shows the certificate in this file to newcomers.
    fn is_shown(&self, server: &TestServer, name: &str) -> bool {
        let shown = self.connect(server).stream.conn.peer_certificates().unwrap()[0].to_vec();
        self.openssl.run(&format!("x509 -in {name} -outform der -out shown.der"));
        shown == fs::read(self.openssl.path("shown.der")).unwrap()
    }
}

/// How often the log says it.
fn count(server: &TestServer, text: &str) -> usize {
    server.whole_log().matches(text).count()
}

/// Has the files read again and waits for the outcome.
fn reload(server: &TestServer, outcome: &str) {
    let before = count(server, outcome);
    server.signal("HUP");
    wait_until(outcome, || count(server, outcome) > before);
}

#[test]
fn keys_of_every_usual_kind_and_chains_are_taken() {
    let Some(maker) = Maker::find() else { return };
    let openssl = &maker.openssl;
    openssl.run("pkcs8 -topk8 -nocrypt -in ec.key -out ec8.key");
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa8.key");
    openssl.run("rsa -in rsa8.key -traditional -out rsa1.key");
    openssl.run("genpkey -algorithm ed25519 -out ed.key");
    openssl.run("ecparam -genkey -name secp384r1 -noout -out ec384.key");
    openssl.sign("root", "rsa8.key", "rsa", "");
    openssl.sign("root", "ed.key", "ed", "");
    openssl.sign("root", "ec384.key", "ec384", "");
    openssl.make_key("middle.key");
    openssl.sign("root", "middle.key", "middle", "basicConstraints=critical,CA:TRUE");
    openssl.sign("middle", "ec.key", "below", "");
    openssl.write("chain.pem", &(openssl.read("below.pem") + &openssl.read("middle.pem")));
    // As some programs write it: text around the certificates, and a key with its parameters before it.
    let talk = openssl.run("x509 -in one.pem -text");
    openssl.write("talk.pem", &talk);
    openssl.run("ecparam -genkey -name prime256v1 -out params.key");
    openssl.sign("root", "params.key", "params", "");

    for (chain, key, label) in [
        ("one.pem", "ec.key", "EC PRIVATE KEY"),
        ("one.pem", "ec8.key", "PRIVATE KEY"),
        ("rsa.pem", "rsa8.key", "PRIVATE KEY"),
        ("rsa.pem", "rsa1.key", "RSA PRIVATE KEY"),
        ("ec384.pem", "ec384.key", "EC PRIVATE KEY"),
        ("ed.pem", "ed.key", "PRIVATE KEY"),
        ("chain.pem", "ec.key", "EC PRIVATE KEY"),
        ("talk.pem", "ec.key", "EC PRIVATE KEY"),
        ("params.pem", "params.key", "EC PARAMETERS"),
    ] {
        assert!(openssl.read(key).contains(&format!("-----BEGIN {label}-----")), "{key} is no {label}");
        maker.install(chain, key);
        let server = maker.start();
        assert!(maker.connect(&server).exchange(WELL).starts_with("HTTP/1.1 200 "), "{chain} {key}");
        assert!(Wire::connect(server.address).exchange(WELL).starts_with("HTTP/1.1 200 "), "plain");
    }
}

#[test]
fn the_authority_of_others_is_not_ours_to_hand_out() {
    let Some(maker) = Maker::find() else { return };
    let server = maker.start();
    assert!(!server.banner.iter().any(|line| line.contains("trust")), "{:?}", server.banner);
    for path in ["/trust", "/ca.pem", "/ca.crt", "/ca.mobileconfig"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = maker.connect(&server).exchange(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    assert_eq!(fs::read_dir(&server.state.path).unwrap().count(), 0, "nothing is made");
}

/// What can be wrong with the files: its name, how it is brought about, and what is said of it.
type Fault = (&'static str, fn(&Maker), &'static [&'static str]);

const FAULTS: &[Fault] = &[
    ("no certificate", |maker| maker.remove("cert.pem"), &["tls_cert: ", "cert.pem: cannot be read: "]),
    (
        "no key",
        |maker| maker.remove("key.pem"),
        &["tls_key: ", "key.pem: cannot be read: there is no such file"],
    ),
    (
        "a certificate that is text",
        |maker| maker.write("cert.pem", "hello"),
        &["there is no certificate in it"],
    ),
    ("an empty certificate", |maker| maker.write("cert.pem", ""), &["there is no certificate in it"]),
    ("half a certificate", |maker| maker.cut("cert.pem"), &["cert.pem", "the certificate is not PEM"]),
    ("a key that is text", |maker| maker.write("key.pem", "hello"), &["there is no private key in it"]),
    ("half a key", |maker| maker.cut("key.pem"), &["key.pem", "the key is not PEM"]),
    (
        "a certificate of bytes",
        |maker| maker.write("cert.pem", "-----BEGIN CERTIFICATE-----\nAQIDBA==\n-----END CERTIFICATE-----\n"),
        &["tls_cert: ", "a certificate that cannot be read"],
    ),
    (
        "a key of bytes",
        |maker| maker.write("key.pem", "-----BEGIN PRIVATE KEY-----\nAQIDBA==\n-----END PRIVATE KEY-----\n"),
        &["key.pem"],
    ),
    (
        "another's key",
        |maker| {
            maker.openssl.make_key("other.key");
            maker.install("one.pem", "other.key");
        },
        &["they do not belong together"],
    ),
    (
        "an authority first in the chain",
        |maker| maker.install("root.pem", "ec.key"),
        &["they do not belong together"],
    ),
    (
        "files in each other's place",
        |maker| maker.install("ec.key", "one.pem"),
        &["there is no certificate in it"],
    ),
    (
        "an expired certificate",
        |maker| maker.at("3 days ago", "2 days ago"),
        &["tls_cert: ", "it has expired on 2"],
    ),
    (
        "one of next year",
        |maker| maker.at("tomorrow", "next year"),
        &["tls_cert: ", "it is not valid before 2"],
    ),
    (
        "an encrypted key",
        |maker| {
            maker.openssl.run("pkcs8 -topk8 -in ec.key -out secret.key -passout pass:secret");
            maker.install("one.pem", "secret.key");
        },
        &["key.pem", "encrypted"],
    ),
    ("a key for everybody", |maker| maker.chmod("key.pem", 0o644), &["tls_key: ", "; run: chmod 600 "]),
    (
        "an encrypted key of old",
        |maker| {
            maker.openssl.run("ec -in ec.key -out secret.key -aes128 -passout pass:secret");
            maker.install("one.pem", "secret.key");
        },
        &["key.pem", "encrypted"],
    ),
];

impl Maker {
    fn remove(&self, name: &str) {
        fs::remove_file(self.openssl.path(name)).unwrap();
    }

    fn cut(&self, name: &str) {
        let text = self.openssl.read(name);
        self.write(name, &text[..text.len() / 2]);
    }

    /// Installs a certificate that is valid in this time, as `date` understands it.
    fn at(&self, from: &str, until: &str) {
        let [from, until] = [from, until].map(|day| {
            let output = Command::new("date").args(["-u", "-d", day, "+%y%m%d%H%M%SZ"]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        });
        self.openssl.write("index", "");
        self.openssl.write("serial", "01\n");
        let database =
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n";
        self.openssl.write("ca.conf", &format!("{database}policy=p\n[p]\ncommonName=supplied\n"));
        self.openssl.run(&format!(
            "ca -batch -notext -config ca.conf -cert root.pem -keyfile root.key -in one.csr -out then.pem -extfile one.ext \
             -startdate {from} -enddate {until}"
        ));
        self.install("then.pem", "ec.key");
    }
}

#[test]
fn files_that_cannot_be_used_end_the_start_with_one_line_that_says_why() {
    for (name, spoil, expected) in FAULTS {
        let Some(maker) = Maker::find() else { return };
        spoil(&maker);
        let (code, complaint) = maker.refused();
        assert_eq!((code, complaint.lines().count()), (1, 1), "{name}: {complaint}");
        assert!(complaint.starts_with("suzu: "), "{name}: {complaint}");
        for part in *expected {
            assert!(complaint.contains(part), "{name}: {part:?} is missing in {complaint}");
        }
    }
}

#[test]
fn one_file_without_the_other_and_files_that_would_not_be_used_are_refused() {
    let Some(maker) = Maker::find() else { return };
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| maker.openssl.arg(name));
    let state = TempDir::new();
    for (args, expected) in [
        (&["--tls", "files"][..], "tls_cert: it is missing"),
        (&["--tls", "files", "--tls-cert", &cert], "tls_key: it is missing"),
        (&["--tls", "files", "--tls-key", &key], "tls_cert: it is missing"),
        (
            &["--tls-cert", &cert, "--tls-key", &key],
            "tls_cert: it would not be used; allowed with tls = files",
        ),
        (&["--tls", "off", "--tls-key", &key], "tls_key: it would not be used"),
        (&["--tls", "off", "--require-tls", "true"], "require_tls: there is no TLS with tls = off"),
    ] {
        let (code, complaint) = refused(suzu(&state.path, args));
        assert_eq!((code, complaint.lines().count()), (2, 1), "{args:?}: {complaint}");
        assert!(complaint.starts_with(&format!("suzu: {expected}")), "{args:?}: {complaint}");
    }
}

#[test]
fn at_a_reload_the_good_are_taken_and_the_bad_are_not_and_say_why() {
    let Some(maker) = Maker::find() else { return };
    maker.another("two");
    let server = maker.start();
    let mut bystanders = Bystanders::of([(); 2].map(|()| maker.connect(&server).upgraded().seated("stay")));
    for (name, spoil, expected) in FAULTS {
        spoil(&maker);
        let before = server.whole_log().len();
        reload(&server, KEPT);
        let log = server.whole_log().split_off(before);
        let error =
            log.lines().find(|line| line.starts_with("ERROR")).unwrap_or_else(|| panic!("{name}: {log}"));
        assert!(expected.iter().all(|part| error.contains(part)), "{name}: {error}");
        assert!(maker.is_shown(&server, "one.pem"), "{name}: the old one stays");
        maker.install("one.pem", "ec.key");
        bystanders.exchange();
    }
    maker.install("two.pem", "ec.key");
    reload(&server, TAKEN);
    assert!(maker.is_shown(&server, "two.pem"), "a good one is taken afterwards");
    bystanders.exchange();
}

#[test]
fn files_that_change_are_read_without_a_signal() {
    let Some(maker) = Maker::find() else { return };
    let server = maker.start();
    maker.another("two");
    maker.install("two.pem", "ec.key");
    // The server looks when somebody comes.
    wait_until("the new certificate", || maker.is_shown(&server, "two.pem"));
    assert_eq!(count(&server, TAKEN), 1);
}

#[test]
fn a_client_that_comes_again_after_a_reload_resumes() {
    let Some(maker) = Maker::find() else { return };
    let server = maker.start();
    let config = maker.trusting();
    let connect = || Wire::over(shake_hands(tcp(server.address), &config, "127.0.0.1").unwrap());
    assert!(connect().exchange(WELL).starts_with("HTTP/1.1 200 "));
    maker.another("two");
    maker.install("two.pem", "ec.key");
    reload(&server, TAKEN);
    assert_eq!(connect().stream.conn.handshake_kind(), Some(HandshakeKind::Resumed));
}

#[test]
fn a_hundred_connections_live_through_ten_swaps() {
    let Some(maker) = Maker::find() else { return };
    let server = maker.start();
    let seat = |room: usize| {
        Bystanders::of([(); 2].map(|()| maker.connect(&server).upgraded().seated(&format!("room {room}"))))
    };
    let mut pairs: Vec<_> = (0..50).map(seat).collect();
    for swap in 0..10 {
        let name = format!("swap{swap}");
        maker.another(&name);
        maker.install(&format!("{name}.pem"), "ec.key");
        reload(&server, TAKEN);
        pairs.iter_mut().for_each(Bystanders::exchange);
        assert!(maker.is_shown(&server, &format!("{name}.pem")), "newcomers get the new one");
    }
    assert_eq!(count(&server, TAKEN), 10);
    assert_eq!(count(&server, "closed with"), 0, "{}", server.whole_log());
}
