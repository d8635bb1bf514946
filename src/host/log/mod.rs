//! The log: one line an event, with its fields, on standard error or in systemd's journal.
//!
//! simple_logger decides what is logged; the line itself is written here, because simple_logger's writing panics when whoever
//! reads standard error is gone (`suzu 2>&1 | head`), and no call should end for want of a reader. Time is an argument here as well: the loop
//! says what time it is, once a turn, and so a flood is summed up when its time has come (`repeats`).

mod fields;
mod journal;
mod json;
mod outlet;
mod repeats;
mod text;

use journal::Journal;
pub use json::KEYS;
use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError, kv::Source};
use outlet::Outlet;
use repeats::{Admission, Place, Repeats, Summary};
use simple_logger::SimpleLogger;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `Journal` if standard error goes to systemd's journal, else `Text`.
    Auto,
    /// A line to read.
    Text,
    /// A JSON object a line.
    Json,
    /// Entries of systemd's journal, with fields of their own.
    Journal,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Text, Self::Json, Self::Journal];
}

/// The log's share of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is logged: this level and those above.
    pub level: LevelFilter,
    /// What a line looks like.
    pub format: Format,
    /// In JSON, the key of the message.
    pub message_key: String,
    /// In JSON, the key of the time.
    pub timestamp_key: String,
}

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since the start: never runs backwards.
    pub mono: Duration,
    /// Milliseconds since 1970 by the board's clock, right or wrong.
    pub unix_ms: u64,
}

/// An event that is to be written.
struct Event<'a> {
    level: Level,
    target: &'a str,
    place: Option<Place>,
    message: &'a str,
    fields: &'a dyn Source,
}

static LOGGER: Logger = Logger(Mutex::new(State::new()));

/// Begins to log.
///
/// # Errors
/// There is a logger already.
pub fn init(settings: &Settings, now: Now) -> Result<(), SetLoggerError> {
    log::set_logger(&LOGGER)?;
    {
        let mut state = LOGGER.state();
        (state.now, state.outlet) = (now, Outlet::open());
    }
    configure(settings);
    Ok(())
}

/// Logs by these settings from now on. To be called as often as they change.
pub fn configure(settings: &Settings) {
    LOGGER.state().configure(settings);
    log::set_max_level(settings.level);
}

/// Says what time it is, and sums up the floods whose time has come.
pub fn handle_timeout(now: Now) {
    let mut state = LOGGER.state();
    state.now = now;
    while let Some(summary) = state.repeats.poll(now.mono) {
        state.write_summary(&summary);
    }
}

/// When [`handle_timeout`] has something to sum up; `None` while nothing is owed.
pub fn next_timeout() -> Option<Duration> {
    LOGGER.state().repeats.next_timeout()
}

/// Sums up what is owed: the program ends.
pub fn finish() {
    let mut state = LOGGER.state();
    let now = state.now.mono;
    while let Some(summary) = state.repeats.poll_rest(now) {
        state.write_summary(&summary);
    }
}

struct Logger(Mutex<State>);

impl Logger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.state().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let mut state = self.state();
        if state.enabled(record.metadata()) {
            state.log(record);
        }
    }

    fn flush(&self) {}
}

struct State {
    filter: Option<SimpleLogger>,
    output: Output,
    outlet: Outlet,
    /// Whoever looks at the level debug looks for a fault, and gets everything.
    is_limited: bool,
    now: Now,
    repeats: Repeats,
}

enum Output {
    Text,
    Json { message_key: String, timestamp_key: String },
    Journal(Journal),
}

impl State {
    const fn new() -> Self {
        Self {
            filter: None,
            output: Output::Text,
            outlet: Outlet::new(),
            is_limited: true,
            now: Now { mono: Duration::ZERO, unix_ms: 0 },
            repeats: Repeats::new(),
        }
    }

    fn configure(&mut self, settings: &Settings) {
        // Frames are not for the log: SDP has addresses in it.
        let filter = SimpleLogger::new().with_level(settings.level);
        self.filter = Some(filter.with_module_level("tungstenite", LevelFilter::Off));
        self.is_limited = settings.level < LevelFilter::Debug;
        self.output = match settings.format {
            Format::Journal => Output::Journal(Journal::open()),
            Format::Auto if journal::has_stderr() => Output::Journal(Journal::open()),
            Format::Auto | Format::Text => Output::Text,
            Format::Json => Output::Json {
                message_key: settings.message_key.clone(),
                timestamp_key: settings.timestamp_key.clone(),
            },
        };
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.enabled(metadata))
    }

    fn log(&mut self, record: &Record<'_>) {
        let place = record.file_static().zip(record.line()).map(|(file, line)| Place { file, line });
        let admission = match place.filter(|_| self.is_limited) {
            Some(place) => {
                let cause = fields::find(record.key_values(), "reason");
                self.repeats.admit(place, &cause, record.level(), self.now.mono)
            }
            None => Admission::Write,
        };
        let write = |what: &mut dyn FnMut(&Event<'_>)| {
            what(&Event {
                level: record.level(),
                target: record.target(),
                place,
                message: &record.args().to_string(),
                fields: record.key_values(),
            });
        };
        match admission {
            Admission::Write => write(&mut |event| self.write(event)),
            Admission::First(site) => write(&mut |event| {
                self.repeats.keep(site, event.target, &text::said(event));
            }),
            Admission::Count => {}
        }
    }

    fn write_summary(&mut self, summary: &Summary) {
        let Summary { level, target, more, over, sample } = summary;
        self.write(&Event {
            level: *level,
            target,
            place: None,
            message: &format!("{more} more like this in {} s: {sample}", over.as_secs()),
            fields: &[("repeats", *more)],
        });
    }

    fn write(&mut self, event: &Event<'_>) {
        let lost = self.outlet.lost();
        if lost > 0 {
            let note = Event {
                level: Level::Warn,
                target: module_path!(),
                place: None,
                message: &format!("{lost} lines are missing: nobody read them"),
                fields: &[("lost", lost)],
            };
            if !self.write_one(&note) {
                // Nor is there room for this one, and it is missing, too.
                return;
            }
            self.outlet.forget();
        }
        self.write_one(event);
    }

    /// Writes it where it belongs; false if it is lost.
    fn write_one(&mut self, event: &Event<'_>) -> bool {
        let line = match &self.output {
            Output::Text => text::line(event),
            Output::Json { message_key, timestamp_key } => {
                json::line(event, message_key, timestamp_key, self.now.unix_ms)
            }
            Output::Journal(journal) => match journal.send(event) {
                Ok(()) => return true,
                // It reads these numbers from standard error as well (sd-daemon(3)).
                Err(_) => format!("<{}>{}", journal::priority(event.level), text::line(event)),
            },
        };
        self.outlet.write(&line)
    }
}

/// The beginning of a text, at most so many bytes of it.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
