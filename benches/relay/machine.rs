//! What the kernel says about a process and about this machine, and which core does what.

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use std::{
    fs,
    thread::available_parallelism,
    time::{Duration, Instant},
};

/// The processor time that a process has taken so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// Exact: the scheduler's own sum, over all threads.
    pub(crate) nanos: u64,
    /// How long it had something to do and the core was somebody else's.
    pub(crate) waited_nanos: u64,
    /// In ticks of 10 ms, sampled by the kernel: good for the share of one in both, over many slices.
    user_ticks: u64,
    system_ticks: u64,
}

impl Cpu {
    pub(crate) fn of(pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // The name may have spaces and brackets in it; numbers begin behind the last bracket, with field 3.
        let numbers = stat.rsplit_once(')').unwrap().1;
        let field = |number: usize| numbers.split_whitespace().nth(number - 3).unwrap().parse().unwrap();
        let (nanos, waited_nanos) = scheduled(pid);
        Self { nanos, waited_nanos, user_ticks: field(14), system_ticks: field(15) }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            nanos: self.nanos - before.nanos,
            waited_nanos: self.waited_nanos - before.waited_nanos,
            user_ticks: self.user_ticks - before.user_ticks,
            system_ticks: self.system_ticks - before.system_ticks,
        }
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.nanos += more.nanos;
        self.waited_nanos += more.waited_nanos;
        self.user_ticks += more.user_ticks;
        self.system_ticks += more.system_ticks;
    }

    /// How much of it was spent outside the kernel, from 0 to 1.
    pub(crate) fn user_share(self) -> f64 {
        self.user_ticks as f64 / (self.user_ticks + self.system_ticks).max(1) as f64
    }
}

/// How long all threads of a process have run, and how long they have waited to.
fn scheduled(pid: u32) -> (u64, u64) {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let sums = threads.flatten().map(|thread| {
        // A thread that has just ended has no file any more.
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let mut numbers = text.split_whitespace().map(|word| word.parse::<u64>().unwrap());
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    });
    sums.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
}

/// Waits until a process has nothing to do: what it did last is accounted for only then.
pub(crate) fn wait_asleep(pid: u32) {
    let deadline = Instant::now() + Duration::from_millis(500);
    let is_asleep = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.trim_start().starts_with('S')
    };
    while !is_asleep() && Instant::now() < deadline {
        std::hint::spin_loop();
    }
}

/// The memory of a process, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) private_dirty: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        Self { resident: number(&rollup, "Rss:"), private_dirty: number(&rollup, "Private_Dirty:") }
    }
}

/// How often a process has gone to sleep of itself: each time something woke it up again.
pub(crate) fn sleeps(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let status = threads.map(|thread| fs::read_to_string(thread.path().join("status")).unwrap_or_default());
    status.map(|text| number(&text, "voluntary_ctxt_switches:")).sum()
}

/// Whether a program has no C library of the system's in its memory.
pub(crate) fn is_static(pid: u32) -> bool {
    !fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().contains("libc.so")
}

/// The number behind a word at the beginning of a line.
fn number(text: &str, word: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or("0");
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// One core for whoever is measured, and another for the load.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    server: usize,
    load: usize,
}

impl Cores {
    /// The first and the last that this process may run on.
    pub(crate) fn choose() -> Self {
        let allowed = sched_getaffinity(None).unwrap();
        let mut usable = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let server = usable.next().unwrap();
        Self { server, load: usable.next_back().unwrap_or(server) }
    }

    pub(crate) fn are_two(self) -> bool {
        self.server != self.load
    }

    /// Does something, such as starting a process, on the server's core; what it starts stays there.
    pub(crate) fn on_server<T>(self, what: impl FnOnce() -> T) -> T {
        pin(self.server);
        let result = what();
        pin(self.load);
        result
    }
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).unwrap();
}

/// As many open files as this user may have at all: one for each client.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// What the figures were measured on.
pub(crate) fn description() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name);
    let cores = available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{model}, {cores} cores, {}, Linux {}", std::env::consts::ARCH, kernel.trim())
}
