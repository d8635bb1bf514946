//! A server of its own for each test: the real binary on a free port, gone when the test is.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::fs::FileExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Nothing that a test waits for takes longer, however slow the machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// All clients of a test have one address, and many say more than people do.
const NO_LIMIT: [&str; 4] = [
    "--max-connections-per-address",
    "--max-connections-per-second",
    "--max-messages-per-second",
    "--max-bytes-per-second",
];

pub struct TestServer {
    child: Child,
    /// Where it keeps what it makes.
    pub state: TempDir,
    pub address: SocketAddr,
    /// What it printed before it was ready.
    pub banner: Vec<String>,
    /// A file without a name: what it has written is there to be read, while a pipe would have to be emptied first.
    log: File,
}

impl TestServer {
    /// Starts `suzu --listen 127.0.0.1:0` with these arguments besides and a state directory of its own, and waits until it says that it is
    /// ready.
    pub fn start(args: &[&str]) -> Self {
        Self::start_in(TempDir::new(), args)
    }

    /// The same with what is in a directory already.
    pub fn start_in(state: TempDir, args: &[&str]) -> Self {
        Self::start_command(Self::command(args), state)
    }

    /// What starts it.
    pub fn command(args: &[&str]) -> Command {
        let mut command = super::start::program();
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        for flag in NO_LIMIT.into_iter().filter(|flag| !args.contains(flag)) {
            command.args([flag, "0"]);
        }
        command
    }

    /// The same for a command that ends up being suzu.
    pub fn start_command(mut command: Command, state: TempDir) -> Self {
        // A setting of the test's own would win over this.
        command.env("STATE_DIRECTORY", &state.path);
        let log = nameless_file();
        let stderr = log.try_clone().unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let (lines, banner) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));

        let mut server =
            Self { child, state, address: SocketAddr::from(([127, 0, 0, 1], 0)), banner: Vec::new(), log };
        while !server.banner.last().is_some_and(|line| line.starts_with("open ")) {
            match banner.recv_timeout(DEADLINE) {
                Ok(line) => server.banner.push(line),
                Err(_) => panic!("the server did not start: {:?} {}", server.banner, server.log()),
            }
        }
        let address = server.banner[0].strip_prefix("listening on http://").unwrap();
        server.address = address.trim_end_matches(", and https").parse().unwrap();
        server
    }

    /// What it has logged so far, but for what it says about certificates that it makes at its start.
    pub fn log(&self) -> String {
        let is_about_start = |line: &&str| line.contains("[suzu::net::tls::local]");
        self.whole_log().split_inclusive('\n').filter(|line| !is_about_start(line)).collect()
    }

    /// Everything that it has logged so far.
    pub fn whole_log(&self) -> String {
        let mut bytes = vec![0; self.log.metadata().unwrap().len() as usize];
        self.log.read_exact_at(&mut bytes, 0).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the log has this in it.
    pub fn wait_for_log(&self, text: &str) {
        wait_until(&format!("{text:?} in the log"), || self.whole_log().contains(text));
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

/// A directory that is gone when the test is.
pub struct TempDir {
    pub path: PathBuf,
}

impl TempDir {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("suzu-test-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
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

fn nameless_file() -> File {
    let dir = TempDir::new();
    File::options().read(true).write(true).create_new(true).open(dir.join("log")).unwrap()
}
