//! The least that a relay can do: what every figure stands beside.
//!
//! (a) passes on bytes; (b) is a WebSocket server that knows nothing but to answer the upgrade, unmask a message and put a new head before it. Both are raw epoll,
//! one receive and one send a message, in memory that all connections share. Connections are paired as they come.

use super::{epoll::Epoll, wire};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt::set_tcp_nodelay},
};
use sha1_smol::Sha1;
use std::{net::TcpListener, os::fd::OwnedFd};

/// Longer messages than this are not relayed.
const SCRATCH_BYTES: usize = 64 * 1024;
/// The number of the listener among the events.
const LISTENER: usize = usize::MAX;

struct Floor {
    epoll: Epoll,
    listener: TcpListener,
    seats: Vec<Option<Seat>>,
    free: Vec<u32>,
    /// Whoever has no partner yet.
    alone: Option<u32>,
    speaks_websocket: bool,
}

struct Seat {
    socket: OwnedFd,
    partner: Option<u32>,
    is_open: bool,
    /// The beginning of what has not all come yet; nothing, normally.
    begun: Box<[u8]>,
}

/// Serves until it is killed.
pub(crate) fn run(speaks_websocket: bool) -> ! {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let epoll = Epoll::new();
    epoll.add(&listener, LISTENER);
    let mut floor =
        Floor { epoll, listener, seats: Vec::new(), free: Vec::new(), alone: None, speaks_websocket };
    let mut scratch = vec![0; SCRATCH_BYTES];
    loop {
        for at in 0..floor.epoll.wait(None) {
            match floor.epoll.ready(at) {
                LISTENER => floor.accept(),
                number => floor.serve(number as u32, &mut scratch),
            }
        }
    }
}

impl Floor {
    fn accept(&mut self) {
        while let Ok(socket) = accept_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            set_tcp_nodelay(&socket, true).unwrap();
            let number = self.free.pop().unwrap_or(self.seats.len() as u32);
            if number as usize == self.seats.len() {
                self.seats.push(None);
            }
            self.epoll.add_edge_triggered(&socket, number as usize);
            let seat = Seat { socket, partner: None, is_open: !self.speaks_websocket, begun: Box::default() };
            self.seats[number as usize] = Some(seat);
            if !self.speaks_websocket {
                self.pair(number);
            }
        }
    }

    fn pair(&mut self, number: u32) {
        let Some(other) = self.alone.take() else {
            self.alone = Some(number);
            return;
        };
        for (one, two) in [(number, other), (other, number)] {
            if let Some(seat) = &mut self.seats[one as usize] {
                seat.partner = Some(two);
            }
        }
    }

    fn serve(&mut self, number: u32, scratch: &mut [u8]) {
        let Some(seat) = &mut self.seats[number as usize] else { return };
        let begun = std::mem::take(&mut seat.begun);
        scratch[..begun.len()].copy_from_slice(&begun);
        let begun = begun.len();
        let count = match recv(&seat.socket, &mut scratch[begun..], RecvFlags::empty()) {
            Ok((count @ 1.., _)) => count,
            Err(Errno::AGAIN) => 0,
            _ => return self.free(number),
        };
        let bytes = &mut scratch[..begun + count];
        let used = match (self.speaks_websocket, seat.is_open) {
            (false, _) => Some(self.pass(number, bytes)),
            (true, true) => self.relay(number, bytes),
            (true, false) => Some(self.upgrade(number, bytes)),
        };
        match (used, &mut self.seats[number as usize]) {
            (None, _) => self.free(number),
            (Some(used), Some(seat)) if used < bytes.len() => {
                seat.begun = bytes[used..].into();
            }
            _ => {}
        }
    }

    fn pass(&self, number: u32, bytes: &[u8]) -> usize {
        self.tell_partner(number, bytes);
        bytes.len()
    }

    /// How many bytes were whole frames; `None` if it is a close.
    fn relay(&self, number: u32, bytes: &mut [u8]) -> Option<usize> {
        let mut used = 0;
        while let Some(frame) = wire::frame(&bytes[used..]) {
            let (begin, end) = (used + frame.payload.start, used + frame.payload.end);
            match frame.first {
                wire::CLOSE => return None,
                wire::PONG => {}
                first => {
                    let mask = bytes[begin - 4..begin].try_into().unwrap();
                    unmask(&mut bytes[begin..end], mask);
                    // The new head is as long as the old one, without the mask: both move up to the payload.
                    bytes.copy_within(used..begin - 4, used + 4);
                    bytes[used + 4] = first;
                    bytes[used + 5] &= 0x7f;
                    self.tell_partner(number, &bytes[used + 4..end]);
                }
            }
            used = end;
        }
        Some(used)
    }

    fn upgrade(&mut self, number: u32, bytes: &[u8]) -> usize {
        if !bytes.ends_with(b"\r\n\r\n") {
            return 0;
        }
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let key = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
        let mut proof = Sha1::from(key);
        proof.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            STANDARD.encode(proof.digest().bytes())
        );
        if let Some(seat) = &mut self.seats[number as usize] {
            let _ = send(&seat.socket, answer.as_bytes(), SendFlags::NOSIGNAL);
            seat.is_open = true;
        }
        self.pair(number);
        bytes.len()
    }

    /// A partner whose socket is full misses it: a floor has no queues.
    fn tell_partner(&self, number: u32, bytes: &[u8]) {
        let seat = |number: u32| self.seats[number as usize].as_ref();
        if let Some(partner) = seat(number).and_then(|own| own.partner).and_then(seat) {
            let _ = send(&partner.socket, bytes, SendFlags::NOSIGNAL);
        }
    }

    fn free(&mut self, number: u32) {
        let Some(seat) = self.seats[number as usize].take() else { return };
        self.free.push(number);
        if self.alone == Some(number) {
            self.alone = None;
        }
        if let Some(partner) = seat.partner.and_then(|number| self.seats[number as usize].as_mut()) {
            partner.partner = None;
        }
    }
}

/// Sixteen bytes at a time: a loop of bytes takes a fifth of all the time at 3 KB.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u128::from_ne_bytes(std::array::from_fn(|at| mask[at % 4]));
    let (chunks, rest) = payload.as_chunks_mut::<16>();
    for chunk in chunks {
        *chunk = (u128::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}
