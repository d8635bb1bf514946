//! The certificates of a machine that has nobody to vouch for it: an authority of its own, kept in the state directory, and a certificate
//! by it for the names that the machine has now.

use super::{
    authority::{Authority, Leaf, validity},
    names::{permitted_domains, show, wanted},
    state::StateDir,
};
use crate::net::certificates::{Host, Local};
use rustls::pki_types::ServerName;
use std::path::PathBuf;

/// The first that can be used is the authority.
const AUTHORITIES: [&str; 4] = ["authority.pem", "authority-2.pem", "authority-3.pem", "authority-4.pem"];
const LEAF: &str = "server.pem";

/// What time it is, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    /// Seconds since 1970; if the clock is obviously wrong, the time of the build.
    pub(super) unix: u64,
    /// Whether it is the clock's.
    pub(super) is_known: bool,
    /// What the clock says.
    pub(super) clock: u64,
}

/// The authority and its certificate for this machine.
#[derive(Debug)]
pub(super) struct LocalCertificates {
    pub(super) authority: Authority,
    pub(super) leaf: Leaf,
    state: Option<StateDir>,
    configured: Vec<String>,
    /// Names that the authority may not sign for, which was said once.
    refused: Vec<ServerName<'static>>,
}

impl LocalCertificates {
    /// Takes what is in the state directory, and makes what is missing.
    pub(super) fn open(local: &Local, host: &Host, time: Time) -> Result<Self, String> {
        let state = open_state(local.state_dir.as_ref(), time.clock)?;
        let domains = permitted_domains(host.name.as_deref(), &local.names);
        let (authority, state) = match state {
            Some(state) => keep_authority(state, &domains, time)?,
            None => (Authority::make(&domains, time.unix)?, None),
        };
        let mut refused = Vec::new();
        let names = permitted(
            &authority,
            wanted(host.name.as_deref(), &host.addresses, &local.names),
            &local.names,
            time,
            &mut refused,
        );
        let kept = state.as_ref().map(read_leaf).transpose()?.flatten();
        let kept = kept.filter(|leaf| is_good(leaf, &authority, &names, time));
        let leaf = match kept {
            Some(leaf) => leaf,
            None => renew(&authority, &names, state.as_ref(), time)?,
        };
        Ok(Self { authority, leaf, state, configured: local.names.clone(), refused })
    }

    /// Makes a new certificate if this one is not good for the machine as it is now; true if it did.
    pub(super) fn refresh(&mut self, host: &Host, time: Time) -> Result<bool, String> {
        let names = wanted(host.name.as_deref(), &host.addresses, &self.configured);
        let is_new = |name: &ServerName<'static>| !self.refused.contains(name);
        let names: Vec<_> = names.into_iter().filter(is_new).collect();
        if is_good(&self.leaf, &self.authority, &names, time) {
            return Ok(false);
        }
        let names = permitted(&self.authority, names, &self.configured, time, &mut self.refused);
        if is_good(&self.leaf, &self.authority, &names, time) {
            return Ok(false);
        }
        self.leaf = renew(&self.authority, &names, self.state.as_ref(), time)?;
        Ok(true)
    }
}

fn open_state(path: Option<&PathBuf>, clock: u64) -> Result<Option<StateDir>, String> {
    let why = match path {
        Some(path) => match StateDir::open(path, clock) {
            Ok(state) => {
                state.check()?;
                return Ok(Some(state));
            }
            Err(error) => format!("{}: {error}", path.display()),
        },
        None => "neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME is set".to_owned(),
    };
    warn_of_memory(&why);
    Ok(None)
}

fn warn_of_memory(why: &str) {
    log::warn!(
        "the certificate authority cannot be kept ({why}): it lives in memory only, and after every restart each device has to trust a new one; \
         the setting state_dir names a directory that can be written"
    );
}

/// Reads the authority, or makes it and keeps it. Without a place to keep it, the state directory is given up.
///
/// A file that cannot be used stays where it is, and the next name is used instead: so no start ever takes away what another one has just made.
fn keep_authority(
    state: StateDir,
    domains: &[String],
    time: Time,
) -> Result<(Authority, Option<StateDir>), String> {
    // Each round that ends without an authority means that another start has just made one.
    for _ in 0..AUTHORITIES.len() {
        let mut free = None;
        for name in AUTHORITIES {
            match read_authority(&state, name, time)? {
                Kept::Authority(authority) => return Ok((*authority, Some(state))),
                Kept::Nothing => free = free.or(Some(name)),
                Kept::Unusable(wrong) => log::error!(
                    "{}: {wrong}; another authority is used or made, which every device has to trust",
                    state.path(name).display()
                ),
            }
        }
        let name = free.ok_or("state_dir: it is full of authorities that cannot be used; remove them")?;
        let authority = Authority::make(domains, time.unix)?;
        match state.create(name, authority.to_pem().as_bytes()) {
            Ok(true) => {
                log::info!("made {}: {}", state.path(name).display(), authority.name);
                return Ok((authority, Some(state)));
            }
            Ok(false) => {}
            Err(error) => {
                warn_of_memory(&format!("{}: {error}", state.path(name).display()));
                return Ok((authority, None));
            }
        }
    }
    Err("state_dir: authorities come and go there; is something else writing to it?".to_owned())
}

/// What is under a name.
enum Kept {
    Authority(Box<Authority>),
    Nothing,
    Unusable(String),
}

/// Reads an authority. Dates alone make it no worse: clocks err, and devices trust this one.
fn read_authority(state: &StateDir, name: &str, time: Time) -> Result<Kept, String> {
    let Some(text) = state.read(name)? else { return Ok(Kept::Nothing) };
    let read = Authority::from_pem(&text).and_then(|authority| {
        let dates = validity(&authority.certificate)?;
        Ok((authority, dates))
    });
    match read {
        Ok((authority, (from, until))) => {
            if time.is_known && !(from..=until).contains(&time.unix) {
                log::error!(
                    "{}: by this machine's clock the authority is not valid now, and devices may refuse it; set the clock, or remove the file \
                     and let every device trust a new one",
                    state.path(name).display()
                );
            }
            Ok(Kept::Authority(Box::new(authority)))
        }
        Err(wrong) => Ok(Kept::Unusable(wrong)),
    }
}

fn read_leaf(state: &StateDir) -> Result<Option<Leaf>, String> {
    let Some(text) = state.read(LEAF)? else { return Ok(None) };
    Ok(Leaf::from_pem(&text)
        .inspect_err(|wrong| log::warn!("{}: {wrong}; a new one is made", state.path(LEAF).display()))
        .ok())
}

/// Whether a certificate holds, is for all these names, and has more than a third of its life before it.
fn is_good(leaf: &Leaf, authority: &Authority, names: &[ServerName<'static>], time: Time) -> bool {
    let Ok((from, until)) = validity(&leaf.certificate) else { return false };
    let renewal = from + until.saturating_sub(from) / 3 * 2;
    // By a clock that is wrong nothing has begun or expired.
    let unix = if time.is_known { time.unix } else { time.unix.max(from) };
    (unix < renewal || !time.is_known)
        && leaf.verify(authority, unix.min(until)).is_ok()
        && names.iter().all(|name| leaf.covers(name))
}

/// Those of the names that the authority may sign for. The others are said once.
fn permitted(
    authority: &Authority,
    names: Vec<ServerName<'static>>,
    configured: &[String],
    time: Time,
    refused: &mut Vec<ServerName<'static>>,
) -> Vec<ServerName<'static>> {
    // All at once, which is nearly always right, before one by one.
    let is_good = |leaf: Leaf| leaf.verify(authority, time.unix).is_ok();
    if authority.sign(&names, time.unix).is_ok_and(is_good) {
        return names;
    }
    let (permitted, others): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| authority.permits(name, time.unix));
    for name in others {
        let shown = show(&name);
        // A host name of letters only is everyday life; a name that somebody has configured is missed.
        let level = if configured.contains(&shown) { log::Level::Warn } else { log::Level::Debug };
        log::log!(
            level,
            "the certificate is not for {shown:?}, which may be a name of the internet: the authority was made without it; to have it, set \
             tls_names = {shown}, remove {} from the state directory and let every device trust the new authority",
            AUTHORITIES.join(", ")
        );
        refused.push(name);
    }
    permitted
}

fn renew(
    authority: &Authority,
    names: &[ServerName<'static>],
    state: Option<&StateDir>,
    time: Time,
) -> Result<Leaf, String> {
    let leaf = authority.sign(names, time.unix)?;
    if let Some(state) = state
        && let Err(error) = state.replace(LEAF, leaf.to_pem().as_bytes())
    {
        log::warn!("{}: {error}; the certificate lives in memory only", state.path(LEAF).display());
    }
    let (names, addresses): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| matches!(name, ServerName::DnsName(_)));
    let shown =
        |names: &[&ServerName<'_>]| names.iter().map(|name| show(name)).collect::<Vec<_>>().join(", ");
    log::info!("made a certificate for {} and {} addresses", shown(&names), addresses.len());
    log::debug!("its addresses are {}", shown(&addresses));
    Ok(leaf)
}
