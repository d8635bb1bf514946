//! What the server tells those who run it, and what they may ask of it.

use super::Setting;
use crate::config::values::{
    boolean, file_name, level, log_format, log_key, message_types, path, show, show_level, show_list,
    show_log_format, show_path,
};
use std::path::PathBuf;

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
    setting!("Operation", log_timestamp_key_name, "log_timestamp_key_name": "NAME" = "time";
        "up to 64 of A-Z a-z 0-9 _ - . @" => log_key, show;
        "in JSON, the key of the time"),
    setting!("Operation", signaling_log, "signaling_log": "true|false" = "false";
        "true or false" => boolean, show;
        "keep each message of clients in a file; SDP has addresses in it"),
    setting!("Operation", log_dir, "log_dir": "DIRECTORY" = ".";
        "the name of a directory" => path, |path: &PathBuf| show_path(path);
        "where the signaling log is"),
    setting!("Operation", signaling_log_name, "signaling_log_name": "FILE" = "signaling.jsonl";
        "the name of a file" => file_name, show;
        "what the signaling log is called"),
    Setting {
        key: "signaling_log_filters",
        group: "Operation",
        unit: "LIST",
        default: "",
        allowed: "a list of types of messages, such as register,offer,answer; empty: all but ping and pong",
        help: "which messages the signaling log keeps",
        may_repeat: false,
        is_secret: false,
        needs_restart: false,
        set: |config, value| message_types(value).map(|types| config.signaling_log_filters = types),
        clear: |config| config.signaling_log_filters.clear(),
        show: |config| match &*config.signaling_log_filters {
            [] => Vec::new(),
            types => vec![show_list(types)],
        },
    },
    optional!("Operation", admin_socket, "admin_socket": "PATH";
        "the path of a Unix socket, such as /run/suzu/admin.sock" => path, show_path;
        "where curl --unix-socket lists and ends rooms and clients, and reloads", restart),
];
