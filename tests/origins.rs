//! Who is let in by where they come from: address, Host and Origin, against the settings.

use std::net::IpAddr;
use suzu::{
    http::origin::{Names, host_verdict, origin_verdict, verdict},
    networks::AllowFrom,
};

/// Settings as in a file, separated by semicolons, on a machine called pi4.
fn settings(text: &str) -> (AllowFrom, Names) {
    let own = ["pi4", "pi4.local"].map(str::to_owned).to_vec();
    let (mut allow_from, mut names) = (AllowFrom::default(), Names { own, allowed: Vec::new() });
    for (key, value) in text.split("; ").filter_map(|setting| setting.split_once(' ')) {
        match key {
            "allow_from" => allow_from = value.parse().unwrap(),
            "allow_origin" => names.allowed.push(value.parse().unwrap()),
            "tls_names" => names.own.push(value.to_owned()),
            _ => panic!("{key}"),
        }
    }
    (allow_from, names)
}

/// What refuses a request, or `ok`.
fn judge(host: Option<&str>, origin: Option<&str>, address: &str, text: &str) -> &'static str {
    let (allow_from, names) = settings(text);
    let address: IpAddr = address.parse().unwrap();
    if !allow_from.admits(address) {
        return "address";
    }
    let judged = match verdict(host, origin, &names) {
        Ok(()) => "ok",
        Err(foreign) => foreign.header,
    };
    let first = host_verdict(host, &names).and_then(|()| origin_verdict(origin, &names));
    assert_eq!(first.is_ok(), judged == "ok", "both headers are judged alike, alone or together");
    judged
}

const HERE: &str = "192.168.1.7";
const AWAY: &str = "203.0.113.9";
const BOX: &str = "192.168.1.5:3000";
const DOOR: &str = "door.example.com";

/// Where `-` stands for no header.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str, &str, &str)] = &[
    // Who may come at all.
    (BOX, "-", HERE, "", "ok"),
    (BOX, "-", "127.0.0.1", "", "ok"),
    (BOX, "-", "::1", "", "ok"),
    (BOX, "-", "::ffff:192.168.1.7", "", "ok"),
    (BOX, "-", "fe80::7", "", "ok"),
    (BOX, "-", AWAY, "", "address"),
    (BOX, "-", "::ffff:203.0.113.9", "", "address"),
    (BOX, "-", "2001:db8::9", "", "address"),
    (BOX, "-", "100.64.0.9", "", "address"),
    (BOX, "-", "100.64.0.9", "allow_from lan,100.64.0.0/10", "ok"),
    (BOX, "-", AWAY, "allow_from any", "ok"),
    (BOX, "-", AWAY, "allow_from 203.0.113.0/24", "ok"),
    (BOX, "-", HERE, "allow_from 203.0.113.0/24", "address"),
    ("evil.example", "http://evil.example", AWAY, "allow_origin *", "address"),
    // Without headers: no browser.
    ("-", "-", HERE, "", "ok"),
    ("-", "http://192.168.1.5:3000", HERE, "", "ok"),
    // Addresses as Host.
    ("192.168.1.5", "-", HERE, "", "ok"),
    ("10.0.0.1:65535", "-", HERE, "", "ok"),
    ("127.0.0.1:3000", "-", "127.0.0.1", "", "ok"),
    ("169.254.3.4", "-", HERE, "", "ok"),
    ("[::1]:3000", "-", "::1", "", "ok"),
    ("[fd00::5]", "-", HERE, "", "ok"),
    ("[FD00:0:0::5]:3000", "-", HERE, "", "ok"),
    ("[::ffff:192.168.1.5]:3000", "-", HERE, "", "ok"),
    ("[::ffff:c0a8:105]:3000", "-", HERE, "", "ok"),
    ("[::ffff:8.8.8.8]:3000", "-", HERE, "", "Host"),
    ("203.0.113.7:3000", "-", HERE, "", "Host"),
    ("203.0.113.7:3000", "-", AWAY, "allow_from any", "Host"),
    ("203.0.113.7:3000", "-", AWAY, "allow_from any; allow_origin 203.0.113.7", "ok"),
    ("[2001:db8::7]:3000", "-", HERE, "allow_origin 2001:db8::7", "ok"),
    ("[2001:db8::8]:3000", "-", HERE, "allow_origin 2001:db8::7", "Host"),
    ("0.0.0.0:3000", "-", "127.0.0.1", "", "Host"),
    ("[::]:3000", "-", "::1", "", "Host"),
    // Addresses in disguise.
    ("3232235781:3000", "-", HERE, "", "Host"),
    ("0xc0a80105", "-", HERE, "", "Host"),
    ("0300.0250.1.5", "-", HERE, "", "Host"),
    ("192.168.1.05", "-", HERE, "", "Host"),
    ("192.168.261", "-", HERE, "", "Host"),
    ("127.1", "-", "127.0.0.1", "", "Host"),
    ("192.168.1.5.", "-", HERE, "", "Host"),
    ("192.168.1.0x5", "-", HERE, "", "Host"),
    ("192.168.1.5.evil.example", "-", HERE, "", "Host"),
    ("192-168-1-5.evil.example", "-", HERE, "", "Host"),
    ("[fe80::1%25eth0]:3000", "-", HERE, "", "Host"),
    ("fd00::5", "-", HERE, "", "Host"),
    ("[192.168.1.5]", "-", HERE, "", "Host"),
    // Names as Host.
    ("localhost:3000", "-", "127.0.0.1", "", "ok"),
    ("LOCALHOST", "-", "127.0.0.1", "", "ok"),
    ("localhost.", "-", "127.0.0.1", "", "ok"),
    ("app.localhost:3000", "-", "127.0.0.1", "", "ok"),
    ("pi4:3000", "-", HERE, "", "ok"),
    ("PI4.Local.:3000", "-", HERE, "", "ok"),
    ("kitchen", "-", HERE, "", "ok"),
    ("kitchen.lan", "-", HERE, "", "ok"),
    ("kitchen.home.arpa", "-", HERE, "", "ok"),
    ("my_box.internal", "-", HERE, "", "ok"),
    ("ai.", "-", HERE, "", "Host"),
    ("evil.example", "-", HERE, "", "Host"),
    ("localhost.evil.example", "-", HERE, "", "Host"),
    ("pi4.local.evil.example:3000", "-", HERE, "", "Host"),
    ("evil-local", "-", HERE, "", "ok"),
    ("pi4.evillocal.example", "-", HERE, "", "Host"),
    (DOOR, "-", HERE, "", "Host"),
    (DOOR, "-", HERE, "tls_names door.example.com", "ok"),
    ("Door.Example.Com.:443", "-", HERE, "tls_names door.example.com", "ok"),
    ("x.door.example.com", "-", HERE, "tls_names door.example.com", "Host"),
    (DOOR, "-", HERE, "allow_origin door.example.com", "ok"),
    (DOOR, "-", HERE, "allow_origin *.example.com", "ok"),
    (DOOR, "-", HERE, "allow_origin https://door.example.com", "ok"),
    ("example.com", "-", HERE, "allow_origin *.example.com", "Host"),
    ("notexample.com", "-", HERE, "allow_origin *.example.com", "Host"),
    (".example.com", "-", HERE, "allow_origin *.example.com", "Host"),
    ("evil.example", "-", HERE, "allow_origin *", "ok"),
    // What is no Host.
    ("", "-", HERE, "", "Host"),
    (":3000", "-", HERE, "", "Host"),
    ("192.168.1.5:", "-", HERE, "", "Host"),
    ("192.168.1.5:0", "-", HERE, "", "Host"),
    ("192.168.1.5:65536", "-", HERE, "", "Host"),
    ("192.168.1.5:+80", "-", HERE, "", "Host"),
    ("192.168.1.5:80:80", "-", HERE, "", "Host"),
    ("192.168.1.5@evil.example", "-", HERE, "", "Host"),
    ("evil.example@192.168.1.5", "-", HERE, "", "Host"),
    ("192.168.1.5/evil.example", "-", HERE, "", "Host"),
    ("192.168.1.5, evil.example", "-", HERE, "", "Host"),
    ("http://192.168.1.5", "-", HERE, "", "Host"),
    ("pi4..local", "-", HERE, "", "Host"),
    ("%6cocalhost", "-", HERE, "", "Host"),
    ("l\u{f6}calhost", "-", HERE, "", "Host"),
    ("localhost\u{3002}", "-", HERE, "", "Host"),
    // Origins of the same network.
    (BOX, "http://192.168.1.5:3000", HERE, "", "ok"),
    (BOX, "https://192.168.1.5:3000", HERE, "", "ok"),
    (BOX, "http://192.168.1.9", HERE, "", "ok"),
    (BOX, "http://[fd00::5]:3000", HERE, "", "ok"),
    (BOX, "HTTP://LOCALHOST:8080", HERE, "", "ok"),
    (BOX, "https://pi4.local", HERE, "", "ok"),
    (BOX, "http://kitchen", HERE, "", "ok"),
    (BOX, "http://nas.home.arpa:8000", HERE, "", "ok"),
    // Origins elsewhere.
    (BOX, "https://evil.example", HERE, "", "Origin"),
    (BOX, "http://203.0.113.7", HERE, "", "Origin"),
    (BOX, "http://[2001:db8::7]", HERE, "", "Origin"),
    (BOX, "http://localhost.evil.example", HERE, "", "Origin"),
    (BOX, "http://192.168.1.5.evil.example", HERE, "", "Origin"),
    (BOX, "http://192.168.1.5.nip.io", HERE, "", "Origin"),
    (BOX, "https://xn--80ak6aa92e.com", HERE, "", "Origin"),
    ("evil.example:3000", "http://evil.example:3000", HERE, "", "Host"),
    // Origins in disguise, and what is none.
    (BOX, "http://192.168.1.5@evil.example", HERE, "", "Origin"),
    (BOX, "http://evil.example#@192.168.1.5", HERE, "", "Origin"),
    (BOX, "http://evil.example\\@192.168.1.5", HERE, "", "Origin"),
    (BOX, "http://evil.example/http://192.168.1.5", HERE, "", "Origin"),
    (BOX, "http://192.168.1.5:3000/", HERE, "", "Origin"),
    (BOX, "http://192.168.1.5 http://evil.example", HERE, "", "Origin"),
    (BOX, "http://3232235781", HERE, "", "Origin"),
    (BOX, "http://0x7f.0.0.1", HERE, "", "Origin"),
    (BOX, "http://0177.0.0.1", HERE, "", "Origin"),
    (BOX, "192.168.1.5:3000", HERE, "", "Origin"),
    (BOX, "//192.168.1.5:3000", HERE, "", "Origin"),
    (BOX, "http:/192.168.1.5", HERE, "", "Origin"),
    (BOX, "http://", HERE, "", "Origin"),
    (BOX, "", HERE, "", "Origin"),
    (BOX, "b\u{fc}cher.example", HERE, "", "Origin"),
    (BOX, "null", HERE, "", "Origin"),
    (BOX, "null", HERE, "allow_origin evil.example", "Origin"),
    (BOX, "null", HERE, "allow_origin *", "ok"),
    (BOX, "file://", HERE, "", "Origin"),
    (BOX, "file://localhost", HERE, "", "Origin"),
    (BOX, "file://", HERE, "allow_origin *", "ok"),
    // Applications and extensions.
    (BOX, "capacitor://localhost", HERE, "", "Origin"),
    (BOX, "capacitor://localhost", HERE, "allow_origin localhost", "Origin"),
    (BOX, "capacitor://localhost", HERE, "allow_origin capacitor://localhost", "ok"),
    (BOX, "chrome-extension://abcdefgh", HERE, "", "Origin"),
    (BOX, "chrome-extension://abcdefgh", HERE, "allow_origin chrome-extension://abcdefgh", "ok"),
    ("localhost", "-", HERE, "allow_origin capacitor://evil.example", "ok"),
    ("evil.example", "-", HERE, "allow_origin capacitor://evil.example", "Host"),
    // allow_origin.
    (BOX, "https://door.example.com", HERE, "allow_origin door.example.com", "ok"),
    (BOX, "http://door.example.com:8080", HERE, "allow_origin door.example.com", "ok"),
    (BOX, "https://DOOR.example.com.", HERE, "allow_origin door.example.com", "ok"),
    (BOX, "https://x.door.example.com", HERE, "allow_origin door.example.com", "Origin"),
    (BOX, "https://door.example.com", HERE, "allow_origin https://door.example.com", "ok"),
    (BOX, "https://door.example.com:443", HERE, "allow_origin https://door.example.com", "ok"),
    (BOX, "https://door.example.com:8443", HERE, "allow_origin https://door.example.com", "Origin"),
    (BOX, "http://door.example.com", HERE, "allow_origin https://door.example.com", "Origin"),
    (BOX, "http://door.example.com:443", HERE, "allow_origin https://door.example.com", "Origin"),
    (BOX, "https://door.example.com:8443", HERE, "allow_origin https://door.example.com:8443", "ok"),
    (BOX, "https://a.b.example.com", HERE, "allow_origin *.example.com", "ok"),
    (BOX, "https://example.com", HERE, "allow_origin *.example.com", "Origin"),
    (BOX, "https://example.com", HERE, "allow_origin *.example.com; allow_origin example.com", "ok"),
    (BOX, "https://evilexample.com", HERE, "allow_origin *.example.com", "Origin"),
    (BOX, "https://a.example.com.evil.example", HERE, "allow_origin *.example.com", "Origin"),
    (BOX, "https://door.example.com", HERE, "tls_names door.example.com", "ok"),
    (BOX, "https://203.0.113.7:8443", HERE, "allow_origin 203.0.113.7", "ok"),
    (BOX, "https://evil.example", HERE, "allow_origin *", "ok"),
    (BOX, "anything at all", HERE, "allow_origin *", "ok"),
];

#[test]
fn each_host_and_origin_gets_its_verdict() {
    assert!(TABLE.len() >= 80);
    let header = |text: &'static str| Some(text).filter(|text| *text != "-");
    for (host, origin, address, settings, expected) in TABLE {
        let judged = judge(header(host), header(origin), address, settings);
        assert_eq!(judged, *expected, "Host {host:?}, Origin {origin:?} from {address} with {settings:?}");
    }
}
