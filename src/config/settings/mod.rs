//! The one table of settings. A setting is one row: its key, what it means, and how it is read and shown.

use super::Config;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The key in a file; in kebab case with `--` before it, the flag.
    pub key: &'static str,
    /// The heading under which `--help` shows it.
    pub group: &'static str,
    /// What the value is, for `--help`: a unit or a form.
    pub unit: &'static str,
    /// The default, as it would be written, empty if there is none; several values of a setting that may be repeated are separated by `, `.
    pub default: &'static str,
    /// What may be written.
    pub allowed: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// Whether it may be given more than once.
    pub may_repeat: bool,
    /// Whether it must stand in no command line, which everybody on the machine can read.
    pub is_secret: bool,
    /// Whether a change takes effect only when suzu starts again: a table has its size by it, or a socket its address.
    pub needs_restart: bool,
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
    pub(super) clear: fn(&mut Config),
    /// The values in force, as they would be written.
    pub show: fn(&Config) -> Vec<String>,
}

impl Setting {
    /// The default's values, one by one; none if there is no default.
    pub fn defaults(&self) -> impl Iterator<Item = &'static str> {
        let separator = if self.may_repeat { ", " } else { "\n" };
        self.default.split(separator).filter(|value| !value.is_empty())
    }

    /// The default in words.
    pub fn default_in_words(&self) -> &'static str {
        if self.default.is_empty() { "none" } else { self.default }
    }

    /// Sets in one configuration what another one has. What is shown says the same when it is read again, but for secrets, of which none needs a
    /// restart.
    pub fn copy(&self, from: &Config, to: &mut Config) {
        (self.clear)(to);
        for value in (self.show)(from) {
            let result = (self.set)(to, &value);
            debug_assert!(result.is_ok(), "{} shows what it does not take: {result:?}", self.key);
        }
    }

    /// The flag on the command line.
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }
}

/// What stands behind the help of a setting that needs one.
macro_rules! restart {
    () => {
        false
    };
    (restart) => {
        true
    };
}

/// A row for a number, a time, a word: whatever is one value in one field.
macro_rules! setting {
    ($group:literal, $field:ident, $key:literal: $unit:literal = $default:expr;
     $allowed:literal => $read:expr, $show:expr;
     $help:literal $(, $restart:ident)?) => {
        Setting {
            key: $key,
            group: $group,
            unit: $unit,
            default: $default,
            allowed: $allowed,
            help: $help,
            may_repeat: false,
            is_secret: false,
            needs_restart: restart!($($restart)?),
            set: |config, value| $read(value).map(|value| config.$field = value),
            clear: |_| {},
            show: |config| vec![$show(&config.$field)],
        }
    };
}

/// A row for something that need not be there.
macro_rules! optional {
    ($group:literal, $field:ident, $key:literal: $unit:literal;
     $allowed:literal => $read:expr, $show:expr;
     $help:literal $(, $restart:ident)?) => {
        Setting {
            key: $key,
            group: $group,
            unit: $unit,
            default: "",
            allowed: $allowed,
            help: $help,
            may_repeat: false,
            is_secret: false,
            needs_restart: restart!($($restart)?),
            set: |config, value| $read(value).map(|value| config.$field = Some(value)),
            clear: |config| config.$field = None,
            show: |config| config.$field.iter().map(|value| $show(value)).collect(),
        }
    };
}

mod access;
mod dialects;
mod limits;
mod network;
mod operation;

/// All settings, in the order in which they are shown.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    [network::SETTINGS, access::SETTINGS, limits::SETTINGS, dialects::SETTINGS, operation::SETTINGS]
        .into_iter()
        .flatten()
}

/// Finds a setting by its key, in any case.
pub fn find(key: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.key.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_default_is_allowed_and_shown_as_it_is_written() {
        let config = Config::default();
        for setting in settings() {
            let mut again = Config::default();
            for (place, value) in setting.defaults().enumerate() {
                assert_eq!(again.set(setting, value, place == 0), Ok(()), "{}", setting.key);
            }
            assert_eq!((setting.show)(&config).join(", "), setting.default, "{}", setting.key);
        }
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn a_bad_value_says_what_was_wrong_and_what_is_allowed() {
        for (key, value, message) in [
            ("max_clients", "many", "\"many\" is not a whole number; allowed: 1 to 60000 (default 256)"),
            ("max_clients", "0", "0 is out of range; allowed: 1 to 60000 (default 256)"),
            ("max_clients", "-1", "\"-1\" is not a whole number; allowed: 1 to 60000 (default 256)"),
            (
                "head_timeout_sec",
                "soon",
                "\"soon\" is not a number of seconds; allowed: 0.01 to 86400 (default 5)",
            ),
            ("head_timeout_sec", "0", "0 is out of range; allowed: 0.01 to 86400 (default 5)"),
            ("head_timeout_sec", "NaN", "NaN is out of range; allowed: 0.01 to 86400 (default 5)"),
            (
                "type_message",
                "maybe",
                "\"maybe\" is neither true nor false; allowed: true or false (default false)",
            ),
            (
                "log_level",
                "loud",
                "\"loud\" is not a level; allowed: off, error, warn, info or debug (default info)",
            ),
        ] {
            let result = Config::default().set(find(key).unwrap(), value, true);
            assert_eq!(result, Err(message.to_owned()), "{key} = {value}");
        }
        let listen = Config::default().set(find("listen").unwrap(), "3000", true).unwrap_err();
        assert!(
            listen.starts_with("\"3000\" is not an address with a port; allowed: an IP address"),
            "{listen}"
        );
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused() {
        let mut config = Config::default();
        config.max_queue_bytes = config.max_message_bytes;
        assert!(config.check().unwrap_err().starts_with("max_queue_bytes: 65536 is too little"));
        let config = Config { websocket_ping_interval: Duration::from_secs(60), ..Config::default() };
        assert!(config.check().unwrap_err().starts_with("websocket_pong_timeout_sec"));
    }
}
