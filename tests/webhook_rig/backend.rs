//! A webhook server that keeps what it was asked, and answers as a test wants.

use super::{PATIENCE, Server, read_request};
use std::{
    io::Write,
    net::TcpStream,
    sync::{Arc, Condvar, Mutex, mpsc::channel},
    thread,
    time::{Duration, Instant},
};

pub struct Backend {
    pub server: Server,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request, and when it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub head: String,
    pub body: String,
    pub at: Instant,
}

impl Asked {
    /// A string of the body.
    pub fn get(&self, field: &str) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body[field].as_str().unwrap_or_default().to_owned()
    }

    /// The values of a header.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
    }
}

impl Backend {
    /// For each request, `answer` gets its number, itself and the connection, which is closed if it says false.
    pub fn start(answer: impl Fn(usize, &Asked, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let server = Server::start(move |_, mut stream| {
            while let Some(request) = read_request(&mut stream) {
                let (head, body) = request.split_once("\r\n\r\n").unwrap();
                let request = Asked { head: head.to_owned(), body: body.to_owned(), at: Instant::now() };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                if !answer(number, &request, &mut stream) {
                    break;
                }
            }
        });
        Self { server, asked }
    }

    /// Answers each request with this content.
    pub fn answering(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |_, asked, stream| reply(stream, 200, &answer(asked)))
    }

    /// Lets everybody in.
    pub fn allowing() -> Self {
        Self::answering(|_| ALLOWED.to_owned())
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, count: usize) -> Vec<Asked> {
        let end = Instant::now() + PATIENCE;
        while self.asked.lock().unwrap().len() < count {
            assert!(Instant::now() < end, "{count} requests were to come: {:?}", self.asked());
            thread::yield_now();
        }
        self.asked()
    }
}

pub const ALLOWED: &str = r#"{"allowed":true}"#;

/// Answers; true, as the connection can be used again.
pub fn reply(stream: &mut TcpStream, status: u16, body: &str) -> bool {
    let head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + body).as_bytes()).is_ok()
}

/// Lets time pass.
pub fn pause(time: Duration) {
    let (_held, never) = channel::<()>();
    let _ = never.recv_timeout(time);
}

/// Holds answers back until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn wait(&self) {
        let held = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(held, PATIENCE, |is_open| !*is_open).unwrap());
    }
}
