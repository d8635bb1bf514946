//! One question and the first line of its answer, on a socket that waits. For commands, which have nothing else to do; the loop must not wait.

use super::address::Address;
use socket2::{Domain, SockAddr, Socket, Type};
use std::{
    io::{self, ErrorKind, Read, Write},
    time::Duration,
};

/// The longest first line of which anything is made.
const LINE_BYTES_MAX: usize = 256;

/// Connects, asks, and reads until a line has ended, the other side has, or enough has come. `left` says how much time there is still, for all of
/// it: when there is none, the error is that of whatever had to wait.
///
/// # Errors
/// Whatever the system says, and `ConnectionReset` also if the other side ended without a word.
pub fn first_line(address: &Address, question: &[u8], left: &dyn Fn() -> Duration) -> io::Result<Vec<u8>> {
    // 0 would be no limit. Waiting ends when nothing is left, and not a moment before.
    let patience = || Some(left() + Duration::from_millis(1));
    let (domain, address) = match address {
        Address::Ip(address) => (Domain::for_address(*address), SockAddr::from(*address)),
        Address::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
    };
    let mut socket = Socket::new(domain, Type::STREAM, None)?;
    // Linux keeps to it when connecting, too (socket(7)). Where a Unix socket's queue is full nothing else would end the wait.
    socket.set_write_timeout(patience())?;
    socket.connect(&address)?;
    socket.write_all(question)?;
    let (mut line, mut buffer) = (Vec::new(), [0; LINE_BYTES_MAX]);
    while !line.contains(&b'\n') && line.len() < LINE_BYTES_MAX {
        socket.set_read_timeout(patience())?;
        match socket.read(&mut buffer)? {
            0 if line.is_empty() => return Err(ErrorKind::ConnectionReset.into()),
            0 => break,
            count => line.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(line)
}
