//! Reading and showing the values of settings: each reader says what was wrong, its caller what is allowed.

use super::TlsMode;
use crate::{
    host::log::{self, Format},
    http::{copied, origin::Pattern, trust::PATHS},
    lan::is_host_name,
    net::webhook::Url,
    networks::Network,
    signaling::{Dialect, credentials::Secret},
};
use ::log::LevelFilter;
use std::{
    fmt::Display,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

pub(super) fn route(value: &str) -> Result<(String, Dialect), String> {
    let (path, name) = value
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("{value:?} is not a path and a dialect"))?;
    let is_path =
        path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    if !is_path || matches!(path, "/" | "/.ok" | "/metrics") || PATHS.contains(&path) {
        return Err(format!("{path:?} is not a path that can be given away"));
    }
    Ok((path.to_owned(), dialect(name)?))
}

pub(super) fn dialects(value: &str) -> Result<Vec<Dialect>, String> {
    value.split(',').map(dialect).collect()
}

pub(super) fn dialect(name: &str) -> Result<Dialect, String> {
    let name = name.trim();
    Dialect::ALL
        .into_iter()
        .find(|dialect| dialect.name() == name)
        .ok_or_else(|| format!("{name:?} is not a dialect"))
}

pub(super) fn show_dialects(dialects: &[Dialect]) -> String {
    dialects.iter().map(|dialect| dialect.name()).collect::<Vec<_>>().join(",")
}

pub(super) fn number<T: FromStr + PartialOrd + Display>(
    value: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let number = value.parse().map_err(|_| format!("{value:?} is not a whole number"))?;
    if range.contains(&number) { Ok(number) } else { Err(format!("{value} is out of range")) }
}

pub(crate) fn seconds(value: &str) -> Result<Duration, String> {
    let seconds = seconds_or_none(value)?;
    if seconds < Duration::from_millis(10) { Err(format!("{value} is out of range")) } else { Ok(seconds) }
}

pub(super) fn seconds_or_none(value: &str) -> Result<Duration, String> {
    let seconds: f64 = value.parse().map_err(|_| format!("{value:?} is not a number of seconds"))?;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(format!("{value} is out of range"));
    }
    // Deadlines are kept in milliseconds.
    Ok(Duration::from_millis((seconds * 1_000.0).round() as u64))
}

/// True or false, and the other words for it that Ayame takes, in any case.
pub(super) fn boolean(value: &str) -> Result<bool, String> {
    match &*value.to_ascii_lowercase() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err(format!("{value:?} is neither true nor false")),
    }
}

pub(super) fn level(value: &str) -> Result<LevelFilter, String> {
    match value.parse() {
        // Release builds leave tracing out.
        Ok(LevelFilter::Trace) | Err(_) => Err(format!("{value:?} is not a level")),
        Ok(level) => Ok(level),
    }
}

pub(super) fn show(value: &impl Display) -> String {
    value.to_string()
}

pub(super) fn show_seconds(value: &Duration) -> String {
    value.as_secs_f64().to_string()
}

pub(super) fn show_level(value: &LevelFilter) -> String {
    value.to_string().to_ascii_lowercase()
}

pub(super) fn log_format(value: &str) -> Result<Format, String> {
    Format::ALL
        .into_iter()
        .find(|format| show_log_format(format) == value)
        .ok_or_else(|| format!("{value:?} is none of these"))
}

pub(super) fn show_log_format(format: &Format) -> String {
    match format {
        Format::Auto => "auto",
        Format::Text => "text",
        Format::Json => "json",
        Format::Journal => "journal",
    }
    .to_owned()
}

/// A key of JSON that has no other meaning in a line of the log.
pub(super) fn log_key(value: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
    if value.is_empty() || value.len() > 64 || !value.bytes().all(is_name) {
        return Err(format!("{value:?} is no such name"));
    }
    if log::KEYS.contains(&value) {
        return Err(format!("{value} has a meaning already"));
    }
    Ok(value.to_owned())
}

pub(super) fn file_name(value: &str) -> Result<String, String> {
    if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(value.to_owned()) }
}

pub(super) fn message_types(value: &str) -> Result<Vec<String>, String> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let types: Vec<_> = value.split(',').map(|kind| kind.trim().to_owned()).collect();
    if types.iter().any(String::is_empty) {
        Err(format!("{value:?} has an empty type in it"))
    } else {
        Ok(types)
    }
}

pub(super) fn tls_mode(value: &str) -> Result<TlsMode, String> {
    TlsMode::ALL
        .into_iter()
        .find(|mode| show_tls_mode(mode) == value)
        .ok_or_else(|| format!("{value:?} is none of these"))
}

pub(super) fn show_tls_mode(mode: &TlsMode) -> String {
    match mode {
        TlsMode::Auto => "auto",
        TlsMode::Off => "off",
        TlsMode::Files => "files",
    }
    .to_owned()
}

pub(super) fn path(value: &str) -> Result<PathBuf, String> {
    if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(value.into()) }
}

pub(super) fn show_path(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn host_names(value: &str) -> Result<Vec<String>, String> {
    value
        .split(',')
        .map(|name| {
            let name = name.trim();
            if is_host_name(name) {
                Ok(name.to_ascii_lowercase())
            } else {
                Err(format!("{name:?} is not a host name"))
            }
        })
        .collect()
}

pub(super) fn show_list(list: &[String]) -> String {
    list.join(",")
}

/// What stands where a secret is.
pub(super) const HIDDEN: &str = "(secret)";

pub(super) fn parsed<T: FromStr<Err = String>>(value: &str) -> Result<T, String> {
    value.parse()
}

pub(super) fn networks(value: &str) -> Result<Vec<Network>, String> {
    value.split(',').map(|network| network.trim().parse()).collect()
}

pub(super) fn patterns(value: &str) -> Result<Vec<Pattern>, String> {
    value.split(',').map(|pattern| pattern.trim().parse()).collect()
}

pub(super) fn show_all<T: Display>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

pub(super) fn secret(value: &str) -> Result<Secret, String> {
    if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(Secret::new(value)) }
}

pub(super) fn room_key(value: &str) -> Result<(String, Secret), String> {
    // Neither in the message: both may be what should not be seen.
    let (room, key) = value.rsplit_once(char::is_whitespace).ok_or("it is not a room and a key")?;
    let room = room.trim();
    if room.is_empty() {
        Err("the room is missing".to_owned())
    } else {
        Ok((room.to_owned(), Secret::new(key)))
    }
}

/// Ayame's own files may have the key with nothing behind it.
pub(super) fn webhook_url(value: &str) -> Result<Option<Url>, String> {
    if value.is_empty() { Ok(None) } else { value.parse().map(Some) }
}

/// With its query: what is shown is to be used as a file.
pub(super) fn show_url(url: &Url) -> String {
    let scheme = if url.is_https() { "https" } else { "http" };
    format!("{scheme}://{}{}", url.authority(), url.target())
}

pub(super) fn header_names(value: &str) -> Result<Vec<String>, String> {
    if value.is_empty() { Ok(Vec::new()) } else { copied::parse_names(value) }
}
