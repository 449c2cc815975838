//! SPOE file: how long HAProxy waits for each message, as its own file says.

use std::{collections::BTreeMap, io, path::Path, str::SplitWhitespace, time::Duration};

use spoa_actors::regular_file;
use spoa_handlers::{
    configuration::Configuration,
    file::{Group, Loaded},
    finding::Finding,
    value::Quantity,
};

/// The largest file: HAProxy's have some kilobytes.
const LARGEST: u64 = 1 << 20;

/// Adds a warning for each message whose deadline is not below the time that HAProxy waits for it.
pub(crate) fn check(loaded: &mut Loaded, configuration: &Configuration) {
    let Some(agent) = &configuration.agent else { return };
    let Some(path) = &agent.spoe else { return };
    let key = |key| loaded.document.section(Group::Agent)?.table.get(key);
    let Some(place) = key("spoe").map(|entry| entry.node.place) else { return };
    let waits = match read(&path.0) {
        Ok(text) => waits(&text),
        Err(error) => {
            let title = format!("cannot read HAProxy's file: {error}");
            let finding = Finding::warning(title).at(place, "its times are not compared");
            loaded
                .findings
                .add(finding.help("name a file that this user can read, or remove `spoe`"));
            return;
        }
    };
    for (section, settings) in &configuration.messages {
        let own = loaded.document.sections(Group::Message).find(|own| own.name.name == *section);
        let Some(own) = own else { continue };
        let deadline = configuration.deadline(settings.deadline);
        let place = own.table.get("deadline").map_or(own.name.place, |entry| entry.node.place);
        for name in settings.names.as_ref().map_or(&[section.clone()][..], |names| &names.0) {
            let Some(wait) = waits.get(name).filter(|wait| **wait <= deadline) else { continue };
            let (wait, shown) = (Quantity::write(wait), Quantity::write(&deadline));
            let title = format!("HAProxy waits {wait} for `{name}`, and its deadline is {shown}");
            let finding = Finding::warning(title).at(place, "HAProxy goes on without the answer");
            loaded.findings.add(finding.help(
                "lower `deadline` below `timeout processing` of the spoe-agent, or raise that",
            ));
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let (bytes, _) = regular_file::read(path, LARGEST)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A section of the file.
enum Section {
    Agent { messages: Vec<String>, groups: Vec<String>, wait: Option<Duration> },
    Group { name: String, messages: Vec<String> },
    Other,
}

/// How long HAProxy waits for each message: the shortest `timeout processing` of those that send it.
fn waits(text: &str) -> BTreeMap<String, Duration> {
    let sections = sections(text);
    let of_group = |wanted: &String| {
        let group = sections.iter().find_map(|section| match section {
            Section::Group { name, messages } if name == wanted => Some(messages.clone()),
            _ => None,
        });
        group.unwrap_or_default()
    };
    let mut waits = BTreeMap::new();
    for section in &sections {
        let Section::Agent { messages, groups, wait: Some(wait) } = section else { continue };
        for message in messages.iter().cloned().chain(groups.iter().flat_map(of_group)) {
            let known = waits.entry(message).or_insert(*wait);
            *known = (*known).min(*wait);
        }
    }
    waits
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::Other];
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        match first {
            "spoe-agent" => sections.push(Section::Agent {
                messages: Vec::new(),
                groups: Vec::new(),
                wait: None,
            }),
            "spoe-group" => sections.push(Section::Group {
                name: words.next().unwrap_or_default().to_owned(),
                messages: Vec::new(),
            }),
            "spoe-message" => sections.push(Section::Other),
            _ if first.starts_with('[') => sections.push(Section::Other),
            _ => {
                if let Some(section) = sections.last_mut() {
                    section.take(first, words);
                }
            }
        }
    }
    sections
}

impl Section {
    fn take(&mut self, first: &str, mut words: SplitWhitespace<'_>) {
        let names = |words: SplitWhitespace<'_>| words.map(str::to_owned).collect::<Vec<_>>();
        match (self, first) {
            (Self::Agent { messages, .. } | Self::Group { messages, .. }, "messages") => {
                messages.extend(names(words));
            }
            (Self::Agent { groups, .. }, "groups") => groups.extend(names(words)),
            (Self::Agent { wait, .. }, "timeout") if words.next() == Some("processing") => {
                *wait = words.next().and_then(time);
            }
            _ => {}
        }
    }
}

/// A time as HAProxy writes it: without a unit in milliseconds.
fn time(text: &str) -> Option<Duration> {
    match text.parse().map(Duration::from_millis) {
        Ok(duration) => Some(duration),
        Err(_) => Duration::read(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_as_long_as_the_agents_that_send_it() {
        let text = "
            [guard]
            spoe-agent fast   # the first
                messages one two
                groups late
                timeout hello 2s
                timeout processing 10ms
            spoe-group late
                messages three
            spoe-message one
                args ip=src
                event on-frontend-http-request
            [other]
            spoe-agent slow
                messages two four
                timeout processing 1500
            spoe-agent unlimited
                messages five
        ";
        let ms = Duration::from_millis;
        let expected = [("one", 10), ("two", 10), ("three", 10), ("four", 1500)];
        let expected = expected.map(|(name, wait)| (name.to_owned(), ms(wait)));
        assert_eq!(waits(text), BTreeMap::from(expected));
    }
}
