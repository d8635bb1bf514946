//! What the server tells those who run it, and what they may ask of it.

use super::Setting;
use crate::config::values::{level, log_format, log_key, path, show, show_level, show_log_format, show_path};

pub(super) const SETTINGS: &[Setting] = &[
    setting!("Operation", log_level, "log_level": "LEVEL" = "info";
        "off, error, warn, info or debug" => level, show_level;
        "what goes to the log"),
    setting!("Operation", log_format, "log_format": "FORMAT" = "auto";
        "auto, text, json or journal" => log_format, show_log_format;
        "lines, or entries of systemd's journal; auto: those if it is there"),
    setting!("Operation", log_message_key_name, "log_message_key_name": "NAME" = "message";
        "up to 64 of A-Z a-z 0-9 _ - . @" => log_key, show;
        "in JSON, the key of the message"),
    setting!("Operation", log_timestamp_key_name, "log_timestamp_key_name": "NAME" = "timestamp";
        "up to 64 of A-Z a-z 0-9 _ - . @" => log_key, show;
        "in JSON, the key of the time"),
    optional!("Operation", admin_socket, "admin_socket": "PATH";
        "the path of a Unix socket, such as /run/suzu/admin.sock" => path, show_path;
        "where curl --unix-socket lists and ends rooms and clients, and reloads", restart),
];
