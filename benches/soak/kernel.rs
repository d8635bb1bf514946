//! Whether the kernel still has a connection, asked by netlink (sock_diag(7)): /proc/net/tcp would have all sockets of the machine, which are
//! thousands after a while, and take longer than what is to be found out.

use socket2::{Domain, Protocol, Socket, Type};
use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, SocketAddrV4},
};

const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
const ANY: [u8; 4] = u32::MAX.to_ne_bytes();
/// An answer is a header of 16 bytes and an `inet_diag_msg`, which begins with the family and the state.
const STATE_AT: usize = 17;
const TCP_LISTEN: u8 = 10;

/// Whether the server's end of a connection to a server that listens is still there.
pub(crate) fn has_connection(server: SocketAddr, client: SocketAddr) -> bool {
    let (SocketAddr::V4(server), SocketAddr::V4(client)) = (server, client) else { unreachable!("IPv4") };
    match state(server, client) {
        // Where there is no such connection, the socket is found that would take one.
        Ok(Some(state)) => state != TCP_LISTEN,
        // A kernel that cannot be asked.
        Ok(None) | Err(_) => {
            let line = [server, client].map(as_in_proc).join(" ");
            fs::read_to_string("/proc/net/tcp").unwrap().contains(&line)
        }
    }
}

/// The state of the socket at `server` that packets of `client` would go to; `None` if the kernel does not say.
fn state(server: SocketAddrV4, client: SocketAddrV4) -> io::Result<Option<u8>> {
    let family = Domain::from(AF_NETLINK);
    let mut kernel = Socket::new(family, Type::DGRAM, Some(Protocol::from(NETLINK_SOCK_DIAG)))?;
    kernel.write_all(&request(server, client))?;
    let mut answer = [0; 512];
    let count = kernel.read(&mut answer)?;
    let is_answer = count > STATE_AT && answer[4..6] == SOCK_DIAG_BY_FAMILY.to_ne_bytes();
    Ok(is_answer.then_some(answer[STATE_AT]))
}

/// An `inet_diag_req_v2` behind its header: one socket, in whatever state.
fn request(server: SocketAddrV4, client: SocketAddrV4) -> Vec<u8> {
    let (ports, hosts) = ([server.port(), client.port()], [server.ip(), client.ip()]);
    let mut body = vec![AF_INET, IPPROTO_TCP, 0, 0];
    body.extend(ANY);
    body.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    for host in hosts {
        body.extend(host.octets());
        body.extend([0; 12]);
    }
    // On any interface, with any cookie.
    body.extend([0; 4]);
    body.extend([ANY, ANY].concat());
    let length = (16 + body.len()) as u32;
    let header = [SOCK_DIAG_BY_FAMILY.to_ne_bytes(), NLM_F_REQUEST.to_ne_bytes()].concat();
    [&length.to_ne_bytes()[..], &header, &[0; 8], &body].concat()
}

/// The address is a number in this machine's order of bytes there (proc(5)).
fn as_in_proc(address: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}
