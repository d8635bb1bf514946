//! Files with secrets in them, and others that must be plain files: read whole, or refused with what would be right.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

/// No key, certificate or secret is longer.
const BYTES_MAX: u64 = 1 << 20;

/// Why a file cannot be had.
#[derive(Debug)]
pub enum Fault {
    /// There is no such file.
    Missing,
    /// It is there and cannot be used; says why and what would be right.
    Unusable(String),
}

/// Reads a file with a secret in it, if nobody but its owner and group can.
///
/// # Errors
/// The [`Fault`].
pub fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let (bytes, metadata) = read_plain(path)?;
    let (name, mode) = (path.display(), metadata.mode() & 0o777);
    if mode & 0o007 != 0 {
        return Err(Fault::Unusable(format!(
            "{name}: everybody on this machine may use this secret (mode {mode:03o}); run: chmod 600 {name}"
        )));
    }
    Ok(bytes)
}

/// The same, if moreover its owner is this process's user or root: nobody else may put one there for us.
///
/// # Errors
/// The [`Fault`].
pub fn read_own(path: &Path) -> Result<Vec<u8>, Fault> {
    let bytes = read(path)?;
    let owner = fs::metadata(path).map_err(|error| fault(path, &error))?.uid();
    match own_user() {
        Some(user) if ![0, user].contains(&owner) => {
            let name = path.display();
            Err(Fault::Unusable(format!(
                "{name}: it belongs to the user {owner}, and suzu runs as {user}; run: chown {user} {name}"
            )))
        }
        _ => Ok(bytes),
    }
}

/// Reads any file that is a file. What is not, such as a FIFO, is not waited for.
///
/// # Errors
/// The [`Fault`].
pub fn read_plain(path: &Path) -> Result<(Vec<u8>, Metadata), Fault> {
    let name = path.display();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|error| fault(path, &error))?;
    let metadata = file.metadata().map_err(|error| fault(path, &error))?;
    if !metadata.is_file() {
        return Err(Fault::Unusable(format!("{name}: cannot be read: it is not a file")));
    }
    if metadata.len() > BYTES_MAX {
        return Err(Fault::Unusable(format!("{name}: cannot be read: it is longer than {BYTES_MAX} bytes")));
    }
    let mut bytes = Vec::new();
    File::take(file, BYTES_MAX).read_to_end(&mut bytes).map_err(|error| fault(path, &error))?;
    Ok((bytes, metadata))
}

fn fault(path: &Path, error: &io::Error) -> Fault {
    let name = path.display();
    match error.kind() {
        ErrorKind::NotFound => Fault::Missing,
        ErrorKind::PermissionDenied => Fault::Unusable(format!(
            "{name}: cannot be read ({error}); make it readable for the user that suzu runs as: chown USER {name} && chmod 600 {name}"
        )),
        _ => Fault::Unusable(format!("{name}: cannot be read: {error}")),
    }
}

/// The user that this process runs as, where /proc tells.
pub fn own_user() -> Option<u32> {
    Some(fs::metadata("/proc/self").ok()?.uid())
}
