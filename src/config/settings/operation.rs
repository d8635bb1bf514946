//! What the server tells those who run it.

use super::Setting;
use crate::config::values::{level, show_level};

pub(super) const SETTINGS: &[Setting] = &[setting!("Log", log_level, "log_level": "LEVEL" = "info";
        "off, error, warn, info or debug" => level, show_level;
        "what goes to standard error")];
