//! What this machine is called, where it can be reached, and where it lets us keep something.

use crate::net::certificates::Host;
use std::{env, fs, net::IpAddr, path::PathBuf};

/// What this machine is called now.
pub fn look() -> Host {
    Host { name: name(), addresses: addresses() }
}

/// The host name, if it has one.
fn name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty() && name != "(none)").then(|| name.to_owned())
}

/// The addresses of all interfaces, loopback included.
pub fn addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        log::warn!("the addresses of this machine cannot be read: {error}");
        Vec::new()
    });
    interfaces.iter().map(|interface| interface.ip()).collect()
}

/// The state directory: systemd's (which may name several), the user's by the XDG base directory specification, or the one that is its
/// default.
pub fn state_dir() -> Option<PathBuf> {
    let of = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let systemd = of("STATE_DIRECTORY").and_then(|list| env::split_paths(&list).next());
    systemd
        .or_else(|| of("XDG_STATE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("suzu")))
        .or_else(|| of("HOME").map(|home| home.join(".local/state/suzu")))
}
