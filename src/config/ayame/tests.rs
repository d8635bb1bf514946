//! A test for every key: what it sets, or what suzu says that it does instead.

use super::*;
use crate::config::file;

/// Ayame's configuration keys, as its documentation of 2026.2.0 lists them.
const DOCUMENTED: &str = "debug log_dir log_name log_level log_stdout log_rotate_max_size log_rotate_max_backups log_rotate_max_age \
     log_rotate_compress log_message_key_name log_timestamp_key_name signaling_log_name signaling_log_filters webhook_log_name \
     debug_console_log debug_console_log_json type_message listen_ipv4_address listen_port_number websocket_read_timeout_sec \
     websocket_pong_timeout_sec websocket_ping_interval_sec copy_websocket_header_names authn_webhook_url disconnect_webhook_url \
     webhook_request_timeout_sec listen_prometheus_ipv4_address listen_prometheus_port_number";

/// What a line does.
enum Effect {
    /// `key = value` as `--check` shows it; nothing else changes.
    Sets(&'static str),
    /// Besides, it says this.
    SetsAndSays(&'static str, &'static str),
    /// It says this, and that is all.
    Says(&'static str),
    /// It asks for what suzu does anyway.
    Nothing,
}
use Effect::{Nothing, Says, Sets, SetsAndSays};

const DIRECTORY: &str = "it changes nothing without `signaling_log = true`: only that log is in a file, the other one goes to standard error";
const SIGNALING: &str = "it changes nothing without `signaling_log = true`: that log is off by default, because what clients send has addresses in it";
const JSON_ONLY: &str = "it changes nothing without `log_format = json` or `signaling_log = true`: only lines of JSON have such names";
const NO_ROTATION: &str = "suzu rotates nothing: the journal does, or logrotate";
const BY_DEFAULT: &str = "0 stands for the default, as in Ayame";

const TABLE: &[(&str, Effect)] = &[
    ("debug = true", Sets("log_level = debug")),
    ("debug = false", Nothing),
    ("log_dir = /var/log/ayame", SetsAndSays("log_dir = /var/log/ayame", DIRECTORY)),
    (
        "log_name = ayame.jsonl",
        Says(
            "the log has no file of its own; it goes to standard error, which the journal keeps, or `2>> FILE`",
        ),
    ),
    ("log_level = warn", Sets("log_level = warn")),
    ("log_level = fatal", Sets("log_level = error")),
    (
        "log_stdout = true",
        Says("the log goes to standard error, not to standard output; `2>&1` sends it there"),
    ),
    ("log_stdout = false", Nothing),
    ("log_rotate_max_size = 200", Says(NO_ROTATION)),
    ("log_rotate_max_backups = 7", Says(NO_ROTATION)),
    ("log_rotate_max_age = 30", Says(NO_ROTATION)),
    ("log_rotate_compress = true", Says(NO_ROTATION)),
    ("log_rotate_compress = false", Nothing),
    ("log_message_key_name = msg", SetsAndSays("log_message_key_name = msg", JSON_ONLY)),
    ("log_timestamp_key_name = at", SetsAndSays("log_timestamp_key_name = at", JSON_ONLY)),
    ("signaling_log_name = s.jsonl", SetsAndSays("signaling_log_name = s.jsonl", SIGNALING)),
    (
        "signaling_log_filters = register, offer",
        SetsAndSays("signaling_log_filters = register,offer", SIGNALING),
    ),
    (
        "webhook_log_name = webhook.jsonl",
        Says("webhooks have no log of their own; what goes wrong with them is in the one log"),
    ),
    (
        "debug_console_log = true",
        Says("the log goes to standard error without it, and has no colours with it"),
    ),
    ("debug_console_log = false", Nothing),
    ("debug_console_log_json = true", Sets("log_format = json")),
    ("debug_console_log_json = false", Nothing),
    ("type_message = yes", Sets("type_message = true")),
    ("type_message = false", Nothing),
    ("listen_ipv4_address = 127.0.0.1", Sets("listen = 127.0.0.1:3000")),
    ("listen_ipv4_address = ::1", Sets("listen = [::1]:3000")),
    ("listen_port_number = 3001", Sets("listen = 0.0.0.0:3001")),
    ("listen_port_number = 0", SetsAndSays("listen = 0.0.0.0:3000", BY_DEFAULT)),
    ("websocket_read_timeout_sec = 100", Sets("websocket_read_timeout_sec = 100")),
    ("websocket_pong_timeout_sec = 50", Sets("websocket_pong_timeout_sec = 50")),
    ("websocket_pong_timeout_sec = 0", Says(BY_DEFAULT)),
    ("websocket_ping_interval_sec = 10", Sets("websocket_ping_interval_sec = 10")),
    (
        "copy_websocket_header_names = X-Forwarded-For, X-Real-IP",
        Sets("copy_websocket_header_names = X-Forwarded-For,X-Real-IP"),
    ),
    (
        "copy_websocket_header_names = Host",
        Says("\"Host\" says something about the connection itself and cannot be copied: it is left out"),
    ),
    (
        "authn_webhook_url = http://127.0.0.1:3001/ayame/webhook/authn",
        Sets("authn_webhook_url = http://127.0.0.1:3001/ayame/webhook/authn"),
    ),
    ("authn_webhook_url =", Nothing),
    (
        "disconnect_webhook_url = http://127.0.0.1:3001/ayame/webhook/disconnect",
        Sets("disconnect_webhook_url = http://127.0.0.1:3001/ayame/webhook/disconnect"),
    ),
    ("webhook_request_timeout_sec = 3", Sets("webhook_request_timeout_sec = 3")),
    ("listen_prometheus_ipv4_address = 127.0.0.1", Sets("listen_metrics = 127.0.0.1:4000")),
    ("listen_prometheus_port_number = 4001", Sets("listen_metrics = 0.0.0.0:4001")),
    (
        "webhook_request_timeout = 5",
        Says("neither Ayame nor suzu reads it; the key is webhook_request_timeout_sec"),
    ),
    ("webhook_tls_fullchain_file = a.pem", Says("suzu shows webhooks no certificate of its own")),
    ("webhook_tls_private_key_file = a.pem", Says("suzu shows webhooks no certificate of its own")),
    (
        "webhook_tls_verify_cacert_file = a.pem",
        Says("the file of authorities for webhooks is the one that the environment's SSL_CERT_FILE names"),
    ),
];

fn read(text: &str) -> Result<Config, String> {
    let mut config = Config::default();
    file::apply(&mut config, "config.ini", text).map(|()| config)
}

/// All settings, as `--check` shows them.
fn shown(config: &Config) -> Vec<String> {
    settings::settings()
        .flat_map(|setting| {
            (setting.show)(config).into_iter().map(|value| format!("{} = {value}", setting.key))
        })
        .collect()
}

fn warnings(text: &str) -> Vec<String> {
    read(text).unwrap().warnings
}

#[test]
fn every_key_is_honoured_or_named() {
    let defaults = shown(&Config::default());
    for (line, effect) in TABLE {
        let key = line.split_once(" =").unwrap().0;
        let config = read(line).unwrap_or_else(|wrong| panic!("{line}: {wrong}"));
        let (set, said) = match *effect {
            Sets(set) => (Some(set), None),
            SetsAndSays(set, said) => (Some(set), Some(said)),
            Says(said) => (None, Some(said)),
            Nothing => (None, None),
        };
        let changed: Vec<_> = shown(&config).into_iter().filter(|line| !defaults.contains(line)).collect();
        assert_eq!(changed, set.into_iter().collect::<Vec<_>>(), "{line}");
        let expected: Vec<_> = said.map(|said| format!("config.ini:1: {key}: {said}")).into_iter().collect();
        assert_eq!(config.warnings, expected, "{line}");
        assert_eq!(config.check(), Ok(()), "{line}");
        let lower = read(&line.replace(key, &key.to_ascii_uppercase())).unwrap();
        assert_eq!(format!("{config:?}"), format!("{lower:?}"), "{line}");
    }
}

#[test]
fn the_table_has_every_documented_key_and_the_tests_have_the_table() {
    for key in DOCUMENTED.split_whitespace() {
        assert!(find(key).is_some(), "{key} is not known");
    }
    for key in KEYS {
        let is_tested = TABLE.iter().any(|(line, _)| line.starts_with(&format!("{} =", key.name)));
        assert!(is_tested, "{} is not tested", key.name);
    }
}

#[test]
fn the_guide_explains_every_key() {
    let guide = include_str!("../../../docs/from-ayame.md");
    for key in KEYS {
        let is_row = DOCUMENTED.split_whitespace().any(|documented| documented == key.name);
        let shown = if is_row { format!("\n| `{}` | ", key.name) } else { format!("`{}`", key.name) };
        assert!(guide.contains(&shown), "{} is not explained", key.name);
    }
}

#[test]
fn bad_values_are_named_with_their_place() {
    for (line, wrong) in [
        ("debug = maybe", "\"maybe\" is neither true nor false; allowed: true or false"),
        ("log_dir = %(x)s", "%(KEY)s is not looked up here; write the value of that key itself"),
        ("log_name = `a", "the ` is not closed on its line"),
        (
            "log_level = loud",
            "\"loud\" is not a level; allowed: off, error, warn, info or debug (default info)",
        ),
        ("log_stdout = 2", "\"2\" is neither true nor false; allowed: true or false"),
        ("log_rotate_max_size = 10MB", "\"10MB\" is not a plain whole number; allowed: such as 10"),
        ("log_rotate_max_backups = x", "\"x\" is not a plain whole number; allowed: such as 10"),
        ("log_rotate_max_age = 1.5", "\"1.5\" is not a plain whole number; allowed: such as 10"),
        ("log_rotate_compress = gzip", "\"gzip\" is neither true nor false; allowed: true or false"),
        ("webhook_log_name = \"\"\"a", "the \"\"\" is not closed on its line"),
        ("debug_console_log = x", "\"x\" is neither true nor false; allowed: true or false"),
        ("debug_console_log_json = x", "\"x\" is neither true nor false; allowed: true or false"),
        ("type_message = x", "\"x\" is neither true nor false; allowed: true or false"),
        (
            "listen_ipv4_address = box",
            "\"box\" is not an address of this machine; allowed: an IP address, such as 0.0.0.0, or localhost",
        ),
        (
            "listen_port_number = 70000",
            "\"70000\" is not a plain whole number; allowed: 0 to 65535; 0 is the default",
        ),
        (
            "websocket_read_timeout_sec = soon",
            "\"soon\" is not a number of seconds; allowed: 0.01 to 86400 (default 90)",
        ),
        ("websocket_pong_timeout_sec = -1", "-1 is out of range; allowed: 0.01 to 86400 (default 60)"),
        (
            "websocket_ping_interval_sec = 5s",
            "\"5s\" is not a number of seconds; allowed: 0.01 to 86400 (default 5)",
        ),
        (
            "webhook_request_timeout_sec = 100000",
            "100000 is out of range; allowed: 0.01 to 86400 (default 5)",
        ),
        (
            "authn_webhook_url = /authn",
            "a webhook begins with http:// or https://, like http://127.0.0.1:3001/authn",
        ),
        ("disconnect_webhook_url = ftp://h/", "a webhook begins with http:// or https://"),
        (
            "listen_prometheus_ipv4_address = 1.2.3",
            "\"1.2.3\" is not an address of this machine; allowed: an IP address, such as 0.0.0.0, or localhost",
        ),
        (
            "listen_prometheus_port_number = x",
            "\"x\" is not a plain whole number; allowed: 0 to 65535; 0 is the default",
        ),
    ] {
        let key = line.split_once(" =").unwrap().0;
        let error = read(&format!("# first\n{line}\n")).map(|_| ()).unwrap_err();
        assert!(error.starts_with(&format!("config.ini:2: {key}: {wrong}")), "{line}: {error}");
    }
}

#[test]
fn a_file_is_written_as_ayames_library_allows() {
    let text = "[DEFAULT]\n\
                ; a comment\n\
                Debug: yes ; more of it\n\
                \"listen_ipv4_address\" = '127.0.0.1' # here\n\
                listen_port_number=3001;\r\n\
                signaling_log_filters = register,\\\n  offer\n\
                copy_websocket_header_names = \"X-A, X-B\"\n\
                authn_webhook_url: http://127.0.0.1:3001/a?b=c:d\n\
                disconnect_webhook_url = `http://127.0.0.1:3001/a;b`\n\
                webhook_log_name =\n";
    let config = read(text).unwrap();
    let defaults = shown(&Config::default());
    let changed: Vec<_> = shown(&config).into_iter().filter(|line| !defaults.contains(line)).collect();
    assert_eq!(
        changed,
        [
            "listen = 127.0.0.1:3001",
            "authn_webhook_url = http://127.0.0.1:3001/a?b=c:d",
            "disconnect_webhook_url = http://127.0.0.1:3001/a;b",
            "copy_websocket_header_names = X-A,X-B",
            "log_level = debug",
            "signaling_log_filters = register,offer",
        ]
    );
    let listing = crate::config::help::listing(&config);
    let again = read(&listing).unwrap();
    assert_eq!(shown(&again), shown(&config), "{listing}");
}

#[test]
fn what_suzu_calls_otherwise_is_not_said_twice() {
    for (text, wrong) in [
        ("listen = 127.0.0.1:1\nlisten_port_number = 2", "2: listen_port_number: the file has listen, too"),
        (
            "listen_ipv4_address = 127.0.0.1\nlisten_port_number = 2\nlisten = [::]:3",
            "1: listen_ipv4_address: the file has listen, too",
        ),
        (
            "listen_metrics = 127.0.0.1:1\nlisten_prometheus_port_number = 2",
            "2: listen_prometheus_port_number: the file has listen_metrics, too",
        ),
    ] {
        let error = read(text).map(|_| ()).unwrap_err();
        assert_eq!(error, format!("config.ini:{wrong}; allowed: one of them"), "{text}");
    }
    let level = |text| (settings::find("log_level").unwrap().show)(&read(text).unwrap());
    assert_eq!(level("debug = true\nlog_level = error"), ["error"], "what is said more precisely counts");
    assert_eq!(level("debug = true\nlog_level ="), ["debug"]);
    assert_eq!(level("log_level = error\ndebug = false"), ["error"]);
}

#[test]
fn a_key_that_is_there_twice_counts_as_it_is_last_written_and_is_named_once() {
    let defaults = shown(&Config::default());
    for key in KEYS.iter().filter(|key| matches!(key.fate, Fate::Setting | Fate::SettingWith(..))) {
        let (line, _) = TABLE.iter().find(|(line, _)| line.starts_with(key.name)).unwrap();
        assert_eq!(shown(&read(&format!("{line}\n{} =", key.name)).unwrap()), defaults, "{line}");
    }
    let text = "listen_port_number = 1\nlog_name = a\nlisten_port_number = 2\nlog_name = b\n";
    let config = read(text).unwrap();
    assert_eq!((settings::find("listen").unwrap().show)(&config), ["0.0.0.0:2"]);
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
    assert_eq!(
        config.warnings[0],
        "config.ini:3: listen_port_number: it is set twice; the last one counts, as in Ayame"
    );
    assert!(
        config.warnings[1].starts_with("config.ini:4: log_name: the log has no file"),
        "{:?}",
        config.warnings
    );
}

#[test]
fn a_key_that_is_there_again_without_a_value_is_the_default_again() {
    let config =
        read("authn_webhook_url = http://h/\nlog_dir = a\ntype_message = true\nauthn_webhook_url =\nlog_dir =\ntype_message =\n")
            .unwrap();
    assert_eq!(shown(&config), shown(&Config::default()));
    assert_eq!(config.warnings.len(), 3, "{:?}", config.warnings);
}

#[test]
fn a_key_that_takes_effect_by_another_setting_is_not_named() {
    let signaling = "log_dir = /tmp\nsignaling_log_name = s\nsignaling_log_filters = offer\n";
    assert_eq!(warnings(signaling).len(), 3);
    assert_eq!(warnings(&format!("{signaling}signaling_log = true")), [""; 0]);
    let names = "log_message_key_name = m\nlog_timestamp_key_name = t\n";
    assert_eq!(warnings(names).len(), 2);
    assert_eq!(warnings(&format!("log_format = json\n{names}")), [""; 0]);
    assert_eq!(warnings(&format!("{names}debug_console_log_json = true")), [""; 0]);
    assert_eq!(warnings(&format!("{names}signaling_log = true")), [""; 0]);
}
