//! Which names and addresses a certificate is for.

use crate::lan;
use rustls::pki_types::{DnsName, IpAddr as PkiIpAddr, ServerName};
use std::net::IpAddr;

/// A machine with more addresses has them from containers and the like.
const ADDRESSES_MAX: usize = 64;

/// What the certificate of this machine should be for: each non-public address, the host's name as it is and below `.local`, `localhost`, and
/// the names that were configured.
pub(super) fn wanted(
    host: Option<&str>,
    addresses: &[IpAddr],
    configured: &[String],
) -> Vec<ServerName<'static>> {
    let mut names = vec!["localhost".to_owned()];
    if let Some(host) = host.filter(|host| lan::is_host_name(host)) {
        names.push(host.to_owned());
        let (label, _) = host.split_once('.').unwrap_or((host, ""));
        names.push(format!("{label}.local"));
    }
    names.extend(configured.iter().cloned());
    let dns = names
        .into_iter()
        .filter_map(|name| DnsName::try_from(name.to_ascii_lowercase()).ok().map(ServerName::DnsName));
    let loopback = ["127.0.0.1", "::1"].into_iter().filter_map(|address| address.parse().ok());
    let ip = loopback.chain(addresses.iter().copied()).map(|address| address.to_canonical());
    let ip = ip.filter(|address| lan::is_local(*address)).map(|a| ServerName::IpAddress(PkiIpAddr::from(a)));
    let mut wanted: Vec<ServerName<'static>> = Vec::new();
    for name in dns.chain(ip.take(ADDRESSES_MAX)) {
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    wanted
}

/// The domains that an authority may sign for, besides those of every local network: what was configured, and the host's own name if it cannot
/// be a domain of the internet. (A host called `kitchen` must not make phones trust this authority for `*.kitchen`, which exists.)
pub(super) fn permitted_domains(host: Option<&str>, configured: &[String]) -> Vec<String> {
    let can_be_own =
        |host: &&str| lan::is_host_name(host) && !host.contains('.') && !lan::can_be_top_level(host);
    let host = host.filter(can_be_own);
    let own = host.into_iter().map(str::to_ascii_lowercase);
    let mut domains: Vec<String> = lan::DOMAINS.into_iter().map(str::to_owned).collect();
    for domain in own.chain(configured.iter().map(|name| name.to_ascii_lowercase())) {
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    domains
}

/// A name as a person would write it.
pub(super) fn show(name: &ServerName<'_>) -> String {
    match name {
        ServerName::IpAddress(address) => IpAddr::from(*address).to_string(),
        name => name.to_str().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(host: Option<&str>, addresses: &[&str], configured: &[&str]) -> Vec<String> {
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let configured: Vec<String> = configured.iter().map(|name| (*name).to_owned()).collect();
        wanted(host, &addresses, &configured).iter().map(show).collect()
    }

    #[test]
    fn a_certificate_is_for_what_is_local() {
        let addresses = ["192.168.1.5", "8.8.8.8", "fe80::1", "2001:db8::1", "127.0.0.1"];
        assert_eq!(
            shown(Some("Pi4"), &addresses, &["Door.example.com"]),
            [
                "localhost",
                "pi4",
                "pi4.local",
                "door.example.com",
                "127.0.0.1",
                "::1",
                "192.168.1.5",
                "fe80::1"
            ]
        );
        assert_eq!(
            shown(Some("box.lan"), &[], &[]),
            ["localhost", "box.lan", "box.local", "127.0.0.1", "::1"]
        );
        assert_eq!(shown(Some("not a name"), &[], &[])[0], "localhost");
    }

    #[test]
    fn a_host_name_is_permitted_only_if_it_cannot_be_a_domain_of_the_internet() {
        let last = |host| permitted_domains(Some(host), &[]).pop().unwrap();
        assert_eq!(last("pi4"), "pi4");
        assert_eq!(last("kitchen"), "internal");
        assert_eq!(last("box.example.com"), "internal");
        assert_eq!(
            (last("k\u{fc}che4"), last("1234"), last("x1-")),
            ("internal".into(), "internal".into(), "internal".into())
        );
        assert_eq!(permitted_domains(None, &["a.example".to_owned()]).pop().unwrap(), "a.example");
    }
}
