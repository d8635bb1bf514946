//! Conversations as text files: parsed here, played by a stage. The format is described in tests/transcripts/README.md.

use std::{collections::HashMap, fs, path::Path, time::Duration};
use suzu::config::{Config, settings};

/// One conversation.
#[derive(Debug)]
pub struct Transcript {
    pub name: String,
    pub settings: Vec<(String, String)>,
    pub lines: Vec<(usize, Line)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `+61s`: time passes.
    Pass(Duration),
    /// `a! open`, `a! mute` and so on.
    Do(String, Action),
    /// `a! open /mesh`: the client opens a WebSocket on this path.
    Open(String, String),
    /// `a! refused 401 /mesh`: the client asks for a WebSocket on this path, and is refused with this status.
    Refused(String, u16, String),
    /// `a> {...}`: the client sends.
    Say(String, Said),
    /// `a< {...}`: the client hears.
    Hear(String, String),
    /// `a! closed 1000 reason`: the server closes.
    Closed(String, u16, String),
    /// `a! quiet`: it has heard nothing else.
    Quiet(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answer no ping from now on.
    Mute,
    /// Look at pings as at any other message from now on (they are still answered).
    ShowPings,
    /// Be gone without a word.
    Vanish,
    /// Close in the orderly way.
    Leave,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Text(String),
    Binary(Vec<u8>),
    Pong,
}

/// What a client has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Closed(u16, String),
}

/// Where a conversation takes place: the hub alone, or a real server.
pub trait Stage {
    fn open(&mut self, client: &str, path: &str);
    /// Asks for a WebSocket: the status that the client gets.
    fn ask(&mut self, client: &str, path: &str) -> u16;
    fn act(&mut self, client: &str, action: Action);
    fn say(&mut self, client: &str, said: &Said);
    fn pass(&mut self, time: Duration);
    /// The next thing that the client hears, waiting for it as long as it can still come.
    fn hear(&mut self, client: &str) -> Option<Heard>;
    /// What the client has heard and nobody has looked at, once everything that was said has been handled.
    fn left_over(&mut self, client: &str) -> Vec<Heard>;
    fn clients(&self) -> Vec<String>;
}

/// All conversations of a dialect, by name.
pub fn load(dialect: &str) -> Vec<Transcript> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(dialect);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            parse(name, &fs::read_to_string(path).unwrap()).unwrap_or_else(|wrong| panic!("{name}: {wrong}"))
        })
        .collect()
}

pub fn parse(name: &str, text: &str) -> Result<Transcript, String> {
    let mut transcript = Transcript { name: name.to_owned(), settings: Vec::new(), lines: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(setting) = line.strip_prefix("set ") {
            let (key, value) = setting.split_once(' ').ok_or(format!("line {number}: set KEY VALUE"))?;
            transcript.settings.push((key.to_owned(), value.to_owned()));
        } else {
            let parsed = parse_line(line).ok_or(format!("line {number} means nothing: {line}"))?;
            transcript.lines.push((number, parsed));
        }
    }
    Ok(transcript)
}

fn parse_line(line: &str) -> Option<Line> {
    if let Some(time) = line.strip_prefix('+') {
        let seconds: f64 = time.strip_suffix('s')?.parse().ok()?;
        return Some(Line::Pass(Duration::try_from_secs_f64(seconds).ok()?));
    }
    let (client, rest) = line.split_at(line.find(['>', '<', '!'])?);
    let (sign, rest) = rest.split_at(1);
    let (client, rest) = (client.to_owned(), rest.strip_prefix(' ')?);
    Some(match (sign, rest) {
        (">", said) if said.starts_with("binary ") => Line::Say(client, Said::Binary(hex(&said[7..])?)),
        (">", "pong") => Line::Say(client, Said::Pong),
        (">", text) => Line::Say(client, Said::Text(text.to_owned())),
        ("<", text) => Line::Hear(client, text.to_owned()),
        (_, "quiet") => Line::Quiet(client),
        (_, open) if open.starts_with("open /") => Line::Open(client, open[5..].to_owned()),
        (_, refused) if refused.starts_with("refused ") => {
            let (status, path) = refused.strip_prefix("refused ")?.split_once(' ')?;
            Line::Refused(client, status.parse().ok()?, path.to_owned())
        }
        (_, "mute") => Line::Do(client, Action::Mute),
        (_, "show pings") => Line::Do(client, Action::ShowPings),
        (_, "vanish") => Line::Do(client, Action::Vanish),
        (_, "leave") => Line::Do(client, Action::Leave),
        (_, rest) => {
            let (code, reason) =
                rest.strip_prefix("closed ")?.split_once(' ').unwrap_or((rest.strip_prefix("closed ")?, ""));
            Line::Closed(client, code.parse().ok()?, reason.to_owned())
        }
    })
}

impl Transcript {
    /// The defaults with the conversation's settings.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        for (key, value) in &self.settings {
            let setting = settings::find(key).unwrap_or_else(|| panic!("{}: no setting {key}", self.name));
            let is_first =
                self.settings.iter().find(|(other, _)| other == key).is_none_or(|(_, first)| first == value);
            config.set(setting, value, is_first).unwrap();
        }
        config
    }

    /// Whether time plays a part.
    pub fn has_time(&self) -> bool {
        self.lines.iter().any(|(_, line)| matches!(line, Line::Pass(_)))
    }

    /// Plays the conversation.
    ///
    /// # Errors
    /// The first line that does not come true.
    pub fn play(&self, stage: &mut impl Stage) -> Result<(), String> {
        let mut names = HashMap::new();
        for (number, line) in &self.lines {
            let here = |what: String| format!("{}:{number}: {what}", self.name);
            match line {
                Line::Pass(time) => stage.pass(*time),
                Line::Open(client, path) => stage.open(client, path),
                Line::Refused(client, expected, path) => {
                    let status = stage.ask(client, path);
                    if status != *expected {
                        return Err(here(format!(
                            "{client} should be refused with {expected}, not {status}"
                        )));
                    }
                }
                Line::Do(client, action) => stage.act(client, *action),
                Line::Say(client, Said::Text(text)) => stage.say(client, &Said::Text(fill_in(text, &names))),
                Line::Say(client, said) => stage.say(client, said),
                Line::Hear(client, expected) => match stage.hear(client) {
                    Some(Heard::Text(text)) if matches(expected, &text, &mut names) => {}
                    Some(Heard::Binary(bytes))
                        if expected.strip_prefix("binary ").and_then(hex).as_ref() == Some(&bytes) => {}
                    heard => {
                        return Err(here(format!(
                            "{client} should hear\n  {expected}\nbut heard\n  {heard:?}"
                        )));
                    }
                },
                Line::Closed(client, code, reason) => {
                    let heard = stage.hear(client);
                    if heard != Some(Heard::Closed(*code, reason.clone())) {
                        return Err(here(format!(
                            "{client} should be closed with {code} {reason:?}, but heard {heard:?}"
                        )));
                    }
                }
                Line::Quiet(client) => {
                    let heard = stage.left_over(client);
                    if !heard.is_empty() {
                        return Err(here(format!(
                            "{client} should have heard nothing more, but heard {heard:?}"
                        )));
                    }
                }
            }
        }
        for client in stage.clients() {
            let heard = stage.left_over(&client);
            if !heard.is_empty() {
                return Err(format!("{}: at the end {client} had also heard {heard:?}", self.name));
            }
        }
        Ok(())
    }
}

/// Compares byte for byte, but for `<ulid:name>` and `<hex:name>`: any ULID, any 32 hexadecimal digits, and the same ones wherever the
/// name is the same.
fn matches(expected: &str, text: &str, names: &mut HashMap<String, String>) -> bool {
    let Some((before, kind, name, after)) = placeholder(expected) else { return expected == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    let (length, letters) = match kind {
        "ulid" => (26, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
        _ => (32, "0123456789abcdef"),
    };
    let Some((value, text)) = text.split_at_checked(length) else { return false };
    let known = names.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    value.chars().all(|letter| letters.contains(letter)) && known == value && matches(after, text, names)
}

/// Puts what was heard under a name in its place.
fn fill_in(text: &str, names: &HashMap<String, String>) -> String {
    match placeholder(text) {
        Some((before, _, name, after)) => {
            let value = names.get(name).unwrap_or_else(|| panic!("nobody has heard {name} yet"));
            format!("{before}{value}{}", fill_in(after, names))
        }
        None => text.to_owned(),
    }
}

fn placeholder(text: &str) -> Option<(&str, &str, &str, &str)> {
    let start = ["<ulid:", "<hex:"].into_iter().filter_map(|kind| text.find(kind)).min()?;
    let (before, rest) = text.split_at(start);
    let (kind, rest) = rest[1..].split_once(':')?;
    let (name, after) = rest.split_once('>')?;
    Some((before, kind, name, after))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).ok()).collect()
}
