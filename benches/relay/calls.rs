//! What a relayed message asks of the kernel and of the allocator.

use super::{
    Bench,
    client::SIZES,
    contender::{Contender, NO_LIMIT, Speech, has_tls},
    report::{Section, short},
    runner::Runner,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

const TIME: Duration = Duration::from_millis(300);
const CLIENTS: usize = 100;
/// A wait, a receive and a send.
const CALLS: f64 = 3.0;
/// So often system calls are counted: the tick of the pings comes into one of these times at most.
const TIMES: usize = 3;

pub(crate) fn run(bench: &Bench, skip: &mut dyn FnMut(&str)) -> Vec<Section> {
    let can_trace = can_trace();
    if !can_trace {
        skip("system calls a message: needs strace, and permission to trace");
    }
    let head = [
        "server",
        "system calls, 200 B",
        "3 KB",
        "200 B, 100 at once",
        "allocations, 200 B",
        "bytes allocated",
    ];
    let mut section = Section::new("calls", "System calls and allocations a relayed message", &head);
    let speeches = [Speech::Ayame, Speech::Mesh, Speech::Relay];
    let all = speeches.iter().flat_map(|&speech| [false, true].map(|has_tls| (speech, has_tls)));
    let mut rows = vec![(None, Contender::websocket(bench.cores))];
    for (speech, has_tls) in all.filter(|(_, wanted)| !wanted || has_tls()) {
        rows.push((Some((speech, has_tls)), Contender::suzu(bench.cores, speech, has_tls, CLIENTS)));
    }
    for (suzu, contender) in rows {
        let name = contender.name.clone();
        let mut runner = Runner::new(contender, CLIENTS);
        let mut calls = |talkers, size| {
            let one = |_| system_calls(&mut runner, talkers, size);
            can_trace.then(|| (0..TIMES).map(one).fold(f64::MAX, f64::min))
        };
        let (light, long, saturated) = (calls(1, 0), calls(1, 1), calls(CLIENTS, 0));
        let allocated = suzu.map(|(speech, has_tls)| allocations(bench, speech, has_tls));
        for (bytes, calls) in SIZES.iter().zip([light, long]) {
            if let (Some(calls), Some((_, false))) = (calls, suzu) {
                section.at_most(format!("{name}, {bytes} B: system calls at light load"), calls, CALLS, "");
            }
        }
        let cell = |figure: Option<f64>| figure.map_or_else(|| "?".to_owned(), short);
        let (count, bytes) = (allocated.map(|(count, _)| count), allocated.map(|(_, bytes)| bytes));
        let json = json!({
            "server": name, "system_calls_light": light, "system_calls_light_3_kb": long, "system_calls_saturated": saturated,
            "allocations": count, "allocated_bytes": bytes,
        });
        section.row(vec![name, cell(light), cell(long), cell(saturated), cell(count), cell(bytes)], json);
    }
    vec![section]
}

fn can_trace() -> bool {
    let status =
        Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// How many a message, by strace, to the hundredth: the last wait belongs to no message.
fn system_calls(runner: &mut Runner, talkers: usize, size: usize) -> f64 {
    let sums = env::temp_dir().join(format!("suzu-bench-{}-strace", std::process::id()));
    runner.crowd.settle();
    let mut strace = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .arg(&sums)
        .args(["-p", &runner.contender.pid().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(strace.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("attached"), "{said}");
    let messages = runner.crowd.talk(talkers, size, TIME).messages;
    kill_process(Pid::from_child(&strace), Signal::INT).unwrap();
    strace.wait().unwrap();
    let table = fs::read_to_string(&sums).unwrap();
    let _ = fs::remove_file(&sums);
    let total = table.lines().find(|line| line.ends_with(" total")).expect("no sum of strace");
    let calls: f64 = total.split_whitespace().nth(3).unwrap().parse().unwrap();
    (100.0 * calls / messages as f64).round() / 100.0
}

/// How many a message, and how many bytes, in a server that counts them.
fn allocations(bench: &Bench, speech: Speech, has_tls: bool) -> (f64, f64) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg("--serve-suzu");
    let tls = if has_tls { "auto" } else { "off" };
    let args = [&["--tls", tls][..], &NO_LIMIT].concat();
    let contender = Contender::suzu_with(bench.cores, "suzu, counting", command, speech, has_tls, &args);
    let mut runner = Runner::new(contender, CLIENTS);
    runner.crowd.talk(CLIENTS, 0, TIME);
    let before = counted(&mut runner.contender);
    let messages = runner.crowd.talk(CLIENTS, 0, TIME).messages as f64;
    let after = counted(&mut runner.contender);
    ((after.0 - before.0) / messages, (after.1 - before.1) / messages)
}

/// What the counting server has allocated so far: how often, and how many bytes.
fn counted(contender: &mut Contender) -> (f64, f64) {
    contender.ask.as_mut().unwrap().write_all(b"?\n").unwrap();
    let mut answer = String::new();
    loop {
        answer.clear();
        contender.answers.read_line(&mut answer).unwrap();
        if let Some(numbers) = answer.strip_prefix("allocated ") {
            let mut numbers = numbers.split_whitespace().map(|word| word.parse().unwrap());
            return (numbers.next().unwrap(), numbers.next().unwrap());
        }
    }
}
