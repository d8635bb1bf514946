//! Ayame's `config.ini`, so that it starts suzu unchanged: what becomes of each of its keys. Some are settings of suzu's, some are translated
//! when the whole file is read, and the rest changes nothing but for a warning that says what suzu does instead. They are taken from
//! files only; docs/from-ayame.md is the table for people.

mod form;
mod keys;

use super::{Config, settings};
use form::Form;
pub(super) use keys::{KEYS, find};

/// A key of Ayame's.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    form: Form,
    fate: Fate,
}

/// What becomes of a key.
#[derive(Debug)]
enum Fate {
    /// The setting of the same name.
    Setting,
    /// The same, and it changes nothing unless one of these settings has this value; and why that is so.
    SettingWith(&'static [(&'static str, &'static str)], &'static str),
    /// It is translated, maybe with others: [`Reading::finish`].
    Part,
    /// Nothing: what suzu does instead.
    Otherwise(&'static str),
}

/// What a file says by Ayame's keys.
#[derive(Debug)]
pub(in crate::config) struct Reading<'a> {
    /// The file, for messages.
    file: &'a str,
    /// The keys that are there, each once.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: &'static Key,
    line: usize,
    value: String,
    warning: Option<String>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Self { file, entries: Vec::new() }
    }

    /// Takes what a line says.
    ///
    /// # Errors
    /// What is wrong with the value: file, line, key, and what is allowed.
    pub(super) fn take(
        &mut self,
        config: &mut Config,
        key: &'static Key,
        value: &str,
        line: usize,
    ) -> Result<(), String> {
        let read = key.form.read(value).map_err(|wrong| self.at(line, key, &wrong))?;
        let earlier = self.entries.iter().position(|other| other.key.name == key.name);
        if matches!(key.fate, Fate::Setting | Fate::SettingWith(..)) {
            let value = match &*read.value {
                "" if earlier.is_some() => settings::find(key.name).map(|setting| setting.default),
                "" => None,
                value => Some(value),
            };
            let result = value.map_or(Ok(()), |value| set(config, key.name, value));
            result.map_err(|wrong| self.at(line, key, &wrong))?;
        }
        let mut entry = Entry { key, line, value: read.value, warning: read.warning };
        if let Some(place) = earlier {
            self.entries.remove(place);
            if entry.value.is_empty() {
                unset(config, key);
            }
            entry.warning =
                entry.warning.or(Some("it is set twice; the last one counts, as in Ayame".to_owned()));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Translates, when all lines are read. `seen` are the keys that the file has besides Ayame's.
    ///
    /// # Errors
    /// What does not fit together: file, line, key, and what is allowed.
    pub(super) fn finish(self, config: &mut Config, seen: &[&'static str]) -> Result<Self, String> {
        for [address, port, default_port, setting] in [
            ["listen_ipv4_address", "listen_port_number", "3000", "listen"],
            ["listen_prometheus_ipv4_address", "listen_prometheus_port_number", "4000", "listen_metrics"],
        ] {
            let Some(entry) = self.entry(address).or(self.entry(port)) else { continue };
            if seen.contains(&setting) {
                let wrong = format!("the file has {setting}, too; allowed: one of them");
                return Err(self.at(entry.line, entry.key, &wrong));
            }
            let address = self.value(address).unwrap_or("0.0.0.0");
            let port = self.value(port).unwrap_or(default_port);
            let value = if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            };
            set(config, setting, &value).map_err(|wrong| self.at(entry.line, entry.key, &wrong))?;
        }
        for (key, setting, value) in
            [("debug", "log_level", "debug"), ("debug_console_log_json", "log_format", "json")]
        {
            let is_set = self.value(setting).is_some() || seen.contains(&setting);
            if self.value(key) == Some("true") && !is_set {
                set(config, setting, value)?;
            }
        }
        Ok(self)
    }

    /// What the operator should know, one line for each key, once all is set, by flags as well.
    pub(in crate::config) fn warnings(&self, config: &Config) -> Vec<String> {
        let warning = |entry: &Entry| Some(self.at(entry.line, entry.key, &entry.warning(config)?));
        self.entries.iter().filter_map(warning).collect()
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == key)
    }

    /// The value of a key that says something.
    fn value(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| &*entry.value).filter(|value| !value.is_empty())
    }

    fn at(&self, line: usize, key: &Key, message: &str) -> String {
        format!("{}:{line}: {}: {message}", self.file, key.name)
    }
}

impl Entry {
    /// What is more important than anything about how the value is written: that it changes nothing. If it is what suzu does anyway,
    /// there is nothing to say.
    fn warning(&self, config: &Config) -> Option<String> {
        let default = settings::find(self.key.name).map(|setting| setting.default);
        let says_nothing = matches!(&*self.value, "" | "false") || default == Some(&*self.value);
        match self.key.fate {
            Fate::Otherwise(instead) if !says_nothing => Some(instead.to_owned()),
            Fate::SettingWith(others, why)
                if !says_nothing && !others.iter().any(|other| has(config, other)) =>
            {
                let others: Vec<_> = others.iter().map(|(key, value)| format!("`{key} = {value}`")).collect();
                Some(format!("it changes nothing without {}: {why}", others.join(" or ")))
            }
            _ => self.warning.clone(),
        }
    }
}

fn set(config: &mut Config, key: &str, value: &str) -> Result<(), String> {
    // The tests have every row of the table, so it is always there.
    let setting = settings::find(key).ok_or_else(|| format!("there is no setting {key}"))?;
    config.set(setting, value, true)
}

/// Back to the default.
fn unset(config: &mut Config, key: &Key) {
    if let Some(setting) = settings::find(key.name).filter(|_| !matches!(key.fate, Fate::Otherwise(_))) {
        setting.copy(&Config::default(), config);
    }
}

fn has(config: &Config, (key, value): &(&str, &str)) -> bool {
    settings::find(key).is_some_and(|setting| (setting.show)(config) == [*value])
}

#[cfg(test)]
mod tests;
