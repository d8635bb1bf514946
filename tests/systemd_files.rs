//! The files in `systemd/`, as far as they can be checked without a systemd that is new enough: `tests/systemd_machine.rs` has one.

mod common;

use common::{announce, server::TempDir, skip};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const SUZU: &str = env!("CARGO_BIN_EXE_suzu");

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The values of a key, in their order.
fn values(text: &str, key: &str) -> Vec<String> {
    let value = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    text.lines().filter_map(value).collect()
}

/// `systemd-analyze`; `None` if it is not installed.
fn analyze(args: &[&str]) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(args).env("LC_ALL", "C").output();
    if output.is_err() {
        skip("systemd-analyze (of the package systemd)");
    }
    output.ok()
}

/// The version of this machine's systemd.
fn version() -> Option<u32> {
    let said = String::from_utf8(analyze(&["--version"])?.stdout).unwrap();
    said.split_whitespace().nth(1)?.parse().ok()
}

/// Which versions take exception to what, and say so: nothing else is forgiven.
const COMPLAINTS: [(u32, &str); 1] = [(253, "Failed to parse service type, ignoring: notify-reload")];

#[test]
fn verify_finds_nothing_wrong() {
    let Some(version) = version() else { return };
    for drop_in in [None, Some("example.conf"), Some("before-253.conf")] {
        let dir = TempDir::new();
        // A command without a folder is looked for where this machine has its programs, and suzu is not there.
        let here = |text: String| text.replace("ExecStart=suzu ", &format!("ExecStart={SUZU} "));
        fs::write(dir.join("suzu.service"), here(text("suzu.service"))).unwrap();
        fs::write(dir.join("suzu.socket"), text("suzu.socket")).unwrap();
        if let Some(name) = drop_in {
            fs::create_dir(dir.join("suzu.service.d")).unwrap();
            let text = here(text(&format!("drop-ins/{name}")));
            fs::write(dir.join("suzu.service.d").join(name), text).unwrap();
        }
        let units = ["suzu.service", "suzu.socket"].map(|name| dir.join(name).display().to_string());
        let output = analyze(&["verify", "--man=no", &units[0], &units[1]]).unwrap();
        // It returns 0 for a key that it does not know: what it says counts.
        let said = String::from_utf8(output.stderr).unwrap();
        let is_known =
            |line: &&str| COMPLAINTS.iter().any(|(since, text)| version < *since && line.ends_with(text));
        let complaints: Vec<_> = said.lines().filter(|line| !is_known(line)).collect();
        assert!(complaints.is_empty(), "{drop_in:?}: {complaints:#?}");
        assert!(output.status.success(), "{drop_in:?}: {}", output.status);
    }
}

#[test]
fn little_is_exposed() {
    let unit = path("suzu.service").display().to_string();
    let Some(output) = analyze(&["security", "--offline=true", "--threshold=12", "--no-pager", &unit]) else {
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    announce(said.lines().last().unwrap_or_default());
    assert!(output.status.success(), "{said}");
}

/// The ceiling, in bytes, that follows from the flags of a unit's command.
#[cfg(feature = "tls")]
fn ceiling(command: &str) -> u64 {
    // What stands before the settings is about this machine, and costs nothing.
    let (_, flags) = command.split_once("/suzu/admin.sock").unwrap();
    let output = Command::new(SUZU).arg("--check").args(flags.split_whitespace()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let last = said.lines().last().unwrap();
    let kib = last.strip_prefix("# memory ceiling: ").and_then(|rest| rest.split(' ').next());
    kib.unwrap_or_else(|| panic!("{said}")).parse::<u64>().unwrap() * 1024
}

/// The limits are for the build with everything.
#[cfg(feature = "tls")]
#[test]
fn memory_max_is_the_ceiling_and_a_little_more() {
    for name in ["suzu.service", "drop-ins/example.conf"] {
        let text = text(name);
        let ceiling = ceiling(values(&text, "ExecStart").last().unwrap());
        let max = values(&text, "MemoryMax");
        let mib: u64 = max[0].strip_suffix('M').unwrap().parse().unwrap();
        let bytes = mib * 1024 * 1024;
        assert!(bytes >= ceiling + ceiling / 10, "{name}: {mib}M is too little for {ceiling} bytes");
        assert!(bytes <= ceiling + ceiling / 4, "{name}: {mib}M is much more than {ceiling} bytes");
    }
}

#[test]
fn all_files_name_the_port_that_suzu_listens_on_by_default() {
    let output = Command::new(SUZU).arg("--check").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let listen = said.lines().find_map(|line| line.strip_prefix("listen = ")).unwrap();
    let port = listen.rsplit(':').next().unwrap();
    let socket = values(&text("suzu.socket"), "ListenStream");
    assert_eq!(socket, [&format!("0.0.0.0:{port}"), &format!("[::]:{port}"), "/run/suzu.sock"]);
    for name in ["suzu.dnssd", "suzu-ayame.dnssd"] {
        assert_eq!(values(&text(name), "Port"), [port], "{name}");
    }
    assert_eq!(text("avahi/suzu.service").matches(&format!("<port>{port}</port>")).count(), 2);
}

#[test]
fn both_ways_to_advertise_say_the_same() {
    let avahi = text("avahi/suzu.service");
    for name in ["suzu.dnssd", "suzu-ayame.dnssd"] {
        let text = text(name);
        let [kind, txt] = ["Type", "TxtText"].map(|key| values(&text, key).remove(0));
        let service = format!("<type>{kind}</type>");
        let said =
            avahi.split(&service).nth(1).unwrap_or_else(|| panic!("{name}: Avahi does not say {kind}"));
        let said = said.split("</service>").next().unwrap();
        assert!(said.contains(&format!("<txt-record>{txt}</txt-record>")), "{name}: {said}");
    }
}

#[test]
fn the_readme_has_every_file() {
    let readme = text("README.md");
    for folder in ["", "drop-ins/", "avahi/"] {
        for entry in fs::read_dir(path(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}{}", entry.file_name().to_str().unwrap());
            if name != "README.md" && entry.file_type().unwrap().is_file() {
                assert!(readme.contains(&format!("`{name}`")), "{name} is not in systemd/README.md");
            }
        }
    }
}
