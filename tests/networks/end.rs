//! One end of a call: a client on real WebRTC in Node (tests/browser/far.mjs), on a machine far away.

use crate::common::{announce, link::Far, skip, start::Guarded};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// What is lost is sent again, later and later: it may take long.
const PATIENCE: Duration = Duration::from_secs(60);

/// It runs until this is dropped.
pub(crate) struct End {
    lines: Receiver<String>,
    _node: Guarded,
}

impl End {
    /// Starts it, and waits until it has a seat; `None`, said loudly, if something is missing.
    pub(crate) fn seated(far: &Far, client: &str, url: &str, [id, other]: [&str; 2]) -> Option<Self> {
        // WebRTC for Node is native code that now and then crashes at its start, before it has met a server.
        (0..3).find_map(|_| Self::start(far, [client, url, "door", id, other])).map(|(end, first)| {
            if let Some(needs) = first.strip_prefix("skipped: needs ") {
                skip(needs);
                return None;
            }
            assert!(first.contains("seated"), "{first}");
            Some(end)
        })?
    }

    /// And the first thing that it says; `None` if it says nothing.
    fn start(far: &Far, words: [&str; 5]) -> Option<(Self, String)> {
        let mut node = far.machine.command("node");
        node.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"))
            .arg("far.mjs")
            .args(words);
        let mut node = Guarded(node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
        let (said, lines) = channel();
        let stdout = BufReader::new(node.0.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        let end = Self { lines, _node: node };
        let first = end.lines.recv_timeout(PATIENCE).ok()?;
        announce(&first);
        Some((end, first))
    }

    /// Waits for a line with this in it.
    pub(crate) fn wait_for(&self, what: &str) {
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no {what:?}: {error}"));
            announce(&line);
            if line.contains(what) {
                return;
            }
        }
    }

    /// Whether it has said this meanwhile.
    pub(crate) fn has_said(&self, what: &str) -> bool {
        self.lines.try_iter().inspect(|line| announce(line)).any(|line| line.contains(what))
    }
}
