//! What Ayame takes for a value, in the form in which suzu's settings take it.

use crate::{config::values::boolean, http::copied};
use std::net::{IpAddr, Ipv4Addr};

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Form {
    /// True or false, in one of many words.
    Boolean,
    /// A whole number.
    Count,
    /// A whole number that has a default of 0: seconds.
    Seconds,
    /// A port; 0 is the default.
    Port,
    /// An IP address, of either kind.
    Host,
    /// A log level, by its name in any of Ayame's versions.
    Level,
    /// Words with commas.
    List,
    /// The same, names of headers.
    Headers,
    /// Whatever the setting takes.
    Text,
}

/// What a value was read as.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// As a setting takes it; empty if the key might as well not be there.
    pub value: String,
    /// What the operator should know.
    pub warning: Option<String>,
}

impl Form {
    /// # Errors
    /// What is wrong with the value, and what is allowed.
    pub(super) fn read(self, value: &str) -> Result<Read, String> {
        if value.is_empty() {
            return Ok(Read::default());
        }
        let is_default = value == "0" && matches!(self, Self::Seconds | Self::Port);
        if is_default {
            let warning = Some("0 stands for the default, as in Ayame".to_owned());
            return Ok(Read { value: String::new(), warning });
        }
        let value = match self {
            Self::Boolean => {
                boolean(value).map_err(|wrong| format!("{wrong}; allowed: true or false"))?.to_string()
            }
            Self::Count => number::<i64>(value, "such as 10")?,
            Self::Port => number::<u16>(value, "0 to 65535; 0 is the default")?,
            Self::Host => host(value)?.to_string(),
            Self::Level => level(value).to_owned(),
            Self::List => words(value).collect::<Vec<_>>().join(","),
            Self::Headers => return Ok(headers(value)),
            Self::Seconds | Self::Text => value.to_owned(),
        };
        Ok(Read { value, warning: None })
    }
}

/// Go, in which Ayame is written, takes 010 for 8, and other notations. Nobody writes a port like that, and nobody should be misread.
fn number<T: std::str::FromStr + std::fmt::Display>(value: &str, allowed: &str) -> Result<String, String> {
    let number = value.parse::<T>().map(|number| number.to_string());
    number
        .ok()
        .filter(|number| number == value)
        .ok_or_else(|| format!("{value:?} is not a plain whole number; allowed: {allowed}"))
}

fn host(value: &str) -> Result<IpAddr, String> {
    if value.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    value.parse().map_err(|_| {
        format!("{value:?} is not an address of this machine; allowed: an IP address, such as 0.0.0.0, or localhost")
    })
}

/// The words of the libraries for logs that Ayame has had.
fn level(value: &str) -> &str {
    let words = [
        ("trace", "debug"),
        ("warning", "warn"),
        ("fatal", "error"),
        ("panic", "error"),
        ("disabled", "off"),
        ("none", "off"),
    ];
    words.iter().find(|(word, _)| value.eq_ignore_ascii_case(word)).map_or(value, |(_, level)| level)
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// Ayame takes any names, and finds no header for those that are none.
fn headers(value: &str) -> Read {
    let (mut names, mut wrong): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for name in words(value) {
        match copied::parse_names(name) {
            Err(why) => wrong.push(why),
            Ok(_) if names.iter().any(|other| name.eq_ignore_ascii_case(other)) => {}
            Ok(_) => names.push(name),
        }
    }
    let warning = (!wrong.is_empty()).then(|| format!("{}: it is left out", wrong.join(", ")));
    Read { value: names.join(","), warning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_as_ayame_takes_them() {
        for (form, value, expected) in [
            (Form::Boolean, "YES", "true"),
            (Form::Boolean, "t", "true"),
            (Form::Boolean, "On", "true"),
            (Form::Boolean, "1", "true"),
            (Form::Boolean, "no", "false"),
            (Form::Boolean, "F", "false"),
            (Form::Boolean, "OFF", "false"),
            (Form::Boolean, "n", "false"),
            (Form::Count, "0", "0"),
            (Form::Count, "-1", "-1"),
            (Form::Port, "65535", "65535"),
            (Form::Host, "127.0.0.1", "127.0.0.1"),
            (Form::Host, "::", "::"),
            (Form::Host, "localhost", "127.0.0.1"),
            (Form::Level, "Warning", "warn"),
            (Form::Level, "fatal", "error"),
            (Form::Level, "none", "off"),
            (Form::Level, "DEBUG", "DEBUG"),
            (Form::List, " offer, ,answer ,", "offer,answer"),
            (Form::Headers, "X-Real-IP , cookie,, Cookie", "X-Real-IP,cookie"),
            (Form::Seconds, "30", "30"),
            (Form::Text, "a b", "a b"),
        ] {
            let read = Read { value: expected.to_owned(), warning: None };
            assert_eq!(form.read(value), Ok(read), "{form:?} {value}");
        }
    }

    #[test]
    fn what_means_the_default_changes_nothing() {
        use Form::{Boolean, Count, Headers, Host, Level, List, Port, Seconds, Text};
        for form in [Boolean, Count, Seconds, Port, Host, Level, List, Headers, Text] {
            assert_eq!(form.read(""), Ok(Read::default()), "{form:?}");
        }
        for form in [Seconds, Port] {
            let read = form.read("0").unwrap();
            assert_eq!(read.value, "", "{form:?}");
            assert_eq!(read.warning.as_deref(), Some("0 stands for the default, as in Ayame"));
        }
    }

    #[test]
    fn headers_that_cannot_be_copied_are_left_out_and_named() {
        let read = Form::Headers.read("Host,X-A,b c").unwrap();
        assert_eq!(read.value, "X-A");
        assert_eq!(
            read.warning.as_deref(),
            Some(
                "\"Host\" says something about the connection itself and cannot be copied, \"b c\" is not the name of \
                 a header: it is left out"
            )
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (form, value, wrong) in [
            (Form::Boolean, "maybe", "\"maybe\" is neither true nor false; allowed: true or false"),
            (Form::Count, "10MB", "\"10MB\" is not a plain whole number; allowed: such as 10"),
            (Form::Count, "010", "\"010\" is not a plain whole number; allowed: such as 10"),
            (
                Form::Port,
                "65536",
                "\"65536\" is not a plain whole number; allowed: 0 to 65535; 0 is the default",
            ),
            (Form::Port, "-1", "\"-1\" is not a plain whole number; allowed: 0 to 65535; 0 is the default"),
            (
                Form::Port,
                "0x10",
                "\"0x10\" is not a plain whole number; allowed: 0 to 65535; 0 is the default",
            ),
            (
                Form::Host,
                "box",
                "\"box\" is not an address of this machine; allowed: an IP address, such as 0.0.0.0, or localhost",
            ),
        ] {
            assert_eq!(form.read(value).unwrap_err(), wrong, "{form:?} {value}");
        }
    }
}
