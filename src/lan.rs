//! Which addresses and names belong to a local network and never to the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The ranges: the first address, and how many bits of it count. Loopback (RFC 1122, RFC 4291), private (RFC 1918), link-local (RFC 3927,
/// RFC 4291) and unique local addresses (RFC 4193).
pub const RANGES: [(IpAddr, u8); 8] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// The domains that are never delegated on the internet, or only used at home: `localhost` (RFC 6761), `local` (RFC 6762), `home.arpa`
/// (RFC 8375), `internal` (ICANN resolution 2024.07.29.06) and `lan`, which routers use.
pub const DOMAINS: [&str; 5] = ["localhost", "local", "lan", "home.arpa", "internal"];

/// Whether an address is in one of [`RANGES`].
pub fn is_local(address: IpAddr) -> bool {
    RANGES.iter().any(|(range, bits)| contains(*range, *bits, address.to_canonical()))
}

pub(crate) fn contains(range: IpAddr, bits: u8, address: IpAddr) -> bool {
    let differs = match (range, address) {
        (IpAddr::V4(range), IpAddr::V4(address)) => u128::from(range.to_bits() ^ address.to_bits()) << 96,
        (IpAddr::V6(range), IpAddr::V6(address)) => range.to_bits() ^ address.to_bits(),
        _ => return false,
    };
    differs.leading_zeros() >= u32::from(bits)
}

/// Whether something is a host name as it can stand in a certificate: letters, digits and hyphens in labels of at most 63, no wildcard, and not
/// an address (RFC 1123 section 2.1, RFC 5280 section 4.2.1.6).
pub fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253 && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(is_number)
}

/// Whether a name with no dot in it could ever be a top-level domain of the internet: these are letters only, or begin with `xn--` (RFC 3696
/// section 2, RFC 5890 section 2.3.2.1).
pub fn can_be_top_level(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_alphabetic()) || label.to_ascii_lowercase().starts_with("xn--")
}

/// Whether a name can only be meant on a local network: one without a dot, or below one of [`DOMAINS`]. One dot at the end is passed over but
/// for a name that has no other: `kitchen` is looked up here, `kitchen.` is a top-level domain of the internet.
pub fn is_local_name(name: &str) -> bool {
    let is_below = |name: &str, domain: &str| {
        let start = name.len().checked_sub(domain.len());
        let end = start.and_then(|start| Some((name.get(..start)?, name.get(start..)?)));
        end.is_some_and(|(rest, end)| {
            end.eq_ignore_ascii_case(domain) && (rest.is_empty() || rest.ends_with('.'))
        })
    };
    let absolute = name.strip_suffix('.');
    let is_single_label = !name.is_empty() && absolute.is_none() && !name.contains('.');
    is_single_label || DOMAINS.iter().any(|domain| is_below(absolute.unwrap_or(name), domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_they_should() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("128.0.0.1", false),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("172.15.255.255", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("192.168.0.1", true),
            ("192.169.0.1", false),
            ("169.254.1.1", true),
            ("100.64.0.1", false),
            ("8.8.8.8", false),
            ("0.0.0.0", false),
            ("::1", true),
            ("::2", false),
            ("fd12::1", true),
            ("fe80::1", true),
            ("fec0::1", false),
            ("2001:db8::1", false),
            ("::ffff:192.168.1.1", true),
            ("::ffff:8.8.8.8", false),
        ] {
            assert_eq!(is_local(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_host_name_is_told_from_one() {
        let long = "x".repeat(64);
        for (name, expected) in [
            ("box", true),
            ("Pi-4.local", true),
            ("4pi", true),
            ("1234", false),
            ("10.1", false),
            ("192.168.1.5", false),
            ("-x1", false),
            ("x1-", false),
            ("my box", false),
            ("k\u{fc}che", false),
            ("a..b", false),
            ("*.lan", false),
            ("box.", false),
            ("", false),
            (&*long, false),
        ] {
            assert_eq!(is_host_name(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_with_a_digit_is_no_domain_of_the_internet() {
        for (label, expected) in
            [("kitchen", true), ("dev", true), ("xn--p1ai", true), ("pi4", false), ("door-station", false)]
        {
            assert_eq!(can_be_top_level(label), expected, "{label}");
        }
    }

    #[test]
    fn names_that_are_never_looked_up_on_the_internet() {
        for (name, expected) in [
            ("localhost", true),
            ("LocalHost", true),
            ("localhost.", true),
            ("app.localhost", true),
            ("localhost.evil.example", false),
            ("evillocalhost.example", false),
            ("kitchen", true),
            ("kitchen.", false),
            ("kitchen.local", true),
            ("kitchen.LOCAL.", true),
            ("kitchen.local..", false),
            ("notlocal", true),
            ("not.mylocal", false),
            ("box.home.arpa", true),
            ("home.arpa", true),
            ("arpa", true),
            ("box.arpa", false),
            ("x.evilhome.arpa", false),
            ("box.lan", true),
            ("db.internal", true),
            ("example.com", false),
            ("", false),
            (".", false),
        ] {
            assert_eq!(is_local_name(name), expected, "{name:?}");
        }
    }
}
