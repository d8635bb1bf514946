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

const AUTHORITY: &str = "authority.pem";
const LEAF: &str = "server.pem";

/// What time it is, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    /// Seconds since 1970; if the clock is obviously wrong, the time of the build.
    pub(super) unix: u64,
    /// Whether it is the clock's.
    pub(super) is_known: bool,
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
        let state = open_state(local.state_dir.as_ref(), time.unix);
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

fn open_state(path: Option<&PathBuf>, unix: u64) -> Option<StateDir> {
    let why = match path {
        Some(path) => match StateDir::open(path, unix) {
            Ok(state) => return Some(state),
            Err(error) => format!("{}: {error}", path.display()),
        },
        None => "neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME is set".to_owned(),
    };
    warn_of_memory(&why);
    None
}

fn warn_of_memory(why: &str) {
    log::warn!(
        "the certificate authority cannot be kept ({why}): it lives in memory only, and after every restart each device has to trust a new one; \
         the setting state_dir names a directory that can be written"
    );
}

/// Reads the authority, or makes it and keeps it. Without a place to keep it, the state directory is given up.
fn keep_authority(
    state: StateDir,
    domains: &[String],
    time: Time,
) -> Result<(Authority, Option<StateDir>), String> {
    if let Some(authority) = read_authority(&state, time)? {
        return Ok((authority, Some(state)));
    }
    let authority = Authority::make(domains, time.unix)?;
    match state.create(AUTHORITY, authority.to_pem().as_bytes()) {
        Ok(true) => {
            log::info!("made {}: {}", state.path(AUTHORITY).display(), authority.name);
            Ok((authority, Some(state)))
        }
        // Another start was faster: it is its authority that devices will know.
        Ok(false) => match read_authority(&state, time)? {
            Some(authority) => Ok((authority, Some(state))),
            None => Err(format!("{}: it comes and goes", state.path(AUTHORITY).display())),
        },
        Err(error) => {
            warn_of_memory(&format!("{}: {error}", state.path(AUTHORITY).display()));
            Ok((authority, None))
        }
    }
}

/// Reads the authority. One that cannot be used any more is set aside: nothing could be signed by it.
fn read_authority(state: &StateDir, time: Time) -> Result<Option<Authority>, String> {
    let Some(text) = state.read(AUTHORITY)? else { return Ok(None) };
    let wrong = match Authority::from_pem(&text) {
        Ok(authority) => match validity(&authority.certificate) {
            Ok((_, until)) if !time.is_known || time.unix < until => return Ok(Some(authority)),
            Ok(_) => "it has expired".to_owned(),
            Err(wrong) => wrong,
        },
        Err(wrong) => wrong,
    };
    let path = state.path(AUTHORITY);
    let aside = state
        .set_aside(AUTHORITY)
        .map_err(|error| format!("{}: {wrong}, and it cannot be replaced: {error}", path.display()))?;
    log::error!(
        "{}: {wrong}; it is now {}, and a new authority is made, which every device has to trust anew",
        path.display(),
        aside.display()
    );
    Ok(None)
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
    let (permitted, others): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| authority.permits(name, time.unix));
    for name in others {
        let shown = show(&name);
        // A host name of letters only is everyday life; a name that somebody has configured is missed.
        let level = if configured.contains(&shown) { log::Level::Warn } else { log::Level::Info };
        log::log!(
            level,
            "the certificate is not for {shown:?}, which may be a name of the internet: the authority was made without it; to have it, set \
             tls_names = {shown}, remove {AUTHORITY} from the state directory and let every device trust the new authority"
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
    let shown: Vec<String> = names.iter().map(show).collect();
    log::info!("made a certificate for {}", shown.join(", "));
    Ok(leaf)
}
