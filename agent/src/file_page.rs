//! File page: the tables of docs/file.md, out of the settings of the sections.

use std::{fmt::Write, fs, path::Path};

use spoa_handlers::{configuration::settings_of, file::Group, kind::Setting};

use crate::file_keys::FILE_KEYS;

/// The sections without kinds, and what the page says of each.
const SECTIONS: [(Group, &str, &str); 8] = [
    (Group::Agent, "[agent]", "What holds for all messages, and how the agent starts and stops."),
    (
        Group::Listen,
        "[listen.NAME]",
        "Where the agent listens: one section for each address, with one of `tcp`, `unix` and `systemd`. \
         `--listen` and `--unix` replace all of them.",
    ),
    (Group::Limits, "[limits]", "How much the agent takes from all its peers together."),
    (Group::Log, "[log]", "What is logged on stderr."),
    (
        Group::Trace,
        "[trace]",
        "Where traces and metrics go. Standard `OTEL_` variables win over the file.",
    ),
    (Group::Admin, "[admin]", "The admin endpoint, on `tcp` or `unix`."),
    (
        Group::Secrets,
        "[secrets]",
        "Each key is the name of a secret; its value says where it is, by one of:",
    ),
    (Group::Message, "[message.NAME]", "An SPOE message, and what answers it."),
];

/// Where listeners have their options.
const LISTEN_OPTIONS: [(&str, &str); 5] = [
    ("tcp", "--listen"),
    ("unix", "--unix"),
    ("systemd", "--listen systemd:NAME"),
    ("mode", "--unix-mode"),
    ("proxy_protocol", "--proxy-protocol"),
];

fn tables() -> String {
    let mut text = String::new();
    for (group, header, about) in SECTIONS {
        let has_options = matches!(
            group,
            Group::Agent | Group::Listen | Group::Limits | Group::Log | Group::Trace | Group::Admin
        );
        let (head, rule) = if has_options { (" option |", "---|") } else { ("", "") };
        let _ = writeln!(text, "\n## {header}\n\n{}\n", filled(about));
        let _ =
            writeln!(text, "| key | value | default |{head} meaning |\n|---|---|---|{rule}---|");
        for setting in settings_of(group).unwrap_or_default() {
            let option =
                if has_options { format!(" {} |", option(group, setting)) } else { String::new() };
            let default = match setting.default() {
                Some(default) => format!("`{default}`"),
                None if setting.is_needed => "needed".to_owned(),
                None => "none".to_owned(),
            };
            let words: Vec<_> = setting.words.iter().map(|word| format!("`{word}`")).collect();
            let words = if words.is_empty() || setting.value.contains('`') {
                String::new()
            } else {
                format!(" One of {}.", words.join(", "))
            };
            let row = format!(
                "| `{}` | {} | {default} |{option} {}{words} |",
                setting.name, setting.value, setting.doc
            );
            let _ = writeln!(text, "{row}");
        }
    }
    text
}

fn option(group: Group, setting: &Setting) -> String {
    let of_listener = || {
        let (_, option) = LISTEN_OPTIONS.iter().find(|(key, _)| *key == setting.name)?;
        Some((*option).to_owned())
    };
    let key = FILE_KEYS.iter().find(|key| key.group == group && key.key == setting.name);
    let option = match key {
        Some(key) => Some(format!("--{}", key.option)),
        None if group == Group::Listen && setting.name == "tls" => {
            Some("--tls-cert`, `--tls-key`, `--tls-client-ca".to_owned())
        }
        None if group == Group::Listen => of_listener(),
        None => None,
    };
    option.map_or_else(String::new, |option| format!("`{option}`"))
}

/// In lines of 100 characters.
fn filled(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last].push_str(word);
        } else if lines[last].chars().count() + 1 + word.chars().count() <= 100 {
            let _ = write!(lines[last], " {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

/// `SPOA_WRITE_PAGES=1 cargo test -p spoa-agent --lib file_page` writes them anew.
#[test]
fn the_page_of_the_file_has_every_section_and_key() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/file.md"));
    let page = fs::read_to_string(path).expect("it is there");
    let (written, tables_there) =
        page.split_at(page.find("\n## [agent]\n").expect("it has tables"));
    if std::env::var_os("SPOA_WRITE_PAGES").is_some() {
        fs::write(path, format!("{written}{}", tables())).expect("it can be written");
        return;
    }
    assert_eq!(tables_there, tables());
}
