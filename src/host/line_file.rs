//! A file to which lines are appended. When that fails (the disk is full, say) the program goes on: it is said once, and counted.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::PathBuf,
};

/// The file, and whether it takes what is written.
#[derive(Debug)]
pub struct LineFile {
    /// What it is called in the log.
    name: &'static str,
    path: PathBuf,
    file: File,
    /// Its end is not the end of a line.
    is_torn: bool,
    /// How many lines were lost since one was written.
    lost: u64,
}

impl LineFile {
    /// Opens the file, which only its owner can read if it is made here.
    ///
    /// # Errors
    /// Whatever the system says, with the path.
    pub fn open(name: &'static str, path: PathBuf) -> io::Result<Self> {
        let (file, is_torn) = open(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{name}: {}: {error}", path.display())))?;
        Ok(Self { name, path, file, is_torn, lost: 0 })
    }

    /// Appends a line, which must end as one; false if it is lost.
    pub fn append(&mut self, line: &[u8]) -> bool {
        let (name, path) = (self.name, self.path.display());
        match write(&mut self.file, &mut self.is_torn, line) {
            Ok(()) => {
                let lost = std::mem::take(&mut self.lost);
                if lost > 0 {
                    log::info!("{name}: {path} is written again, {lost} lines are missing");
                }
                true
            }
            Err(error) => {
                if self.lost == 0 {
                    log::error!(reason:% = error; "{name}: {path} cannot be written, lines are lost");
                }
                self.lost += 1;
                false
            }
        }
    }
}

impl Drop for LineFile {
    /// What is missing is said at the end, too: another file may go on in its place.
    fn drop(&mut self) {
        let Self { name, path, lost, .. } = self;
        if *lost > 0 {
            log::warn!("{name}: {} is not written any more, {lost} lines are missing", path.display());
        }
    }
}

/// The file, and whether it ends in the middle of a line.
fn open(path: &PathBuf) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    // A pipe that nobody empties is an error, and no reason to wait.
    options.read(true).append(true).create(true).mode(0o600).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    let mut last = [b'\n'];
    if metadata.is_file() && metadata.len() > 0 {
        file.read_exact_at(&mut last, metadata.len() - 1)?;
    }
    Ok((file, last != [b'\n']))
}

/// Writes a whole line, or leaves `is_torn` behind: then the next one begins with a line end.
pub(super) fn write(file: &mut impl Write, is_torn: &mut bool, line: &[u8]) -> io::Result<()> {
    let end: &[u8] = if *is_torn { b"\n" } else { b"" };
    for part in [end, line] {
        let mut rest = part;
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            *is_torn = !rest.is_empty();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        env, fs,
        io::Read,
        os::unix::fs::PermissionsExt,
        process::Command,
        sync::atomic::{AtomicU32, Ordering},
    };

    fn path() -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        env::temp_dir().join(format!("suzu-lines-{}-{count}", std::process::id()))
    }

    /// A disk with so many bytes left.
    struct Disk {
        left: usize,
        text: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.left).min(4);
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.left -= count;
            self.text.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn half_a_line_stays_alone() {
        let mut disk = Disk { left: 10, text: Vec::new() };
        let mut is_torn = false;
        assert!(write(&mut disk, &mut is_torn, b"first\n").is_ok() && !is_torn);
        assert!(write(&mut disk, &mut is_torn, b"second\n").is_err() && is_torn);
        assert!(write(&mut disk, &mut is_torn, b"third\n").is_err() && is_torn);
        disk.left = 1;
        assert!(write(&mut disk, &mut is_torn, b"fourth\n").is_err() && !is_torn, "it got its line end");
        disk.left = 100;
        assert!(write(&mut disk, &mut is_torn, b"fifth\n").is_ok() && !is_torn);
        assert_eq!(disk.text, b"first\nseco\nfifth\n");
    }

    #[test]
    fn what_a_power_cut_has_torn_stays_alone() {
        let path = path();
        for (text, expected) in [("", "b\n"), ("a\n", "a\nb\n"), ("a", "a\nb\n")] {
            fs::write(&path, text).unwrap();
            assert!(LineFile::open("a log", path.clone()).unwrap().append(b"b\n"));
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_new_file_is_private_and_a_rotated_one_is_left_alone() {
        let (path, rotated) = (path(), path());
        let mut file = LineFile::open("a log", path.clone()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        file.append(b"a\n");
        fs::rename(&path, &rotated).unwrap();
        file.append(b"b\n");
        file = LineFile::open("a log", path.clone()).unwrap();
        file.append(b"c\n");
        assert_eq!(fs::read_to_string(&rotated).unwrap(), "a\nb\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "c\n");
        fs::remove_file(path).unwrap();
        fs::remove_file(rotated).unwrap();
    }

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let mut full = LineFile::open("a log", PathBuf::from("/dev/full")).unwrap();
        assert!(!full.append(b"a\n") && !full.append(b"b\n"));
        assert_eq!(full.lost, 2);
        let error = LineFile::open("a log", PathBuf::from("/nowhere/a")).unwrap_err();
        assert_eq!(error.to_string(), "a log: /nowhere/a: No such file or directory (os error 2)");
    }
    #[test]
    fn when_there_is_room_again_it_goes_on() {
        // A pipe that nobody empties is full after 64 KiB.
        let path = path();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut pipe = LineFile::open("a log", path.clone()).unwrap();
        let line = [&[b'x'; 9_998][..], b"\n"].concat();
        let kept = (0..20).filter(|_| pipe.append(&line)).count();
        assert!((1..20).contains(&kept) && pipe.lost == 20 - kept as u64, "{kept}");
        let mut reader = File::open(&path).unwrap();
        reader.read_exact(&mut vec![0; kept * line.len()]).unwrap();
        assert!(pipe.append(b"again\n") && pipe.lost == 0);
        let mut rest = vec![0; 1 << 16];
        let count = reader.read(&mut rest).unwrap();
        let rest = str::from_utf8(&rest[..count]).unwrap();
        assert!(rest == "again\n" || rest.ends_with("x\nagain\n"), "{rest}");
        fs::remove_file(path).unwrap();
    }
}
