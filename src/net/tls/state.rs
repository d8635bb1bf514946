//! A few small files in a directory of our own that survive a power cut: each is there whole, the old one or the new one.

use ring::rand::{SystemRandom, generate};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// What is left of a write that was cut off is removed when it is this old: a younger one may be another start's.
const LEFTOVER_SECS: u64 = 3_600;

/// The directory.
#[derive(Debug)]
pub(super) struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Opens the directory and makes it if need be, for this user only.
    pub(super) fn open(path: &Path, unix: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let dir = Self { path: path.to_owned() };
        dir.remove_leftovers(unix);
        Ok(dir)
    }

    /// Where a file of this name is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file that holds a key; `None` if there is none. What is wrong otherwise is said with what would be right.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match read_key(&self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(KeyFault::Missing) => Ok(None),
            Err(KeyFault::Unusable(wrong)) => Err(wrong),
        }
    }

    /// Makes a file that was not there; false if another process was faster.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let temporary = self.write_temporary(name, bytes)?;
        // A link never replaces: of two starts at once, one wins and the other takes what is there then.
        let linked = match fs::hard_link(&temporary, self.path(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            // A file system without links, such as FAT.
            Err(_) if !self.path(name).exists() => fs::rename(&temporary, self.path(name)).map(|()| true),
            Err(error) => Err(error),
        };
        let _ = fs::remove_file(&temporary);
        self.sync()?;
        linked
    }

    /// Makes a file, or replaces it.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.write_temporary(name, bytes)?;
        if let Err(error) = fs::rename(&temporary, self.path(name)) {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        self.sync()
    }

    /// Gets a file that cannot be used out of the way; where it is then.
    pub(super) fn set_aside(&self, name: &str) -> io::Result<PathBuf> {
        let aside = self.path(&format!("{name}.unusable"));
        fs::rename(self.path(name), &aside)?;
        Ok(aside)
    }

    fn write_temporary(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let random: [u8; 8] =
            generate(&SystemRandom::new()).map_err(|_| io::Error::other("no randomness"))?.expose();
        let path = self.path(&format!(".{name}.{:016x}", u64::from_be_bytes(random)));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(path)
    }

    /// A name is on the disk when its directory is.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn remove_leftovers(&self, unix: u64) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let is_temporary = entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with('.') && name.contains(".pem."));
            let modified = entry.metadata().map_or(0, |metadata| metadata.mtime());
            let age = unix.saturating_sub(u64::try_from(modified).unwrap_or_default());
            if is_temporary && age > LEFTOVER_SECS {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Why a key cannot be had.
#[derive(Debug)]
pub(super) enum KeyFault {
    /// No such file.
    Missing,
    /// It is there and cannot be used; says why and what would be right.
    Unusable(String),
}

/// Reads a file with a key in it, if nobody but its owner and group can.
pub(super) fn read_key(path: &Path) -> Result<Vec<u8>, KeyFault> {
    let name = path.display();
    let fault = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => KeyFault::Missing,
        ErrorKind::PermissionDenied => KeyFault::Unusable(format!(
            "{name}: cannot be read ({error}); make it readable for the user that suzu runs as: chown USER {name} && chmod 600 {name}"
        )),
        _ => KeyFault::Unusable(format!("{name}: cannot be read: {error}")),
    };
    let mode = fs::metadata(path).map_err(fault)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(KeyFault::Unusable(format!(
            "{name}: everybody on this machine may use this private key (mode {:03o}); run: chmod 600 {name}",
            mode & 0o777
        )));
    }
    fs::read(path).map_err(fault)
}
