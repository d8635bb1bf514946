//! Standard error, for which the loop does not wait: if nobody reads the other end of its pipe, lines are lost and counted.

use crate::host::line_file;
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write, stderr},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            fs::{FileTypeExt, OpenOptionsExt},
            net::UnixStream,
        },
    },
    thread,
};

/// How often whoever reads gets a turn before a line is lost: it may only be slow, and have to share this processor.
const YIELDS: u32 = 1_000;

/// Where lines go.
#[derive(Debug)]
pub(super) struct Outlet {
    /// A way to standard error that never blocks; `None` where there is no need or no such way.
    own: Option<File>,
    /// Its end is not the end of a line.
    is_torn: bool,
    /// How many lines were lost since one was written.
    lost: u64,
}

impl Outlet {
    pub(super) const fn new() -> Self {
        Self { own: None, is_torn: false, lost: 0 }
    }

    pub(super) fn open() -> Self {
        Self { own: without_waiting().ok().flatten(), ..Self::new() }
    }

    /// How many lines are missing at this place.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// What was lost has been said.
    pub(super) fn forget(&mut self) {
        self.lost = 0;
    }

    /// Writes a line in one piece, so that those of several writers do not mix; false if it is lost.
    pub(super) fn write(&mut self, line: &str) -> bool {
        let written = match &mut self.own {
            Some(file) => {
                let patience = if self.lost == 0 { YIELDS } else { 0 };
                line_file::write(&mut Patient { file, patience }, &mut self.is_torn, line.as_bytes())
            }
            None => stderr().write_all(line.as_bytes()),
        };
        self.lost += u64::from(written.is_err());
        written.is_ok()
    }
}

/// A file that gets so many chances to take something.
struct Patient<'a> {
    file: &'a mut File,
    patience: u32,
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.patience > 0 => {
                    self.patience -= 1;
                    thread::yield_now();
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe is opened once more, since its other users may want to wait. The journal's stream is nobody else's.
fn without_waiting() -> io::Result<Option<File>> {
    let stderr: OwnedFd = stderr().as_fd().try_clone_to_owned()?;
    if super::journal::has_stderr() {
        let stream = UnixStream::from(stderr);
        stream.set_nonblocking(true)?;
        return Ok(Some(File::from(OwnedFd::from(stream))));
    }
    if !File::from(stderr).metadata()?.file_type().is_fifo() {
        return Ok(None);
    }
    OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open("/proc/self/fd/2").map(Some)
}
