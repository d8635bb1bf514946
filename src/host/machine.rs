//! What this machine is called, where it can be reached, and where it lets us keep something.

use crate::net::certificates::Host;
use std::{env, fs, io, net::IpAddr, path::PathBuf};

/// What this machine is called now. What cannot be read is what was known: without a free descriptor nothing can be.
pub fn look(known: &Host) -> Host {
    Host {
        name: name().unwrap_or_else(|_| known.name.clone()),
        addresses: read_addresses().unwrap_or_else(|_| known.addresses.clone()),
    }
}

/// The host name, if it has one.
fn name() -> io::Result<Option<String>> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")?;
    let name = name.trim();
    Ok((!name.is_empty() && name != "(none)").then(|| name.to_owned()))
}

/// The addresses of all interfaces, loopback included.
pub fn addresses() -> Vec<IpAddr> {
    read_addresses().unwrap_or_default()
}

fn read_addresses() -> io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()
        .inspect_err(|error| log::warn!("the addresses of this machine cannot be read: {error}"))?;
    Ok(interfaces.iter().map(|interface| interface.ip()).collect())
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
