//! Whole machines, emulated: a kernel and what is in its memory at the start, made by the scripts in `tests/machine`, with suzu in it.

use super::{
    announce,
    server::{DEADLINE, TempDir},
    skip,
    start::Guarded,
};
use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

/// From power on to power off, emulated on a machine that has other things to do as well.
pub const LIFE: Duration = Duration::from_secs(300);

/// A kind of machine.
pub struct Kind {
    /// Debian's word for its processor.
    pub architecture: &'static str,
    qemu: &'static str,
    /// Of which processor and board, and with a first serial port, which is the kernel's.
    hardware: &'static [&'static str],
    /// What the kernel calls that port.
    console: &'static str,
    /// What else its kernel is told.
    words: &'static str,
    /// Adds a port that the machine calls ttyS1.
    second_port: &'static [&'static str],
}

/// A PC.
pub const AMD64: Kind = Kind {
    architecture: "amd64",
    qemu: "qemu-system-x86_64",
    // Without cmpxchg16b: qemu 7.2 gets its flags wrong now and then, and the kernel dies of it.
    hardware: &["-accel", "tcg", "-cpu", "max,-cx16"],
    console: "ttyS0",
    words: "",
    second_port: &["-serial", "chardev:report"],
};

/// The Raspberry Pi 3's processor.
pub const ARM64: Kind = Kind {
    architecture: "arm64",
    qemu: "qemu-system-aarch64",
    hardware: &["-M", "virt", "-cpu", "cortex-a53"],
    console: "ttyAMA0",
    // Files may take more than half of the memory.
    words: "rootfstype=ramfs",
    // Its own port is of another kind, so a ttyS0 comes first.
    second_port: &[
        "-chardev",
        "null,id=none",
        "-device",
        "pci-serial,chardev=none",
        "-device",
        "pci-serial,chardev=report",
    ],
};

/// The Raspberry Pi 2's.
pub const ARMHF: Kind = Kind {
    architecture: "armhf",
    qemu: "qemu-system-arm",
    hardware: &["-M", "virt", "-cpu", "cortex-a7"],
    console: "ttyAMA0",
    // Files may take more than half of the memory.
    words: "rootfstype=ramfs",
    second_port: &[],
};

impl Kind {
    /// The one that runs this program.
    pub fn of(program: &Path) -> &'static Self {
        let mut head = [0; 20];
        fs::File::open(program).unwrap().read_exact(&mut head).unwrap();
        // e_machine of the ELF header.
        match u16::from_le_bytes([head[18], head[19]]) {
            40 => &ARMHF,
            183 => &ARM64,
            other => panic!("{}: there is no board of ELF's machine {other}", program.display()),
        }
    }

    /// Whether it can be emulated here; said loudly if not.
    pub fn is_there(&self) -> bool {
        let is_there = Command::new(self.qemu).arg("--version").stdout(Stdio::null()).status().is_ok();
        if !is_there {
            skip(self.qemu);
        }
        is_there
    }

    /// What such a machine starts with, without suzu, made once and kept where the build keeps its own; the folder that it is in.
    pub fn made_by(&self, name: &str) -> Option<PathBuf> {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", self.architecture));
        Some(PathBuf::from(script(name, &[cache.to_str().unwrap(), self.architecture])?.trim()))
    }

    /// The machine, off, with so much memory, and suzu in it besides what is in `made`.
    pub fn with(&self, mebibytes: u32, made: &Path, suzu: &Path) -> Machine {
        let dir = TempDir::new();
        let overlay = dir.join("overlay.cpio");
        script("overlay", &[suzu.to_str().unwrap(), overlay.to_str().unwrap()]);
        // The kernel unpacks one archive after the other.
        let mut initrd = fs::File::create(dir.join("initrd")).unwrap();
        for part in [made.join("base.cpio"), overlay] {
            io::copy(&mut fs::File::open(part).unwrap(), &mut initrd).unwrap();
        }
        let mut qemu = Command::new(self.qemu);
        qemu.args(self.hardware).args(["-smp", "1", "-m", &mebibytes.to_string()]);
        qemu.args(["-nodefaults", "-display", "none", "-no-reboot"]);
        qemu.arg("-kernel").arg(made.join("vmlinuz")).arg("-initrd").arg(dir.join("initrd"));
        qemu.args(["-chardev", "stdio,id=report,signal=off"]);
        Machine { dir, qemu, console: self.console, words: self.words, second_port: self.second_port }
    }
}

/// Runs one of the scripts in `tests/machine`; what it says.
fn script(name: &str, args: &[&str]) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine").join(name);
    let output = Command::new(script).args(args).stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(77) {
        skip(said.trim().trim_start_matches("skipped: needs "));
        return None;
    }
    assert!(output.status.success(), "{name}: {said}");
    Some(said)
}

/// A machine before it is switched on.
pub struct Machine {
    pub dir: TempDir,
    qemu: Command,
    console: &'static str,
    words: &'static str,
    second_port: &'static [&'static str],
}

impl Machine {
    /// Lets it run until it is through, with words for its kernel; what came out of its second serial port.
    fn run(&mut self, words: &str) -> Vec<String> {
        let file = format!("file:{}", self.dir.join("console").display());
        self.qemu.args(["-serial", &file]).args(self.second_port);
        let running = self.start(words);
        let deadline = Instant::now() + LIFE;
        let mut said = Vec::new();
        // Until it has no more to say, or no more time.
        while let Ok(line) = running.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            said.push(line);
        }
        running.stop();
        said
    }

    /// Switches on a machine that does what it is told, with a port of its own that is reached from here.
    pub fn board(mut self, port: u16) -> Board {
        let monitor = self.dir.join("monitor");
        self.qemu.args(["-serial", "chardev:report", "-device", "virtio-net-device,netdev=here"]);
        self.qemu.args(["-netdev", &format!("user,id=here,hostfwd=tcp:127.0.0.1:0-:{port}")]);
        self.qemu.args(["-monitor", &format!("unix:{},server=on,wait=off", monitor.display())]);
        let running = self.start("");
        let mut board = Board { running, address: SocketAddr::from(([127, 0, 0, 1], 0)), _dir: self.dir };
        // It is through with its start when it answers for the first time.
        board.answer(LIFE);
        board.address.set_port(forwarded(&monitor));
        board
    }

    fn start(&mut self, words: &str) -> Running {
        let Self { console, words: own, .. } = self;
        self.qemu.args(["-append", &format!("console={console} quiet panic=-1 {own} {words}")]);
        let child = self.qemu.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut process = Guarded(child);
        let (to, lines) = mpsc::channel();
        let port = BufReader::new(process.0.stdout.take().unwrap());
        thread::spawn(move || {
            port.lines().map_while(Result::ok).try_for_each(|line| to.send(line.trim_end().to_owned()))
        });
        let input = process.0.stdin.take().unwrap();
        Running { process, input, lines }
    }

    /// Has systemd there make these of the checks in `tests/machine/checks`, which have to go well, in this order.
    pub fn checks(&mut self, checks: &[&str]) {
        let report = self.run(&format!(
            "systemd.show_status=0 systemd.unit=suzu-checks.service suzu_checks={}",
            checks.join(",")
        ));
        for line in &report {
            announce(&format!("machine: {line}"));
        }
        let is_verdict = |line: &&String| line.starts_with("ok ") || line.starts_with("FAIL ");
        let verdicts: Vec<_> = report.iter().filter(is_verdict).collect();
        for (place, check) in checks.iter().enumerate() {
            let verdict = verdicts.get(place).map_or("nothing", |line| line.as_str());
            let is_ok = verdict.strip_prefix("ok ").is_some_and(|rest| rest.split(' ').next() == Some(check));
            assert!(is_ok, "{check}: {verdict}\n{}", self.console());
        }
        assert_eq!(verdicts.len(), checks.len(), "checks that are not in the list");
        assert_eq!(report.last().map(String::as_str), Some("done"), "{}", self.console());
    }

    /// The end of what the kernel said.
    fn console(&self) -> String {
        let console = fs::read(self.dir.join("console")).unwrap_or_default();
        // Without what is meant for a terminal.
        let console = String::from_utf8_lossy(&console).replace(|c: char| c.is_control() && c != '\n', "");
        let lines: Vec<_> = console.lines().collect();
        format!("the console:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
    }
}

/// One that is switched on, and its serial port.
struct Running {
    process: Guarded,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Running {
    fn stop(self) {
        drop(self.process);
    }
}

/// Which port of this machine leads there.
fn forwarded(monitor: &Path) -> u16 {
    let mut stream = UnixStream::connect(monitor).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"info usernet\n").unwrap();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        if let ["TCP[HOST_FORWARD]", _, "127.0.0.1", port, ..] = words[..] {
            return port.parse().unwrap();
        }
    }
    panic!("qemu forwards nothing");
}

/// A machine that does what it is told over its only serial port (`tests/machine/board-init`).
pub struct Board {
    running: Running,
    /// Where its port is reached from here.
    pub address: SocketAddr,
    _dir: TempDir,
}

impl Board {
    /// Runs a line of shell there: what it says, and whether it went well.
    pub fn run(&mut self, line: &str) -> (Vec<String>, bool) {
        self.running.input.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.answer(DEADLINE)
    }

    /// The same for a line that has to go well.
    pub fn ask(&mut self, line: &str) -> Vec<String> {
        let (said, is_well) = self.run(line);
        assert!(is_well, "{line}: {said:?}");
        said
    }

    fn answer(&mut self, within: Duration) -> (Vec<String>, bool) {
        let deadline = Instant::now() + within;
        let mut said = Vec::new();
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.running.lines.recv_timeout(patience) else {
                panic!("the board is silent after {said:?}")
            };
            if let Some(code) = line.strip_prefix("# done ") {
                return (said, code == "0");
            }
            said.push(line);
        }
    }
}
