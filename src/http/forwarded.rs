//! Who is behind a proxy: `X-Forwarded-For`, and `Forwarded` (RFC 7239), believed only as far as they were written by somebody who is trusted.
//!
//! Each proxy appends the address that it sees. So the hops are read from the right, and the first that is not a trusted proxy is the client;
//! whatever stands further left was written by the client itself.

use crate::networks::Network;
use std::net::{IpAddr, SocketAddr};

/// The address of the client. `peer` is who is connected; each header's values are those of its lines, in their order.
///
/// It is the peer's own address if the peer is not trusted, or says nothing about anybody. `None` if a trusted proxy says something that is no
/// address (`unknown`, a made-up name (RFC 7239 section 6.3), garbage), or if both headers are there and say different things: one of them was
/// written by the client.
pub fn client_address(
    peer: IpAddr,
    trusted: &[Network],
    x_forwarded_for: &[&str],
    forwarded: &[&str],
) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let one = last_stranger(x_forwarded_for, node, is_trusted)?;
    let other = last_stranger(forwarded, forwarded_for, is_trusted)?;
    match (one, other) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => Some(one.or(other).unwrap_or(peer)),
    }
}

/// The rightmost hop that is not trusted, or else the leftmost; `Some(None)` if there is no hop, `None` if one on the way is no address.
#[expect(clippy::option_option, reason = "nothing said, and nothing to be made of it, are two things")]
fn last_stranger(
    lines: &[&str],
    address_of: impl Fn(&str) -> Option<IpAddr>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<Option<IpAddr>> {
    let mut client = None;
    for hop in lines.iter().rev().flat_map(|line| FromTheRight(Some(line))) {
        // Empty elements of a list count for nothing (RFC 9110 section 5.6.1).
        if hop.is_empty() {
            continue;
        }
        let address = address_of(hop)?;
        client = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    Some(client)
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
    // A semicolon within quotes does not separate; no address has one.
    if element.split('"').skip(1).step_by(2).any(|quoted| quoted.contains(';')) {
        return None;
    }
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
    const UNUSABLE: &str = "unusable";

    fn client(peer: &str, x_forwarded_for: &[&str], forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        client_address(peer.parse().unwrap(), &trusted, x_forwarded_for, forwarded)
            .map_or_else(|| UNUSABLE.to_owned(), |address| address.to_string())
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
            (PROXY, &["unknown"], UNUSABLE),
            (PROXY, &["198.51.100.7, unknown"], UNUSABLE),
            (PROXY, &["198.51.100.7, unknown, 10.0.0.2"], UNUSABLE),
            (PROXY, &["_hidden"], UNUSABLE),
            (PROXY, &["198.51.100.300"], UNUSABLE),
            (PROXY, &["198.51.100.07"], UNUSABLE),
            (PROXY, &["198.51.100.7:port"], UNUSABLE),
            (PROXY, &["fe80::1%eth0"], UNUSABLE),
            (PROXY, &["[198.51.100.7]"], UNUSABLE),
            (PROXY, &["[2001:db8::7"], UNUSABLE),
            (PROXY, &["198.51.100.7 10.0.0.2"], UNUSABLE),
            (PROXY, &["\u{ff11}98.51.100.7"], UNUSABLE),
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
            (&["for=unknown"], UNUSABLE),
            (&["for=198.51.100.7, for=unknown"], UNUSABLE),
            (&["for=_gazonk"], UNUSABLE),
            (&["for=\"_SEVKISEK\""], UNUSABLE),
            (&["for=\"198.51.100.7"], UNUSABLE),
            (&["for=198.51.100.7\""], UNUSABLE),
            (&["for=\"198.51.100\\.7\""], UNUSABLE),
            (&["for=198.51.100.7;for=127.0.0.1"], UNUSABLE),
            (&["by=198.51.100.7"], UNUSABLE),
            (&["for"], UNUSABLE),
            (&["for="], UNUSABLE),
            (&["198.51.100.7"], UNUSABLE),
            (&["for=8.8.8.8;by=\"a;for=1.2.3.4\""], UNUSABLE),
            (&["for=10.0.0.3"], "10.0.0.3"),
        ] {
            assert_eq!(client(PROXY, &[], lines), expected, "{lines:?}");
        }
        assert_eq!(client("192.0.2.1", &[], &["for=198.51.100.7"]), "192.0.2.1", "nobody else is believed");
    }

    #[test]
    fn two_headers_that_say_different_things_are_believed_neither() {
        assert_eq!(client(PROXY, &["198.51.100.7"], &["for=127.0.0.1"]), UNUSABLE);
        assert_eq!(client(PROXY, &["unknown"], &["for=127.0.0.1"]), UNUSABLE);
        assert_eq!(client(PROXY, &["198.51.100.7"], &["for=198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        let client = client_address("127.0.0.1".parse().unwrap(), &[], &["8.8.8.8"], &["for=8.8.8.8"]);
        assert_eq!(client, Some("127.0.0.1".parse().unwrap()));
    }
}
