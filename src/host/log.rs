//! The log, on standard error.
//!
//! simple_logger decides what is logged; the line itself is written here, because simple_logger's writing panics when whoever
//! reads standard error is gone (`suzu 2>&1 | head`), and no call should end for want of a reader.

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use simple_logger::SimpleLogger;
use std::io::{Write, stderr};

struct StderrLog(SimpleLogger);

/// Logs what is at this level or above.
///
/// # Errors
/// There is a logger already.
pub fn init(level: LevelFilter) -> Result<(), SetLoggerError> {
    // Frames are not for the log: SDP has addresses in it.
    // How much is `log::max_level`, which can change.
    let filter =
        SimpleLogger::new().with_level(LevelFilter::Trace).with_module_level("tungstenite", LevelFilter::Off);
    log::set_max_level(level);
    log::set_boxed_logger(Box::new(StderrLog(filter)))
}

/// Logs what is at another level or above, from now on.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

impl Log for StderrLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{:<5} [{}] {}\n", record.level(), record.target(), record.args());
            // In one piece, so that lines of several writers do not mix; and if nobody reads it, so be it.
            let _ = stderr().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}
