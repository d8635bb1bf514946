//! The settings in words: `--help`, the listing of `--check`, and the table in the README.

use super::{
    Config, ayame, ini,
    settings::{Setting, settings},
};
use crate::signaling::ice;
use std::fmt::Write;

/// The text of `--help`.
pub fn usage() -> String {
    let mut text = format!(
        "suzu {}: a WebRTC signaling server for small boards\n\n\
         Usage: suzu [-C FILE] [--key value ...]\n\
         \x20      suzu token --help    how to mint a token for a guest\n\
         \x20      suzu probe --help    how to ask a server whether it is well\n\n\
         \x20 -C FILE         read settings from a file of `key = value` lines; flags win over it\n\
         \x20 --check         print the settings in force and the memory that they can take, and stop\n\
         \x20 -h, --help      print this\n\
         \x20 -V, --version   print the version\n\n\
         Each setting is a flag, and in a file the same key with underscores (max_clients = 256).\n\
         A config.ini of Ayame is such a file, too: docs/from-ayame.md says what becomes of its keys.\n",
        env!("CARGO_PKG_VERSION")
    );
    let width = settings().map(|setting| left(setting).len()).max().unwrap_or_default();
    let mut group = "";
    for setting in settings() {
        // Writing to a String cannot fail.
        if setting.group != group {
            group = setting.group;
            let _ = write!(text, "\n{group}:\n");
        }
        let _ = write!(text, "  {:width$}  {}", left(setting), setting.help);
        // A long default gets a line of its own.
        let gap = if setting.default.len() > 40 { format!("\n{:1$}", "", width + 4) } else { " ".to_owned() };
        let _ = writeln!(text, "{gap}[default {}]", setting.default_in_words());
    }
    text.push_str(
        "\nExit codes: 0 stopped on request, 1 failed while running, 2 wrong usage or configuration.\n",
    );
    text
}

fn left(setting: &Setting) -> String {
    format!("{} <{}>", setting.flag(), setting.unit)
}

/// The settings in force as a file that would set them; those that are not set are comments.
pub fn listing(config: &Config) -> String {
    let mut text = String::new();
    for setting in settings() {
        let values = (setting.show)(config);
        // Writing to a String cannot fail.
        if values.is_empty() {
            let _ = writeln!(text, "# {} =", setting.key);
        }
        for value in values {
            // What is not shown must not be set by this text either.
            let is_hidden =
                setting.is_secret || (setting.key == "ice_server" && value.ends_with(ice::HIDDEN));
            let mark = if is_hidden { "# " } else { "" };
            // Ayame's keys are read by other rules.
            let value = if ayame::find(setting.key).is_some() { ini::quoted(&value) } else { value };
            let _ = writeln!(text, "{mark}{} = {value}", setting.key);
        }
    }
    text
}

/// The table of settings for the README, in Markdown.
pub fn table() -> String {
    let mut text = String::from("| key | unit | default | allowed | |\n|---|---|---|---|---|\n");
    for setting in settings() {
        let Setting { key, unit, allowed, help, .. } = setting;
        let unit = unit.replace('|', "\\|");
        let default =
            if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
        let mark = if setting.needs_restart { " (*)" } else { "" };
        let _ = writeln!(text, "| `{key}`{mark} | {unit} | {default} | {allowed} | {help} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;

    #[test]
    fn the_listing_is_a_file_that_says_the_same() {
        let mut config = Config::default();
        file::apply(
            &mut config,
            "a",
            "listen = 127.0.0.1:1\nlisten = [::1]:2\nhead_timeout_sec = 0.25\ntype_message = true",
        )
        .unwrap();
        let mut again = Config::default();
        file::apply(&mut again, "b", &listing(&config)).unwrap();
        assert_eq!(format!("{config:?}"), format!("{again:?}"));
    }

    #[test]
    fn what_the_listing_hides_it_does_not_set() {
        let secrets = "ice_server = stun:box\nice_server = turn:box user hush\nsignaling_key = hush\nroom_key = door hush";
        let mut config = Config::default();
        file::apply(&mut config, "a", secrets).unwrap();
        let listing = listing(&config);
        assert!(!listing.contains("hush"), "{listing}");
        let mut again = Config::default();
        file::apply(&mut again, "b", &listing).unwrap();
        assert!(!again.has_secrets(), "{listing}");
        assert_eq!(again.ice_server.len(), 1, "{listing}");
    }

    #[test]
    fn help_names_every_setting_with_its_unit_and_default() {
        let usage = usage();
        for setting in settings() {
            assert!(
                usage.contains(&left(setting))
                    && usage.contains(&format!("[default {}]", setting.default_in_words()))
            );
        }
        assert!(usage.lines().all(|line| line.len() <= 140), "{usage}");
    }
}
