//! What a stalled webhook costs those who are not asked about: `cargo bench --bench stalled_webhook [SECONDS]`.
//!
//! 200 clients in 100 rooms exchange messages with the real server. Slices of time alternate between three states: nobody is asked about; one client
//! is, by a webhook that takes the request and never answers; 64 are. Of each it prints how long a message took from one client to the other, and fails
//! if the 99th percentile with one stalled webhook is more than twice that without.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, SockAddr, Socket, Type};
use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

const PAIRS: usize = 100;
/// How often each client says something.
const PAUSE: Duration = Duration::from_millis(50);
const SLICE: Duration = Duration::from_secs(1);
const STATES: [(&str, usize); 3] =
    [("no webhook stalls", 0), ("one webhook stalls", 1), ("64 webhooks stall", 64)];

fn main() -> ExitCode {
    let seconds: u64 = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(60);
    let url = webhook();
    let (_server, address) = server(&url);
    let mut crowd = Crowd::new(address);
    let mut results: [Vec<Duration>; 3] = Default::default();
    crowd.talk(SLICE, &mut Vec::new());
    for round in 0..seconds.div_ceil(3) {
        // Each state comes first, second and last equally often.
        for turn in 0..3 {
            let state = (round as usize + turn) % 3;
            let stalled: Vec<_> = (0..STATES[state].1).map(|_| stall(address)).collect();
            // What arriving and leaving costs is another question, and in the way here: this very thread does it.
            crowd.talk(SLICE / 4, &mut Vec::new());
            crowd.talk(SLICE, &mut results[state]);
            drop(stalled);
        }
    }
    let mut p99 = [Duration::ZERO; 3];
    for (((name, _), times), p99) in STATES.iter().zip(&mut results).zip(&mut p99) {
        times.sort_unstable();
        let at = |share: f64| times[(times.len() as f64 * share) as usize];
        *p99 = at(0.99);
        println!(
            "{name:20} {:8} messages  p50 {:>9.1?}  p99 {:>9.1?}  p99.9 {:>9.1?}  max {:>9.1?}",
            times.len(),
            at(0.5),
            at(0.99),
            at(0.999),
            times[times.len() - 1]
        );
    }
    let ratio = |state: usize| p99[state].as_secs_f64() / p99[0].as_secs_f64();
    println!("p99 with one stalled: {:.2} times that without; with 64: {:.2} times", ratio(1), ratio(2));
    if ratio(1) <= 2.0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A webhook that lets everybody in but those of the room `stalled`, about whom it never answers.
fn webhook() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/authn", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    received.extend_from_slice(&buffer[..count]);
                    let text = String::from_utf8_lossy(&received);
                    if text.ends_with('}') {
                        let is_stalled = text.contains(r#""roomId":"stalled"#);
                        received.clear();
                        if !is_stalled {
                            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"allowed\":true}";
                            stream.write_all(answer).unwrap();
                        }
                    }
                }
            });
        }
    });
    url
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn server(url: &str) -> (Running, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_suzu"))
        .args(["--listen", "127.0.0.1:0", "--tls", "off", "--max-clients", "400", "--max-rooms", "400"])
        .args(["--webhook-request-timeout-sec", "30", "--authn-webhook-url", url])
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("listening on http://")?.parse().ok()).unwrap();
    thread::spawn(move || lines.for_each(drop));
    (Running(child), address)
}

/// A connection from one of many local addresses, so that no limit of one address is met; upgraded, and the register sent.
fn connect(server: SocketAddr, number: usize, room: &str) -> std::net::TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from = SocketAddr::from(([127, 0, 1, (number % 250 + 1) as u8], 0));
    socket.bind(&SockAddr::from(from)).unwrap();
    socket.connect(&SockAddr::from(server)).unwrap();
    let mut stream = std::net::TcpStream::from(socket);
    stream.set_nodelay(true).unwrap();
    let head = format!(
        "GET /signaling HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&frame(format!(r#"{{"type":"register","roomId":"{room}"}}"#).as_bytes())).unwrap();
    stream
}

/// A client about whom the webhook does not answer. Its call is given up when it goes.
fn stall(server: SocketAddr) -> std::net::TcpStream {
    connect(server, 249, "stalled")
}

/// A short masked text frame; the mask is zeros.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut bytes = vec![0x81];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        _ => bytes.extend([0xfe, (length >> 8) as u8, length as u8]),
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

struct Crowd {
    poll: Poll,
    clients: Vec<Client>,
    epoch: Instant,
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    next: Instant,
}

impl Crowd {
    fn new(server: SocketAddr) -> Self {
        let poll = Poll::new().unwrap();
        let epoch = Instant::now();
        let mut clients = Vec::new();
        for number in 0..2 * PAIRS {
            let mut stream = connect(server, number, &format!("room {}", number / 2));
            let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
            while !String::from_utf8_lossy(&received).contains(r#""type":"accept""#) {
                let count = stream.read(&mut buffer).unwrap();
                assert_ne!(count, 0, "not let in: {}", String::from_utf8_lossy(&received));
                received.extend_from_slice(&buffer[..count]);
            }
            stream.set_nonblocking(true).unwrap();
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE).unwrap();
            // Spread over the pause, as people are.
            let next = epoch + PAUSE.mul_f64(number as f64 / (2 * PAIRS) as f64);
            clients.push(Client { stream, received: Vec::new(), next });
        }
        Self { poll, clients, epoch }
    }

    /// Everybody talks for so long; the times from one client to the other are added.
    fn talk(&mut self, time: Duration, times: &mut Vec<Duration>) {
        let end = Instant::now() + time;
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Instant::now();
            for client in &mut self.clients {
                if client.next <= now {
                    client.next = (client.next + PAUSE).max(now);
                    let sent = self.epoch.elapsed().as_nanos();
                    let offer = format!(r#"{{"type":"offer","sdp":"{}","sent":{sent}}}"#, "x".repeat(200));
                    client.stream.write_all(&frame(offer.as_bytes())).unwrap();
                }
            }
            if now >= end {
                return;
            }
            let next = self.clients.iter().map(|client| client.next).min().unwrap().min(end);
            match self.poll.poll(&mut events, Some(next.saturating_duration_since(now))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => panic!("{error}"),
                _ => {}
            }
            for event in &events {
                let epoch = self.epoch;
                self.clients[event.token().0].receive(|sent| times.push(epoch.elapsed() - sent));
            }
        }
    }
}

impl Client {
    /// Takes what has come: notes when offers were sent, and answers pings.
    fn receive(&mut self, mut note: impl FnMut(Duration)) {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the server has closed a connection"),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        while let [first, length, ..] = self.received[..] {
            let (head, length) = match (length, self.received.get(2..4)) {
                (126, Some(bytes)) => (4, usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))),
                (0..126, _) => (2, usize::from(length)),
                _ => return,
            };
            if self.received.len() < head + length {
                return;
            }
            let frame: Vec<u8> = self.received.drain(..head + length).skip(head).collect();
            let text = String::from_utf8_lossy(&frame);
            if first == 0x89 {
                self.stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).unwrap();
            } else if let Some((_, sent)) = text.rsplit_once(r#""sent":"#) {
                let sent: u64 = sent.trim_end_matches('}').parse().unwrap();
                note(Duration::from_nanos(sent));
            }
        }
    }
}
