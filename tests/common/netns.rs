//! Networks of a test's own: it can have other machines in them, and nobody else sees them. They are gone with the last process in them.

use super::{announce, skip, start::Guarded};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    env,
    fs::File,
    os::fd::AsFd,
    process::{Command, Stdio},
    thread,
};

/// Set for a test that runs again, in a network of its own.
const INSIDE: &str = "SUZU_TEST_NETWORK";

/// Runs the calling test again in a network of its own, which has nothing but a loopback interface. True there; false outside, where the
/// test was run and there is nothing left to do.
pub fn is_alone(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        run("ip", "link set lo up");
        return true;
    }
    let can = |words: &[&str]| {
        let status =
            Command::new(words[0]).args(&words[1..]).stderr(Stdio::null()).stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !can(&["unshare", "-n", "true"]) || !can(&["ip", "-V"]) || !can(&["nsenter", "--version"]) {
        skip("root, iproute2 and util-linux, for a network of the test's own");
        return false;
    }
    let mut again = Command::new("unshare");
    again.arg("-n").arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let output = again.env(INSIDE, "1").output().unwrap();
    let [text, announced] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() && text.contains("1 passed"), "{text}{announced}");
    announced.lines().for_each(announce);
    false
}

/// Runs `ip` in the test's own network.
pub fn ip(words: &str) {
    run("ip", words);
}

/// Another machine, at the other end of a cable.
pub struct Machine {
    holder: Guarded,
}

impl Machine {
    /// One that no cable leads to.
    pub fn alone() -> Self {
        // It waits for its standard input, which never comes, and is in that network meanwhile.
        let holder = Command::new("unshare").args(["-n", "cat"]).stdin(Stdio::piped()).spawn().unwrap();
        let machine = Self { holder: Guarded(holder) };
        let pid = machine.pid();
        // The name of the network is there when unshare has made it: until then an interface would stay here.
        super::server::wait_until("a network of its own", || {
            let network = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
            network(&pid.to_string()) != network("self")
        });
        machine.ip("link set lo up");
        machine
    }

    /// Lays the cable between here, at this address, and there.
    pub fn wired(here: &str, there: &str) -> Self {
        let machine = Self::alone();
        run("ip", &format!("link add here type veth peer name there netns {}", machine.pid()));
        run("ip", &format!("addr add {here}/24 dev here"));
        run("ip", "link set here up");
        machine.ip(&format!("addr add {there}/24 dev there"));
        machine.ip("link set there up");
        machine
    }

    /// A process in its network.
    pub fn pid(&self) -> u32 {
        self.holder.0.id()
    }

    /// Does something there, such as to open a socket, which stays there.
    pub fn inside<V: Send + 'static>(&self, what: impl FnOnce() -> V + Send + 'static) -> V {
        let network = File::open(format!("/proc/{}/ns/net", self.pid())).unwrap();
        let there = thread::spawn(move || {
            // This thread alone goes there, and ends there.
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            what()
        });
        there.join().unwrap()
    }

    /// Runs `ip` there.
    pub fn ip(&self, words: &str) {
        run("nsenter", &format!("-t {} -n ip {words}", self.pid()));
    }

    /// What runs a program there.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid().to_string(), "-n", program]);
        command
    }
}

fn run(program: &str, words: &str) {
    let output = Command::new(program).args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&output.stderr));
}
