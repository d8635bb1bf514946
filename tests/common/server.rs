//! A server of its own for each test: the real binary on a free port, gone when the test is.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

/// Nothing that a test waits for takes longer, however slow the machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct TestServer {
    child: Child,
    pub address: SocketAddr,
    /// What it printed before it was ready.
    pub banner: Vec<String>,
    log: Arc<Mutex<String>>,
}

impl TestServer {
    /// Starts `suzu --listen 127.0.0.1:0` with these arguments besides, and waits until it says that it is ready.
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suzu"));
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        Self::start_command(command)
    }

    /// The same for a command that ends up being suzu.
    pub fn start_command(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().unwrap(), log.clone());
        let (lines, banner) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));

        let mut server =
            Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), banner: Vec::new(), log };
        while !server.banner.last().is_some_and(|line| line.starts_with("open ")) {
            match banner.recv_timeout(DEADLINE) {
                Ok(line) => server.banner.push(line),
                Err(_) => panic!("the server did not start: {:?} {}", server.banner, server.log()),
            }
        }
        let address = server.banner[0].strip_prefix("listening on http://").unwrap();
        server.address = address.parse().unwrap();
        server
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has this in it.
    pub fn wait_for_log(&self, text: &str) {
        wait_until(&format!("{text:?} in the log"), || self.log().contains(text));
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not stop");
            thread::yield_now();
        }
    }

    /// Whether it is still running.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            super::announce(&format!("the server's log:\n{}", self.log()));
        }
    }
}

/// Waits for a condition.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::yield_now();
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
}
