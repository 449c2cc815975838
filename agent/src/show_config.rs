//! `show-config`: what is in effect, and where each value comes from.

use std::{ffi::OsString, fmt::Write};

use clap::{ArgMatches, parser::ValueSource};
use spoa_actors::ForeignText;
use spoa_handlers::{
    configuration::settings_of,
    file::{Group, Node, Section, Text, Value},
    finding::Place,
    kind::Setting,
};

use crate::{
    config_file::ConfigFile,
    failure::Failure,
    file_commands::print,
    file_keys::{FILE_KEYS, FileKey, SECRET_KEYS, SECTIONS},
    precedence::variable,
    program::Program,
    settled::Settled,
    show_config_options::ShowConfigOptions,
};

/// The column of where a value comes from, if there is room.
const COLUMN: usize = 44;
/// Sections that only a file has.
const OF_FILE: [Group; 7] = [
    Group::Listen,
    Group::Args,
    Group::Secrets,
    Group::Data,
    Group::Service,
    Group::Handler,
    Group::Message,
];
/// Options of listeners: they stand for `[listen.NAME]`.
const LISTENERS: [&str; 7] =
    ["listen", "unix", "unix-mode", "tls-cert", "tls-key", "tls-client-ca", "proxy-protocol"];

/// Prints what `run` would do with this file, these options and this environment.
///
/// # Errors
///
/// If the file cannot be used, or what is said together cannot be.
pub(crate) fn show_config(
    words: &[OsString],
    options: &ShowConfigOptions,
    program: &Program,
) -> Result<(), Failure> {
    let path = options.file.as_ref().or(options.run.config.as_ref());
    let file = path.map(|path| ConfigFile::open(path)).transpose()?;
    let Settled { matches, file, .. } = Settled::of(words, program, file)?;
    print(&Shown { matches: &matches, file: file.as_ref(), text: String::new() }.text())
}

struct Shown<'a> {
    matches: &'a ArgMatches,
    file: Option<&'a ConfigFile>,
    text: String,
}

impl Shown<'_> {
    fn text(mut self) -> String {
        for group in SECTIONS {
            self.header(&format!("[{}]", group.name()));
            for setting in settings_of(group).unwrap_or_default() {
                self.setting(group, setting);
            }
        }
        self.listeners();
        let Some(file) = self.file else { return self.text };
        for group in OF_FILE {
            for section in file.loaded.document.sections(group) {
                self.section(section);
            }
        }
        self.text
    }

    fn header(&mut self, header: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}{header}");
    }

    /// A line and where it comes from.
    fn line(&mut self, line: &str, from: &str) {
        let line = ForeignText::of(&line).to_string();
        let gap = COLUMN.saturating_sub(line.chars().count()).max(2);
        let _ = writeln!(self.text, "{line}{:gap$}# {}", "", ForeignText::of(&from));
    }

    /// A setting of a section with options.
    fn setting(&mut self, group: Group, setting: &Setting) {
        let key = FILE_KEYS.iter().find(|key| key.group == group && key.key == setting.name);
        let in_file = self.node(group, setting.name).map(|(node, place)| {
            (format!("{} = {}", setting.name, self.written(node)), self.place(place))
        });
        let source = key.and_then(|key| self.matches.value_source(&id(key.option)));
        let standard = key.and_then(FileKey::standard_variable);
        match (key, source) {
            (Some(key), Some(ValueSource::CommandLine)) if self.is_about(key) => {
                self.of_option(key, &format!("option --{}", key.option));
            }
            (Some(key), Some(ValueSource::EnvVariable)) if self.is_about(key) => {
                self.of_option(key, &format!("environment {}", variable(key.option)));
            }
            _ => match (standard, in_file, setting.default()) {
                (Some(name), _, _) => {
                    self.line(
                        &format!("# {} is set elsewhere", setting.name),
                        &format!("environment {name}"),
                    );
                }
                (None, Some((line, from)), _) => self.line(&line, &from),
                (None, None, Some(default)) => {
                    self.line(&format!("{} = {default}", setting.name), "default");
                }
                (None, None, None) => {
                    self.line(&format!("# {} is not set", setting.name), "default");
                }
            },
        }
    }

    /// `tcp` and `unix` of `[admin]` are one option.
    fn is_about(&self, key: &FileKey) -> bool {
        if key.option != "admin" {
            return true;
        }
        let is_unix = self.values(key.option).iter().any(|value| value.starts_with("unix:"));
        is_unix == (key.key == "unix")
    }

    fn of_option(&mut self, key: &FileKey, from: &str) {
        let values = self.values(key.option);
        let is_secret = SECRET_KEYS.contains(&key.option) && key.key == "headers";
        let shown = |value: &str| match value.split_once('=') {
            Some((name, _)) if is_secret => quoted(&format!("{name}=…")),
            _ => plain(&without_password(value.strip_prefix("unix:").unwrap_or(value))),
        };
        let values: Vec<_> = values.iter().map(|value| shown(value)).collect();
        let value = match &values[..] {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        self.line(&format!("{} = {value}", key.key), from);
    }

    fn listeners(&mut self) {
        let given: Vec<_> = LISTENERS
            .into_iter()
            .filter_map(|option| {
                let from = match self.matches.value_source(&id(option))? {
                    ValueSource::CommandLine => format!("option --{option}"),
                    ValueSource::EnvVariable => format!("environment {}", variable(option)),
                    _ => return None,
                };
                let values = self.values(option);
                let written: Vec<_> = values.iter().map(|value| plain(value)).collect();
                Some((format!("# --{option} {}", written.join(" ")), from))
            })
            .collect();
        let replaces = given
            .iter()
            .any(|(line, _)| line.starts_with("# --listen ") || line.starts_with("# --unix "));
        let has_own = self.file.is_some_and(|file| !file.configuration.listeners.is_empty());
        if !given.is_empty() {
            let what = if replaces {
                "# listeners: those of the file are not used"
            } else {
                "# listeners"
            };
            self.header(what);
        }
        for (line, from) in &given {
            self.line(line, from);
        }
        if !replaces && !has_own {
            self.header("[listen.default]");
            self.line("tcp = \"127.0.0.1:12345\"", "default");
        }
    }

    /// A section as it stands in its file.
    fn section(&mut self, section: &Section) {
        let group = section.group.name();
        let header = if section.name.name == group {
            format!("[{group}]")
        } else if section
            .name
            .name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            format!("[{group}.{}]", section.name.name)
        } else {
            format!("[{group}.{}]", quoted(&section.name.name))
        };
        self.header(&ForeignText::of(&header).to_string());
        for entry in &section.table.entries {
            let line = format!("{} = {}", plain_key(&entry.key.name), self.written(&entry.node));
            let from = self.place(entry.key.place);
            self.line(&line, &from);
        }
        let has = |setting: &&Setting| section.table.get(setting.name).is_none();
        for setting in settings_of(section.group).unwrap_or_default().iter().filter(has) {
            if let (Some(default), true) = (setting.default(), section.group != Group::Secrets) {
                self.line(&format!("{} = {default}", setting.name), "default");
            }
        }
    }

    fn values(&self, option: &str) -> Vec<String> {
        let raw = self.matches.get_raw(&id(option)).into_iter().flatten();
        raw.map(|value| value.to_string_lossy().into_owned()).collect()
    }

    fn node(&self, group: Group, key: &str) -> Option<(&Node, Place)> {
        let entry = self.file?.loaded.document.section(group)?.table.get(key)?;
        Some((&entry.node, entry.key.place))
    }

    /// A value as TOML has it, in one line. A text with a variable of the environment stays as it is written:
    /// the variable may be a secret.
    fn written(&self, node: &Node) -> String {
        match &node.value {
            Value::Text(text) => self.written_text(text),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => format!("{number:?}"),
            Value::Boolean(boolean) => boolean.to_string(),
            Value::Array(nodes) => {
                let nodes: Vec<_> = nodes.iter().map(|node| self.written(node)).collect();
                format!("[{}]", nodes.join(", "))
            }
            Value::Table(table) => {
                let entries = table.entries.iter();
                let entries: Vec<_> = entries
                    .map(|entry| {
                        format!("{} = {}", plain_key(&entry.key.name), self.written(&entry.node))
                    })
                    .collect();
                format!("{{ {} }}", entries.join(", "))
            }
            Value::Datetime | Value::Broken => "…".to_owned(),
        }
    }

    fn written_text(&self, text: &Text) -> String {
        let sources = self.file.map(|file| &file.loaded.sources).filter(|_| text.is_interpolated());
        let place = text.place();
        let raw = sources.and_then(|sources| sources.text(place.source()).get(place.span()));
        raw.map_or_else(|| quoted(&without_password(text.as_str())), str::to_owned)
    }

    fn place(&self, place: Place) -> String {
        let Some(file) = self.file else { return String::new() };
        let sources = &file.loaded.sources;
        let text = sources.text(place.source());
        let before = text.as_bytes().get(..place.span().start).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", sources.path(place.source()).display())
    }
}

/// The name by which clap knows an option of `run`.
fn id(long: &str) -> String {
    match long {
        "async" => "asynchronous".to_owned(),
        _ => long.replace('-', "_"),
    }
}

/// A URL without the password in it.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://…@{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

/// As TOML has it: a number or a boolean without quotes.
fn plain(text: &str) -> String {
    let is_bare = text.parse::<f64>().is_ok() || text == "true" || text == "false";
    if is_bare { text.to_owned() } else { quoted(text) }
}

fn plain_key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.bytes().all(is_bare) && !name.is_empty() { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
