//! What the program says when it is ready: where it can be reached, and how others come to trust it.

use std::{
    fmt::Write,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use suzu::{
    config::{Config, TlsMode},
    host::machine,
    http::{pages::fingerprint, routes::Purpose},
    lan,
    net::address::Address,
    server::Server,
};

/// Each address that is listened on, the authority, what to open elsewhere and what to open here; with a QR code of the former for people in
/// front of a terminal.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn text(server: &Server, is_terminal: bool) -> io::Result<String> {
    let listening = server.local_addresses()?;
    let mut text = String::new();
    let also = if server.has_tls() { ", and https" } else { "" };
    // Writing to a String cannot fail.
    for (purpose, address) in &listening {
        let _ = match (purpose, address) {
            (Purpose::Public, Address::Ip(address)) => writeln!(text, "listening on http://{address}{also}"),
            (Purpose::Public, Address::Unix(_)) => writeln!(text, "listening on {address}"),
            (Purpose::Metrics, Address::Ip(address)) => writeln!(text, "metrics at http://{address}/metrics"),
            (Purpose::Metrics, Address::Unix(_)) => writeln!(text, "metrics at {address}"),
            (Purpose::Admin, address) => writeln!(text, "looked after by {address}"),
        };
    }
    let addresses: Vec<_> = listening
        .iter()
        .filter(|(purpose, _)| *purpose == Purpose::Public)
        .filter_map(|(_, address)| address.ip())
        .collect();
    let elsewhere = addresses.iter().find_map(|address| elsewhere(*address, &machine::addresses()));
    if let Some(authority) = server.authority() {
        let host = elsewhere.clone().unwrap_or_else(|| local(&addresses));
        let _ = writeln!(text, "devices come to trust it by http://{host}/trust: {}", authority.name);
        let _ = writeln!(text, "SHA-256 {}", fingerprint(&authority.sha256));
    }
    if let (true, Some(host)) = (server.has_tls(), &elsewhere) {
        let url = format!("https://{host}/");
        let _ = writeln!(text, "from other devices {url}");
        if is_terminal {
            text.push_str(&qr_code(&url));
        }
    }
    let _ = writeln!(text, "open http://{}/", local(&addresses));
    Ok(text)
}

/// Where a server with this configuration is reached by others, or else from here.
pub(crate) fn base_url(config: &Config) -> String {
    let scheme = if config.tls == TlsMode::Off { "http" } else { "https" };
    let listen: Vec<_> = config.listen.iter().filter_map(Address::ip).collect();
    let elsewhere = listen.iter().find_map(|address| elsewhere(*address, &machine::addresses()));
    format!("{scheme}://{}", elsewhere.unwrap_or_else(|| local(&listen)))
}

/// Host and port by which other machines reach an address, if they do: of several the first, IPv4 before IPv6, since people may have to type it.
fn elsewhere(listening: SocketAddr, interfaces: &[IpAddr]) -> Option<String> {
    let port = listening.port();
    if !listening.ip().is_unspecified() {
        return (!listening.ip().is_loopback()).then(|| listening.to_string());
    }
    let is_useful = |address: &&IpAddr| {
        let is_link_local = match address {
            IpAddr::V4(address) => address.is_link_local(),
            // Browsers take no zone, without which such an address means nothing.
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        lan::is_local(**address) && !address.is_loopback() && !is_link_local
    };
    let mut useful: Vec<_> = interfaces.iter().filter(is_useful).collect();
    useful.retain(|address| listening.is_ipv6() || address.is_ipv4());
    useful.sort_by_key(|address| address.is_ipv6());
    useful.first().map(|address| SocketAddr::new(**address, port).to_string())
}

/// What a browser on this machine calls the first address.
fn local(addresses: &[SocketAddr]) -> String {
    let Some(address) = addresses.first() else { return "localhost".to_owned() };
    // `localhost` where it is the same, since browsers trust it.
    let is_local = address.ip().is_unspecified()
        || address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)
        || address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST);
    if is_local { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// A QR code of half blocks, two modules in a character, dark on light whatever the terminal's colours are.
#[cfg(feature = "tls")]
pub(crate) fn qr_code(text: &str) -> String {
    use qrcodegen::{QrCode, QrCodeEcc};
    // Four light modules around it (ISO/IEC 18004 section 6.3.8).
    const QUIET: i32 = 4;
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Low) else { return String::new() };
    let end = code.size() + QUIET;
    let mut drawn = String::new();
    for y in (-QUIET..end).step_by(2) {
        drawn.push_str("\x1b[30;107m");
        for x in -QUIET..end {
            drawn.push(match (code.get_module(x, y), code.get_module(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        drawn.push_str("\x1b[0m\n");
    }
    drawn
}

#[cfg(not(feature = "tls"))]
pub(crate) fn qr_code(_: &str) -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_an_address_that_reaches_here() {
        let interfaces: Vec<IpAddr> = ["127.0.0.1", "fe80::1", "fd00::5", "203.0.113.9", "192.168.1.5"]
            .map(|a| a.parse().unwrap())
            .into();
        for (listening, expected) in [
            ("[::]:3000", Some("192.168.1.5:3000")),
            ("0.0.0.0:3000", Some("192.168.1.5:3000")),
            ("127.0.0.1:3000", None),
            ("[::1]:3000", None),
            ("10.0.0.1:80", Some("10.0.0.1:80")),
        ] {
            assert_eq!(
                elsewhere(listening.parse().unwrap(), &interfaces).as_deref(),
                expected,
                "{listening}"
            );
        }
        assert_eq!(elsewhere("[::]:1".parse().unwrap(), &interfaces[..3]).as_deref(), Some("[fd00::5]:1"));
        assert_eq!(elsewhere("[::]:1".parse().unwrap(), &interfaces[..2]), None);
    }

    #[test]
    fn this_machine_is_told_localhost_where_it_can() {
        for (listening, expected) in
            [("[::]:3000", "localhost:3000"), ("127.0.0.1:1", "localhost:1"), ("10.0.0.1:80", "10.0.0.1:80")]
        {
            assert_eq!(local(&[listening.parse().unwrap()]), expected);
        }
    }
}
