//! Sockets that somebody else has made for us: systemd's socket activation (sd_listen_fds(3)).

use listenfd::ListenFd;
use std::{env, net::TcpListener, os::unix::net::UnixListener};

/// More than this nobody hands over on purpose.
const SOCKETS_MAX: usize = 64;

/// A socket and what it is for.
#[derive(Debug)]
pub struct Inherited {
    /// Its name (`FileDescriptorName=`), empty if it has none.
    pub name: String,
    /// The socket.
    pub socket: Socket,
}

/// What kind of socket it is. Whether it listens is not known yet.
#[derive(Debug)]
pub enum Socket {
    /// IPv4 or IPv6.
    Tcp(TcpListener),
    /// Unix.
    Unix(UnixListener),
}

/// Takes the sockets that are handed to this process, in their order; none if there are none. Called once, before there are threads: what
/// said that they are there is forgotten.
///
/// # Errors
/// What was handed over is not what it should be.
pub fn take() -> Result<Vec<Inherited>, String> {
    let Some(count) = env::var_os("LISTEN_FDS") else { return Ok(Vec::new()) };
    let count = count.to_string_lossy().into_owned();
    if !is_for_us(env::var("LISTEN_PID").ok().as_deref(), std::process::id())? {
        return Ok(Vec::new());
    }
    check_count(&count)?;
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut sockets = ListenFd::from_env();
    (0..sockets.len())
        .map(|place| {
            let name = names.next().unwrap_or_default().to_owned();
            let socket = match sockets.take_tcp_listener(place) {
                Ok(Some(tcp)) => Some(Socket::Tcp(tcp)),
                _ => sockets.take_unix_listener(place).ok().flatten().map(Socket::Unix),
            };
            let wrong = || {
                format!(
                    "LISTEN_FDS: descriptor {} ({name:?}) is no stream socket; allowed: ListenStream= with an address or a path",
                    3 + place
                )
            };
            Ok(Inherited { socket: socket.ok_or_else(wrong)?, name })
        })
        .collect()
}

fn is_for_us(pid: Option<&str>, own: u32) -> Result<bool, String> {
    let Some(pid) = pid else { return Ok(true) };
    let pid: u32 = pid.parse().map_err(|_| {
        format!("LISTEN_PID: {pid:?} is not the number of a process; whoever hands over sockets sets it")
    })?;
    Ok(pid == own)
}

fn check_count(count: &str) -> Result<(), String> {
    let number: Option<usize> = count.parse().ok();
    if number.is_some_and(|number| number <= SOCKETS_MAX) {
        return Ok(());
    }
    Err(format!("LISTEN_FDS: {count:?} is not a number of sockets; allowed: 0 to {SOCKETS_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_is_counted_before_it_is_believed() {
        assert_eq!(check_count("0"), Ok(()));
        assert_eq!(check_count("64"), Ok(()));
        for wrong in ["", "-1", "two", "65", "99999999999999999999"] {
            let message = check_count(wrong).unwrap_err();
            assert!(message.starts_with(&format!("LISTEN_FDS: {wrong:?} is not a number of sockets")));
        }
    }

    #[test]
    fn what_is_for_another_process_is_left_alone() {
        assert_eq!(is_for_us(None, 7), Ok(true));
        assert_eq!(is_for_us(Some("7"), 7), Ok(true));
        assert_eq!(is_for_us(Some("8"), 7), Ok(false));
        assert!(is_for_us(Some("seven"), 7).unwrap_err().starts_with("LISTEN_PID: \"seven\" is not"));
    }
}
