//! Signals, as bytes in pipes that the loop can wait for.

use mio::{Interest, Registry, Token, net::UnixStream};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    low_level::pipe,
};
use std::{
    io::{self, Read},
    os::unix::net,
};

/// What was asked of the process.
#[derive(Debug)]
pub struct Signals {
    hangup: UnixStream,
    stop: UnixStream,
}

/// What came since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// SIGHUP.
    pub is_hangup: bool,
    /// How many of SIGINT and SIGTERM.
    pub stops: usize,
}

impl Signals {
    /// Takes SIGHUP, SIGINT and SIGTERM, and reports them under `token`.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn take(registry: &Registry, token: Token) -> io::Result<Self> {
        let mut signals = Self { hangup: receiver(&[SIGHUP])?, stop: receiver(&[SIGINT, SIGTERM])? };
        registry.register(&mut signals.hangup, token, Interest::READABLE)?;
        registry.register(&mut signals.stop, token, Interest::READABLE)?;
        Ok(signals)
    }

    /// What came.
    pub fn pending(&mut self) -> Pending {
        Pending { is_hangup: drain(&mut self.hangup) > 0, stops: drain(&mut self.stop) }
    }
}

fn receiver(signals: &[i32]) -> io::Result<UnixStream> {
    let (receiver, sender) = net::UnixStream::pair()?;
    receiver.set_nonblocking(true)?;
    for signal in signals {
        pipe::register(*signal, sender.try_clone()?)?;
    }
    Ok(UnixStream::from_std(receiver))
}

/// Reads all that is there: how many bytes.
fn drain(from: &mut UnixStream) -> usize {
    let mut count = 0;
    while let Ok(more @ 1..) = from.read(&mut [0; 16]) {
        count += more;
    }
    count
}
