//! Webhooks by https: only a server with a certificate for its name, from an authority that the machine trusts, is asked anything.

#![cfg(feature = "tls")]

mod webhook_rig;

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use std::{
    env, fs,
    io::Write,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{Arc, mpsc::channel},
    time::Duration,
};
use suzu::net::webhook::{Fault, Limits, Target, ssl_cert_file};
use webhook_rig::{OK, Rig, Server, read_request, read_to_end};

/// An authority for one test, and the file that has its certificate.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let base64 = STANDARD.encode(certificate.der());
        let lines: Vec<_> =
            base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        let file = env::temp_dir().join(format!("suzu-webhook-{}-{name}.pem", std::process::id()));
        // What is no certificate between them is passed over, as bundles have it.
        let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(&file, format!("# an authority\n{odd}{pem}")).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// What a server for these names (or addresses) needs; its certificate is valid from 2020 to 2089.
    fn config(&self, names: &[&str], versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn rig(&self) -> Rig {
        Rig::with(Limits::default(), Some(self.file.clone()))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// A server that speaks TLS.
fn serve(config: Arc<ServerConfig>, handle: impl Fn(usize, Tls) + Send + Sync + 'static) -> Server {
    Server::at(Ipv4Addr::LOCALHOST, 0, move |index, tcp| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        handle(index, StreamOwned::new(connection, tcp));
    })
}

fn answering(config: Arc<ServerConfig>) -> Server {
    serve(config, |_, mut stream| {
        while read_request(&mut stream).is_some() {
            let _ = stream.write_all(OK).and_then(|()| stream.flush());
        }
    })
}

fn at(rig: &mut Rig, host: &str, server: &Server) -> Target {
    rig.target(&format!("https://{host}:{}/authn", server.address.port()))
}

fn status(rig: &mut Rig, target: Target) -> u16 {
    rig.ask(target).unwrap().status
}

#[test]
fn ten_questions_go_over_one_connection_with_either_version() {
    let authority = Authority::new("ten");
    let mut rig = authority.rig();
    for version in [&TLS12, &TLS13] {
        let server = answering(authority.config(&["localhost", "127.0.0.1"], &[version]));
        for host in ["localhost", "127.0.0.1"] {
            let target = at(&mut rig, host, &server);
            for _ in 0..10 {
                assert_eq!(status(&mut rig, target), 200);
            }
        }
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn a_certificate_for_another_name_or_from_another_authority_or_time_is_refused() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let versions = [&TLS13];
    for (config, wrong_by, words) in [
        (authority.config(&["elsewhere.test"], &versions), 0, "another name"),
        (other.config(&["localhost"], &versions), 0, "does not trust"),
        (authority.config(&["localhost"], &versions), 66 * 366 * 86_400, "expired"),
    ] {
        let server = serve(config, |_, mut stream| {
            assert_eq!(read_request(&mut stream), None, "nothing is asked");
        });
        let mut rig = authority.rig();
        rig.wrong_by = wrong_by;
        let target = at(&mut rig, "localhost", &server);
        let Err(Fault::Tls(wrong)) = rig.ask(target) else { panic!("{words}: it was not refused") };
        assert!(wrong.contains(words), "{words}: {wrong}");
        assert_eq!(server.connections(), 1, "it is not tried again");
    }
}

#[test]
fn a_clock_that_woke_up_in_1970_makes_no_certificate_too_young() {
    let authority = Authority::new("clock");
    let server = answering(authority.config(&["localhost"], &[&TLS13]));
    let mut rig = authority.rig();
    rig.wrong_by = i64::MIN;
    let target = at(&mut rig, "localhost", &server);
    assert_eq!((rig.now().unix, status(&mut rig, target)), (0, 200));
}

#[test]
fn what_speaks_no_tls_or_nothing_or_ends_too_early_is_said() {
    let authority = Authority::new("wrong");
    let mut rig = authority.rig();
    let plain = Server::start(|_, mut tcp| {
        let _ = tcp.write_all(OK);
        read_to_end(tcp);
    });
    let target = at(&mut rig, "localhost", &plain);
    let wrong = rig.ask(target).unwrap_err();
    assert!(matches!(&wrong, Fault::Tls(wrong) if wrong.contains("no TLS")), "{wrong}");
    let silent = Server::start(|_, tcp| read_to_end(tcp));
    let target = at(&mut rig, "localhost", &silent);
    rig.post(target, 0);
    rig.until("a connection", |_| (silent.connections() == 1).then_some(()));
    for _ in 0..3 {
        rig.turn();
    }
    rig.skip(Duration::from_secs(5));
    assert_eq!(rig.done().result, Err(Fault::Late("the TLS handshake")));
    // Somebody cut the connection: without the farewell of TLS, what came is not taken for all.
    let cutting = serve(authority.config(&["localhost"], &[&TLS13]), |_, mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"allowed\":").and_then(|()| stream.flush());
    });
    let target = at(&mut rig, "localhost", &cutting);
    let wrong = rig.ask(target).unwrap_err();
    assert!(matches!(wrong, Fault::Broken(_)), "{wrong}");
    let ending = serve(authority.config(&["localhost"], &[&TLS13]), |_, mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{}").and_then(|()| stream.flush());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    let target = at(&mut rig, "localhost", &ending);
    assert_eq!(rig.ask(target).unwrap().body, b"{}");
}

#[test]
fn a_question_that_crosses_the_end_of_an_idle_connection_is_asked_again() {
    let authority = Authority::new("cross");
    let server = serve(authority.config(&["localhost"], &[&TLS12, &TLS13]), |index, mut stream| {
        while read_request(&mut stream).is_some() {
            stream.write_all(OK).and_then(|()| stream.flush()).unwrap();
            if index == 0 {
                read_request(&mut stream);
                return;
            }
        }
    });
    let mut rig = authority.rig();
    let target = at(&mut rig, "localhost", &server);
    for _ in 0..3 {
        assert_eq!(status(&mut rig, target), 200);
    }
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_large_request_and_a_large_answer_go_through_tls() {
    let authority = Authority::new("large");
    let (length, received) = channel();
    let server = serve(authority.config(&["localhost"], &[&TLS13]), move |_, mut stream| {
        length.send(read_request(&mut stream).unwrap().len()).unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n{}", "x".repeat(65_536));
        stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).unwrap();
        read_to_end(stream);
    });
    let mut rig = authority.rig();
    let target = at(&mut rig, "localhost", &server);
    let now = rig.now();
    rig.hooks.post(target, [], &vec![b'x'; 1_000_000], 0, now).unwrap();
    assert_eq!(rig.done().result.unwrap().body.len(), 65_536);
    assert!(received.recv().unwrap() > 1_000_000);
}

#[test]
fn without_authorities_https_is_refused_before_anything_is_asked() {
    let empty = env::temp_dir().join(format!("suzu-webhook-{}-empty.pem", std::process::id()));
    fs::write(&empty, "nothing\n").unwrap();
    for file in [empty.clone(), empty.with_extension("missing")] {
        let mut rig = Rig::with(Limits::default(), Some(file));
        let now = rig.now();
        let wrong = rig.hooks.target("https://localhost/".parse().unwrap(), now).unwrap_err();
        assert!(wrong.starts_with("SSL_CERT_FILE: "), "{wrong}");
    }
    fs::remove_file(empty).unwrap();
}

#[test]
fn the_environment_names_the_authorities_and_a_reload_reads_them_again() {
    const NAME: &str = "the_environment_names_the_authorities_and_a_reload_reads_them_again";
    let authority = Authority::new("environment");
    if env::var_os("SUZU_WEBHOOK_CHILD").is_none() {
        // An environment cannot be changed safely while there are threads: another process has another.
        let mut child = Command::new(env::current_exe().unwrap());
        child.args([NAME, "--exact"]).env("SUZU_WEBHOOK_CHILD", "1");
        let output = child.env("SSL_CERT_FILE", authority.file.with_extension("copy")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let file = ssl_cert_file().unwrap();
    fs::copy(&authority.file, &file).unwrap();
    let server = answering(authority.config(&["localhost"], &[&TLS13]));
    let mut rig = Rig::with(Limits::default(), ssl_cert_file());
    let target = at(&mut rig, "localhost", &server);
    assert_eq!(status(&mut rig, target), 200);
    let other = Authority::new("environment-other");
    fs::copy(&other.file, &file).unwrap();
    let now = rig.now();
    rig.hooks.reload(now).unwrap();
    assert!(matches!(rig.ask(target), Err(Fault::Tls(_))));
    fs::remove_file(&file).unwrap();
    let now = rig.now();
    assert!(rig.hooks.reload(now).is_err());
}
