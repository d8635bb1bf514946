//! What the server tells those who run it, and what they may ask of it.

use super::Setting;
use crate::config::values::{level, path, show_level, show_path};

pub(super) const SETTINGS: &[Setting] = &[
    setting!("Operation", log_level, "log_level": "LEVEL" = "info";
        "off, error, warn, info or debug" => level, show_level;
        "what goes to the log"),
    optional!("Operation", admin_socket, "admin_socket": "PATH";
        "the path of a Unix socket, such as /run/suzu/admin.sock" => path, show_path;
        "where curl --unix-socket lists and ends rooms and clients, and reloads", restart),
];
