//! Networks: addresses that begin with the same bits, and from which of them clients may come.

use crate::lan::{RANGES, contains, is_local};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The addresses that begin with the same bits (CIDR, RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it. An IPv4-mapped address is in IPv4 networks only.
    pub fn contains(&self, address: IpAddr) -> bool {
        contains(self.first, self.bits, address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `192.168.1.0/24`, `fd00::/8`, or an address, which is a network of one. An IPv4-mapped network of 96 bits or more is the IPv4
    /// network that it maps.
    ///
    /// # Errors
    /// What was wrong, and what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let first: IpAddr = address.parse().map_err(|_| {
            format!("{text:?} is not a network; allowed: an address, or one with bits as 192.168.1.0/24 or fd00::/8")
        })?;
        let width = width(first);
        let is_number = |bits: &&str| bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = match bits {
            None => width,
            Some(bits) => Some(bits)
                .filter(is_number)
                .and_then(|bits| bits.parse().ok())
                .filter(|bits| *bits <= width)
                .ok_or_else(|| format!("{text:?} has wrong bits; allowed after {address}: /0 to /{width}"))?,
        };
        let (first, bits) = match (first.to_canonical(), bits.checked_sub(96)) {
            (mapped @ IpAddr::V4(_), Some(bits)) if first.is_ipv6() => (mapped, bits),
            _ => (first, bits),
        };
        let network = Self { first: masked(first, bits), bits };
        if network.first == first {
            Ok(network)
        } else {
            Err(format!("{text:?} is an address within a network; allowed: {network} or {first}"))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, bits } = self;
        if *bits == width(*first) { write!(f, "{first}") } else { write!(f, "{first}/{bits}") }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// An address with zeros after its first bits.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(bits)).unwrap_or_default();
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(bits)).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// From where clients may come at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowFrom {
    /// From [`RANGES`].
    #[default]
    Lan,
    /// From anywhere.
    Any,
    /// From these networks only; of this machine itself they say nothing unless they contain it.
    Networks(Vec<Network>),
}

impl AllowFrom {
    /// Whether a client may come from this address.
    pub fn admits(&self, address: IpAddr) -> bool {
        match self {
            Self::Lan => is_local(address),
            Self::Any => true,
            Self::Networks(networks) => networks.iter().any(|network| network.contains(address)),
        }
    }
}

impl FromStr for AllowFrom {
    type Err = String;

    /// Reads `lan`, `any`, or a list of networks, in which `lan` stands for all of [`RANGES`].
    ///
    /// # Errors
    /// What was wrong, and what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "lan" => return Ok(Self::Lan),
            "any" => return Ok(Self::Any),
            _ => {}
        }
        let mut networks = Vec::new();
        for item in text.split(',') {
            match item.trim() {
                "lan" => networks.extend(RANGES.map(|(first, bits)| Network { first, bits })),
                "any" => return Err("\"any\" stands alone; allowed: any, or a list of networks".to_owned()),
                item => networks.push(item.parse()?),
            }
        }
        Ok(Self::Networks(networks))
    }
}

impl fmt::Display for AllowFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lan => f.write_str("lan"),
            Self::Any => f.write_str("any"),
            Self::Networks(networks) => {
                for (place, network) in networks.iter().enumerate() {
                    write!(f, "{}{network}", if place == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_begins_as_they_do() {
        for (network, address, expected) in [
            ("192.168.1.0/24", "192.168.1.255", true),
            ("192.168.1.0/24", "192.168.2.0", false),
            ("192.168.1.0/24", "::ffff:192.168.1.7", true),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("0.0.0.0/0", "::ffff:8.8.8.8", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "8.8.8.8", false),
            ("::/0", "::ffff:8.8.8.8", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fc12::1", false),
            ("2001:db8::/33", "2001:db8:7fff::", true),
            ("2001:db8::/33", "2001:db8:8000::", false),
            ("::1", "::1", true),
            ("::1", "127.0.0.1", false),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("::ffff:10.0.0.0/104", "11.0.0.0", false),
            ("::ffff:0.0.0.0/96", "8.8.8.8", true),
        ] {
            let contains = network.parse::<Network>().unwrap().contains(address.parse().unwrap());
            assert_eq!(contains, expected, "{address} in {network}");
        }
    }

    #[test]
    fn networks_are_shown_as_they_are_written_and_what_is_none_says_what_would_be() {
        for text in ["192.168.1.0/24", "192.168.1.7", "0.0.0.0/0", "fd00::/8", "::/0", "::1", "10.0.0.0/31"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for (text, shown) in
            [("10.0.0.1/32", "10.0.0.1"), ("::1/128", "::1"), ("::ffff:10.0.0.0/104", "10.0.0.0/8")]
        {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
        let none = "is not a network; allowed: an address, or one with bits as 192.168.1.0/24 or fd00::/8";
        let wrong = "has wrong bits; allowed after";
        for (text, expected) in [
            ("", none),
            ("home", none),
            ("10.0.0/8", none),
            ("192.168.1", none),
            ("010.0.0.0/8", none),
            ("10.0.0.0:80", none),
            ("fe80::1%eth0/64", none),
            ("/24", none),
            ("10.0.0.0/", wrong),
            ("10.0.0.0/33", "allowed after 10.0.0.0: /0 to /32"),
            ("10.0.0.0/-1", wrong),
            ("10.0.0.0/+8", wrong),
            ("10.0.0.0/255.0.0.0", wrong),
            ("10.0.0.0/8/8", wrong),
            ("::/129", "allowed after ::: /0 to /128"),
            ("192.168.1.5/24", "within a network; allowed: 192.168.1.0/24 or 192.168.1.5"),
            ("fd00::1/8", "within a network; allowed: fd00::/8 or fd00::1"),
            ("1.2.3.4/0", "within a network; allowed: 0.0.0.0/0 or 1.2.3.4"),
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.starts_with(&format!("{text:?} ")) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn clients_come_from_where_they_may() {
        for (setting, address, expected) in [
            ("lan", "192.168.1.5", true),
            ("lan", "::ffff:10.1.1.1", true),
            ("lan", "fe80::1", true),
            ("lan", "127.0.0.1", true),
            ("lan", "100.64.0.1", false),
            ("lan", "8.8.8.8", false),
            ("lan", "2001:db8::1", false),
            ("any", "8.8.8.8", true),
            ("any", "2001:db8::1", true),
            ("10.0.0.0/8, fd00::/8", "10.1.1.1", true),
            ("10.0.0.0/8, fd00::/8", "fd00::1", true),
            ("10.0.0.0/8, fd00::/8", "192.168.1.5", false),
            ("10.0.0.0/8, fd00::/8", "127.0.0.1", false),
            ("lan,100.64.0.0/10", "100.64.0.1", true),
            ("lan,100.64.0.0/10", "192.168.1.5", true),
            ("lan,100.64.0.0/10", "8.8.8.8", false),
        ] {
            let admits = setting.parse::<AllowFrom>().unwrap().admits(address.parse().unwrap());
            assert_eq!(admits, expected, "{address} with allow_from = {setting}");
        }
        for setting in ["lan", "any", "10.0.0.0/8,fd00::/8"] {
            assert_eq!(setting.parse::<AllowFrom>().unwrap().to_string(), setting);
        }
        for setting in ["", "LAN", "10.0.0.0/8,any", "10.0.0.0/8,", "wlan"] {
            assert!(setting.parse::<AllowFrom>().is_err(), "{setting:?}");
        }
    }
}
