//! What the tests of who may come in share: clients from any loopback address with any headers, secrets in files, and tokens.

use super::{
    server::TempDir,
    wire::{HANDSHAKE, Wire, with_deadlines},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac_sha256::HMAC;
use socket2::{Domain, Socket, Type};
use std::{
    fs,
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::PermissionsExt,
    process::Stdio,
    time::SystemTime,
};

/// What signs tokens.
pub const SECRET: &str = "north by northwest, and a bit to the south";
/// What `suzu token` writes before the token.
pub const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// A client at this address of this machine: all of 127.0.0.0/8 is here.
pub fn connect_from(source: impl Into<IpAddr>, to: SocketAddr) -> Wire {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source.into(), 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    Wire::over(with_deadlines(socket.into()))
}

/// What came of asking for a WebSocket or a page.
pub struct Asked {
    pub status: u16,
    pub head: String,
    pub wire: Wire,
}

impl Asked {
    /// The client, if it was let in.
    pub fn let_in(self) -> Wire {
        assert_eq!(self.status, 101, "{}", self.head);
        self.wire
    }

    /// The seconds that a 429 says to wait.
    pub fn retry_after(&self) -> u64 {
        let value = self.head.lines().find_map(|line| line.strip_prefix("Retry-After: "));
        value.unwrap_or_else(|| panic!("{}", self.head)).parse().unwrap()
    }
}

/// Asks for a WebSocket. `headers` are whole lines, with a `Host` or without.
pub fn ask(wire: Wire, path: &str, headers: &str) -> Asked {
    request(wire, path, &format!("{headers}{HANDSHAKE}"))
}

/// Asks for a page.
pub fn request(mut wire: Wire, path: &str, headers: &str) -> Asked {
    let host = if headers.contains("Host: ") { "" } else { "Host: box.local\r\n" };
    wire.send(format!("GET {path} HTTP/1.1\r\n{host}{headers}\r\n").as_bytes());
    let head = wire.head();
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap().parse().unwrap();
    Asked { status, head, wire }
}

/// Whether a connection is taken in and served, rather than closed without a word.
pub fn is_served(mut wire: Wire) -> bool {
    // It may be closed before this is written.
    let _ = wire.stream.write_all(b"GET /.ok HTTP/1.1\r\nHost: box.local\r\n\r\n");
    wire.rest().starts_with(b"HTTP/1.1 200 ")
}

/// A file that nobody else can read; its path.
pub fn private_file(dir: &TempDir, name: &str, text: &str) -> String {
    file_with_mode(dir, name, text, 0o600)
}

/// A file with these permissions; its path.
pub fn file_with_mode(dir: &TempDir, name: &str, text: &str, mode: u32) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs the program to its end: exit code, standard output and standard error.
pub fn run(args: &[&str]) -> (i32, String, String) {
    let output = super::start::program().args(args).stdin(Stdio::null()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().expect("it was killed"), out, err)
}

/// The token that `suzu token` makes with this secret.
pub fn mint(secret_file: &str, args: &[&str]) -> String {
    let args = [&["token", "--token-secret-file", secret_file], args].concat();
    let (code, out, err) = run(&args);
    assert_eq!((code, &*err), (0, ""), "{args:?}: {out}");
    out.lines().find_map(|line| line.strip_prefix("token  ")).unwrap().to_owned()
}

/// Any header and payload, signed with HS256.
pub fn signed(header: &str, payload: &str, secret: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), secret.as_bytes()));
    format!("{signed}.{signature}")
}

/// Seconds since 1970.
pub fn unix() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// CPU time that a process has used, in hundredths of a second: `utime` and `stime` of proc_pid_stat(5), in the ticks that Linux shows to
/// everybody (USER_HZ, 100 on all that suzu runs on).
pub fn cpu_hundredths(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in parentheses may have spaces in it; `state` is the first field after it, `utime` the twelfth.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
