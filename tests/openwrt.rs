//! OpenWrt's init script under the shell that OpenWrt has, with `tests/openwrt/rc.common` in the place of OpenWrt's: what it makes of UCI's settings, and
//! whether suzu takes it.

mod common;

use common::{server::TempDir, skip};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

struct Router {
    dir: TempDir,
}

impl Router {
    /// A router with this in /etc/config/suzu, where `ROOT` is its root; `None` if there is no such shell.
    fn new(config: &str) -> Option<Self> {
        if Command::new("busybox").arg("true").status().is_err() {
            skip("busybox");
            return None;
        }
        let router = Self { dir: TempDir::new() };
        fs::create_dir_all(router.path("etc/config")).unwrap();
        router.configure(config);
        Some(router)
    }

    fn configure(&self, config: &str) {
        fs::write(self.path("etc/config/suzu"), config.replace("ROOT", &self.root())).unwrap();
    }

    fn root(&self) -> String {
        self.dir.path.display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What procd and the machine are told.
    fn run(&self, command: &str) -> Vec<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openwrt/rc.common");
        let output = Command::new("busybox")
            .arg("ash")
            .arg(script)
            .args([&self.root(), command])
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap().replace(&self.root(), "ROOT");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && complaint.is_empty(), "{command}: {said}{complaint}");
        said.lines().map(str::to_owned).collect()
    }

    /// The settings that suzu is given.
    fn file(&self) -> String {
        fs::read_to_string(self.path("var/etc/suzu.conf")).unwrap().replace(&self.root(), "ROOT")
    }

    /// What suzu makes of them, or what it has against them.
    fn suzu(&self) -> Result<String, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_suzu"))
            .args(["--check", "-C"])
            .arg(self.path("var/etc/suzu.conf"))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// The same; they must be right.
    fn check(&self) -> String {
        self.suzu().unwrap_or_else(|complaint| panic!("{complaint}{}", self.file()))
    }
}

const CONFIG: &str = r#"
config suzu 'main'
	option enabled '1'
	option state_dir 'ROOT/etc/suzu'
	option max_clients '32'
	option allow_from 'lan'
	option signaling_key 'a "quoted" $key; `x`'
	list room_key 'door hush'
	list room_key 'gate quiet'
	list ice_server 'stun:192.168.1.1:3478'
	list ice_server 'turn:192.168.1.1:3478 user credential'
	list route '/signaling ayame'

config other
	option max_clients '7'
"#;

#[test]
fn options_and_lists_become_a_file_that_only_suzu_reads() {
    let Some(router) = Router::new(CONFIG) else { return };
    let said = router.run("start");
    assert_eq!(
        said,
        [
            "user_add suzu  32768 suzu ROOT/etc/suzu",
            "chown suzu:suzu ROOT/etc/suzu",
            "chown suzu:suzu ROOT/var/etc/suzu.conf",
            "procd_open_instance ",
            "procd_set_param command /usr/bin/suzu -C ROOT/var/etc/suzu.conf",
            "procd_set_param user suzu",
            "procd_set_param group suzu",
            "procd_set_param no_new_privs 1",
            "procd_set_param respawn 3600 5 0",
            "procd_set_param stdout 1",
            "procd_set_param stderr 1",
            "procd_set_param term_timeout 10",
            "procd_close_instance ",
        ]
    );
    let file = "# Made from /etc/config/suzu by /etc/init.d/suzu.\nstate_dir = ROOT/etc/suzu\nmax_clients = 32\nallow_from = lan\n\
        signaling_key = a \"quoted\" $key; `x`\nroom_key = door hush\nroom_key = gate quiet\nice_server = stun:192.168.1.1:3478\n\
        ice_server = turn:192.168.1.1:3478 user credential\nroute = /signaling ayame\n";
    assert_eq!(router.file(), file);
    let mode = |name: &str| fs::metadata(router.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("var/etc/suzu.conf"), mode("etc/suzu")), (0o600, 0o700));
    let check = router.check();
    let settings = ["max_clients = 32", "route = /signaling ayame", "ice_server = stun:192.168.1.1:3478"];
    for line in settings.into_iter().chain(["# signaling_key = (secret)", "# room_key = (secret)"]) {
        assert!(check.lines().any(|other| other == line), "{line}: {check}");
    }
}

#[test]
fn what_stands_in_the_example_is_right() {
    let example =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/openwrt/suzu.config")).unwrap();
    let example = example.replace("'/etc/suzu'", "'ROOT/etc/suzu'");
    let Some(router) = Router::new(&example) else { return };
    router.run("start");
    assert!(router.check().lines().any(|line| line == "max_clients = 32"));
    // The lines that are only suggested, too.
    router.configure(&example.replace("\t#list", "\tlist").replace("\t#option", "\toption"));
    router.run("start");
    assert!(router.check().lines().any(|line| line == "listen = 192.168.1.1:3000"), "{}", router.file());
}

#[test]
fn a_reload_lets_nobody_go() {
    let Some(router) = Router::new(CONFIG) else { return };
    router.run("start");
    fs::write(router.path("running"), "").unwrap();
    router.configure("config suzu main\n option state_dir ROOT/etc/suzu\n option max_clients 4\n");
    let said = router.run("reload");
    assert_eq!(said, ["chown suzu:suzu ROOT/var/etc/suzu.conf", "procd_send_signal suzu * HUP"]);
    assert!(router.file().ends_with("\nstate_dir = ROOT/etc/suzu\nmax_clients = 4\n"), "{}", router.file());
    router.configure("config suzu main\n option enabled 0\n");
    assert_eq!(router.run("reload"), ["stop"]);
}

#[test]
fn a_reload_starts_what_did_not_run() {
    let Some(router) = Router::new("config suzu main\n option enabled off\n") else { return };
    assert!(router.run("start").is_empty());
    router.configure(CONFIG);
    assert!(router.run("reload").contains(&"procd_open_instance ".to_owned()));
    assert_eq!(router.run("service_triggers"), ["procd_add_reload_trigger suzu"]);
}

#[test]
fn a_jail_has_what_suzu_needs_and_no_more() {
    let config = format!(
        "{CONFIG}\nconfig suzu jail\n option jail 1\n option token_secret_file ROOT/token\n option log_dir /tmp/log\n"
    );
    let Some(router) = Router::new(&config) else { return };
    let said = router.run("start");
    let jail: Vec<_> = said.iter().filter(|line| line.contains("jail")).collect();
    assert_eq!(
        jail,
        [
            "procd_add_jail suzu log procfs",
            "procd_add_jail_mount ROOT/var/etc/suzu.conf /etc/hosts /etc/resolv.conf /etc/ssl/certs",
            "procd_add_jail_mount ROOT/token",
            "procd_add_jail_mount_rw ROOT/etc/suzu /tmp/log",
        ]
    );
}

#[test]
fn a_jail_has_the_folders_of_sockets() {
    let config = "config suzu main\n option jail 1\n option state_dir ROOT/etc/suzu\n option admin_socket /tmp/admin/suzu.sock\n \
        list listen unix:/tmp/web/suzu.sock\n list listen 127.0.0.1:3000\n option listen_metrics unix:/tmp/metrics/suzu.sock\n";
    let Some(router) = Router::new(config) else { return };
    let said = router.run("start");
    let writes = "procd_add_jail_mount_rw ROOT/etc/suzu /tmp/admin /tmp/web /tmp/metrics";
    assert!(said.iter().any(|line| line == writes), "{said:?}");
}

#[test]
fn no_setting_hides_in_another() {
    for (option, key, why) in [
        ("option log_dir '/tmp\nallow_from = any'", "log_dir", "a line break"),
        ("option log_level 'info\\'", "log_level", "a backslash at its end"),
        ("option log_level 'info\\ \t'", "log_level", "a backslash at its end"),
        ("option log_level 'info\\\u{3000}'", "log_level", "a backslash at its end"),
        ("option log_dir '/tmp/a b'", "log_dir", "a space in its path"),
        ("option admin_socket '/tmp/a b/c'", "admin_socket", "a space in its path"),
        ("list listen 'unix:/tmp/a\tb/c'", "listen", "a space in its path"),
    ] {
        let config = format!("config suzu main\n {option}\n option signaling_key hush\n option jail 1\n");
        let Some(router) = Router::new(&config) else { return };
        let said = router.run("start");
        assert!(said[0].contains(&format!("{key} is refused: it has {why}")), "{said:?}");
        assert!(!said.iter().any(|line| line.contains("/tmp")), "{said:?}");
        // Its authority is not in the memory of the router.
        let file = format!(".\n{key}\nsignaling_key = hush\nstate_dir = ROOT/etc/suzu\n");
        assert!(router.file().ends_with(&file), "{}", router.file());
        // What was meant to keep others out is not left out.
        let complaint = router.suzu().unwrap_err();
        assert!(complaint.contains(&format!("{key:?} is not a `key = value` line")), "{complaint}");
    }
}

/// What of OpenWrt's build a package's Makefile needs to be read; `show` prints what the package would be.
const RULES: &str = r#"
define BuildPackage
$(eval $(Package/$(1)))
show:
	@echo '$(PKG_NAME) $(PKG_VERSION) needs $(DEPENDS)'
$(Package/$(1)/install)
endef
"#;

#[test]
fn the_package_is_of_this_version_and_has_all_files() {
    let feed = Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/openwrt");
    let dir = TempDir::new();
    for (name, text) in [
        ("rules.mk", ""),
        ("package.mk", RULES),
        ("feeds/packages/lang/rust/rust-package.mk", "RUST_ARCH_DEPENDS:=@rust\n"),
    ] {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for (binary, installed) in [("SUZU_BINARY=/x/suzu", "BUILD/suzu"), ("SUZU_SOURCE=..", "OUT/bin/suzu")] {
        let make = Command::new("make")
            .arg("-C")
            .arg(&feed)
            .args(["--no-print-directory", "-f", "Makefile", "show", binary])
            .args([
                "PKG_BUILD_DIR=BUILD",
                "PKG_INSTALL_DIR=OUT",
                "INSTALL_DIR=@echo",
                "INSTALL_BIN=@echo",
                "INSTALL_CONF=@echo",
            ])
            .arg(format!("TOPDIR={}", dir.path.display()))
            .arg(format!("INCLUDE_DIR={}", dir.path.display()))
            .output();
        let Ok(output) = make else { return skip("make") };
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        // Only a package that is built here depends on where Rust is.
        let needs = if binary.starts_with("SUZU_SOURCE") { "@rust" } else { "" };
        let first = format!("suzu {} needs {needs}\n", env!("CARGO_PKG_VERSION"));
        assert!(said.starts_with(&first), "{said}");
        for line in [
            &format!("{installed} suzu/usr/bin/suzu"),
            "./suzu.init suzu/etc/init.d/suzu",
            "./suzu.config suzu/etc/config/suzu",
        ] {
            assert!(said.lines().any(|other| other == line), "{line}: {said}");
        }
    }
}
