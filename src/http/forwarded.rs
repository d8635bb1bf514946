//! Who is behind a proxy: `X-Forwarded-For`, and `Forwarded` (RFC 7239), believed only as far as they were written by somebody who is trusted.
//!
//! Each proxy appends the address that it sees. So the hops are read from the right, and the first that is not a trusted proxy is the client;
//! whatever stands further left was written by the client itself. If both headers are there, `X-Forwarded-For` counts: that is what proxies write
//! unasked, and those that do let a client's own `Forwarded` through.

use crate::lan::Network;
use std::net::{IpAddr, SocketAddr};

/// The address of the client. `peer` is who is connected; each header's values are those of its lines, in their order.
///
/// It is the peer's own address if the peer is not trusted, if there is no header, and if a trusted proxy wrote something that is no address:
/// `unknown`, a made-up name (RFC 7239 section 6.3) or garbage.
pub fn client_address(
    peer: IpAddr,
    trusted: &[Network],
    x_forwarded_for: &[&str],
    forwarded: &[&str],
) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    let is_plain = !x_forwarded_for.is_empty();
    let lines = if is_plain { x_forwarded_for } else { forwarded };
    for hop in lines.iter().rev().flat_map(|line| FromTheRight(Some(line))) {
        // Empty elements of a list count for nothing (RFC 9110 section 5.6.1).
        if hop.is_empty() {
            continue;
        }
        let Some(address) = (if is_plain { node(hop) } else { forwarded_for(hop) }) else { return peer };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// The elements of a list, the last first; commas within quotes do not separate. From the right, since who writes on the left may leave a quote
/// open in order to hide what a proxy appends.
struct FromTheRight<'a>(Option<&'a str>);

impl<'a> Iterator for FromTheRight<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let mut is_quoted = false;
        let comma = rest.bytes().rposition(|byte| {
            is_quoted ^= byte == b'"';
            byte == b',' && !is_quoted
        });
        let (before, item) = match comma.and_then(|at| rest.split_at_checked(at)) {
            Some((before, item)) => (Some(before), item.trim_start_matches(',')),
            None => (None, rest),
        };
        self.0 = before;
        Some(item.trim())
    }
}

/// The `for` of one element of `Forwarded` (RFC 7239 section 4); `None` if it has none that is an address, or has two.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let is_for =
        |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let mut pairs = element.split(';').filter(is_for);
    let (_, value) = pairs.next()?.split_once('=')?;
    if pairs.next().is_some() {
        return None;
    }
    let value = value.trim();
    // No address needs a backslash: what has one is no address, however it is read.
    match value.strip_prefix('"') {
        Some(quoted) => node(quoted.strip_suffix('"')?),
        None => node(value),
    }
}

/// An address with or without a port, an IPv6 address with or without brackets; `None` if it is something else.
fn node(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    address.or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn client(peer: &str, x_forwarded_for: &[&str], forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        client_address(peer.parse().unwrap(), &trusted, x_forwarded_for, forwarded).to_string()
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_client() {
        for (peer, lines, expected) in [
            // Nobody else is believed.
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("::ffff:192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("192.0.2.1", &["10.0.0.1"], "192.0.2.1"),
            // A trusted proxy.
            (PROXY, &[], PROXY),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("fd00::5", &["198.51.100.7"], "198.51.100.7"),
            (PROXY, &["198.51.100.7"], "198.51.100.7"),
            (PROXY, &["  198.51.100.7 "], "198.51.100.7"),
            // Forged on the left.
            (PROXY, &["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            (PROXY, &["10.0.0.9,198.51.100.7"], "198.51.100.7"),
            (PROXY, &["<script>, 198.51.100.7"], "198.51.100.7"),
            (PROXY, &["127.0.0.1", "198.51.100.7"], "198.51.100.7"),
            (PROXY, &["\"127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            // Several trusted proxies.
            (PROXY, &["127.0.0.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (PROXY, &["198.51.100.7", "10.0.0.2, fd00::1"], "198.51.100.7"),
            (PROXY, &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // All ways to write an address.
            (PROXY, &["198.51.100.7:4711"], "198.51.100.7"),
            (PROXY, &["2001:db8::7"], "2001:db8::7"),
            (PROXY, &["[2001:db8::7]"], "2001:db8::7"),
            (PROXY, &["[2001:db8::7]:4711"], "2001:db8::7"),
            (PROXY, &["2001:DB8:0:0::7"], "2001:db8::7"),
            (PROXY, &["::ffff:198.51.100.7"], "198.51.100.7"),
            (PROXY, &["::ffff:10.0.0.2"], "10.0.0.2"),
            // What is no address.
            (PROXY, &["unknown"], PROXY),
            (PROXY, &["198.51.100.7, unknown"], PROXY),
            (PROXY, &["198.51.100.7, unknown, 10.0.0.2"], PROXY),
            (PROXY, &["_hidden"], PROXY),
            (PROXY, &["198.51.100.300"], PROXY),
            (PROXY, &["198.51.100.07"], PROXY),
            (PROXY, &["198.51.100.7:port"], PROXY),
            (PROXY, &["fe80::1%eth0"], PROXY),
            (PROXY, &["[198.51.100.7]"], PROXY),
            (PROXY, &["[2001:db8::7"], PROXY),
            (PROXY, &["198.51.100.7 10.0.0.2"], PROXY),
            (PROXY, &["\u{ff11}98.51.100.7"], PROXY),
            (PROXY, &[""], PROXY),
            (PROXY, &[" , ,"], PROXY),
            (PROXY, &["198.51.100.7, ,"], "198.51.100.7"),
        ] {
            assert_eq!(client(peer, lines, &[]), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        for (lines, expected) in [
            (&["for=198.51.100.7"][..], "198.51.100.7"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=\"[2001:db8:cafe::17]\""], "2001:db8:cafe::17"),
            (&["for=198.51.100.7;proto=http;by=203.0.113.43"], "198.51.100.7"),
            (&["proto=https; FOR = \"198.51.100.7:47011\" ;host=a"], "198.51.100.7"),
            (&["for=127.0.0.1, for=198.51.100.7"], "198.51.100.7"),
            (&["for=127.0.0.1", "for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
            (&["for=127.0.0.1;host=\"a,b\", for=198.51.100.7;host=\"c,d\""], "198.51.100.7"),
            (&["for=\"127.0.0.1, for=198.51.100.7"], "198.51.100.7"),
            (&["for=unknown"], PROXY),
            (&["for=198.51.100.7, for=unknown"], PROXY),
            (&["for=_gazonk"], PROXY),
            (&["for=\"_SEVKISEK\""], PROXY),
            (&["for=\"198.51.100.7"], PROXY),
            (&["for=198.51.100.7\""], PROXY),
            (&["for=\"198.51.100\\.7\""], PROXY),
            (&["for=198.51.100.7;for=127.0.0.1"], PROXY),
            (&["by=198.51.100.7"], PROXY),
            (&["for"], PROXY),
            (&["for="], PROXY),
            (&["198.51.100.7"], PROXY),
            (&["for=10.0.0.3"], "10.0.0.3"),
        ] {
            assert_eq!(client(PROXY, &[], lines), expected, "{lines:?}");
        }
        assert_eq!(client("192.0.2.1", &[], &["for=198.51.100.7"]), "192.0.2.1", "nobody else is believed");
    }

    #[test]
    fn a_forwarded_that_the_proxy_let_through_does_not_count() {
        assert_eq!(client(PROXY, &["198.51.100.7"], &["for=127.0.0.1"]), "198.51.100.7");
        assert_eq!(client(PROXY, &["unknown"], &["for=127.0.0.1"]), PROXY);
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        let client = client_address("127.0.0.1".parse().unwrap(), &[], &["8.8.8.8"], &["for=8.8.8.8"]);
        assert_eq!(client.to_string(), "127.0.0.1");
    }
}
