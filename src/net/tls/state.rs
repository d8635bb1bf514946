//! A few small files in a directory of our own that survive a power cut: each is there whole, the old one or the new one.

use crate::secret_file::{self, Fault};
use ring::rand::{SystemRandom, generate};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
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
    pub(super) fn open(path: &Path, clock: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let dir = Self { path: path.to_owned() };
        dir.remove_leftovers(clock);
        Ok(dir)
    }

    /// Where a file of this name is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file that holds a key; `None` if there is none. What is wrong otherwise is said with what would be right.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match secret_file::read_own(&self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Fault::Missing) => Ok(None),
            Err(Fault::Unusable(wrong)) => Err(wrong),
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
        self.sync();
        linked
    }

    /// Makes a file, or replaces it.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.write_temporary(name, bytes)?;
        if let Err(error) = fs::rename(&temporary, self.path(name)) {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        self.sync();
        Ok(())
    }

    /// Refuses a directory into which others may put what they like.
    pub(super) fn check(&self) -> Result<(), String> {
        let name = self.path.display();
        let metadata = fs::metadata(&self.path).map_err(|error| format!("{name}: {error}"))?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o002 != 0 {
            return Err(format!(
                "{name}: everybody on this machine may write there (mode {mode:03o}); run: chmod 700 {name}"
            ));
        }
        Ok(())
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

    /// A name is on the disk when its directory is. Some file systems cannot say; then it is there all the same, probably.
    fn sync(&self) {
        if let Err(error) = File::open(&self.path).and_then(|dir| dir.sync_all()) {
            log::warn!("{}: it is not certain that it is written: {error}", self.path.display());
        }
    }

    /// `clock` is what this machine's clock says.
    fn remove_leftovers(&self, clock: u64) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let is_temporary = entry.file_name().to_str().is_some_and(is_temporary);
            let modified = entry.metadata().map_or(i64::MAX, |metadata| metadata.mtime());
            let age = clock.saturating_sub(u64::try_from(modified).unwrap_or_default());
            if is_temporary && age > LEFTOVER_SECS {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Whether a file has a name that [`StateDir::write_temporary`] gives.
fn is_temporary(name: &str) -> bool {
    let rest = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    rest.is_some_and(|(name, random)| {
        name.ends_with(".pem") && random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_leftovers_of_our_own_are_told_from_other_files() {
        for (name, expected) in [
            (".authority.pem.0123456789abcdef", true),
            (".server.pem.ffffffffffffffff", true),
            ("authority.pem", false),
            (".my.pem.backup", false),
            (".secrets.pem.gpg", false),
            (".authority.pem.0123456789abcdeg", false),
        ] {
            assert_eq!(is_temporary(name), expected, "{name}");
        }
    }
}
