//! Chains, as the messages of a file name their handlers.

use std::{collections::BTreeMap, sync::atomic::AtomicU64};

use super::{
    chain::{Chain, Link},
    chain_names::ChainNames,
    common::{CommonSettings, Mode, OnError},
    kind::{Kind, Made},
    output,
    own_variable::OwnVariable,
    verdict,
};
use crate::{
    configuration::{Action, MessageSettings},
    expression::Program,
    file::{Group, Reading, Section, TableReader},
    finding::{Finding, Place},
    kind::{Settings, choose},
};

/// The chains of the messages, by the names of these. A message with a mistake has none; a handler that no message
/// runs is a warning.
pub fn chains(
    messages: &BTreeMap<String, MessageSettings>,
    kinds: &[&'static dyn Kind],
    reading: &mut Reading<'_>,
) -> BTreeMap<String, Chain> {
    let mut chains = BTreeMap::new();
    for (name, settings) in messages {
        if let Some(chain) = chain(name, settings, kinds, reading) {
            chains.insert(name.clone(), chain);
        }
    }
    let document = reading.document;
    for section in document.sections(Group::Handler) {
        let name = &section.name;
        let is_run =
            |message: &MessageSettings| message.run.steps().any(|step| step.name == name.name);
        if !messages.values().any(is_run) {
            let title = format!("no message runs the handler `{}`", name.name);
            let finding = Finding::warning(title).at(name.place, "not used");
            reading
                .findings
                .add(finding.help("name it in `run` of a `[message.NAME]`, or remove it"));
        }
    }
    chains
}

fn chain(
    name: &str,
    settings: &MessageSettings,
    kinds: &[&'static dyn Kind],
    reading: &mut Reading<'_>,
) -> Option<Chain> {
    let mut names = ChainNames::default();
    let mut groups = Vec::new();
    let mut denies = None;
    let mut is_whole = true;
    for group in &settings.run.0 {
        let mut links = Vec::new();
        let mut found = Vec::new();
        for step in group {
            let Some(read) = link(&step.name, kinds, &names, reading) else {
                is_whole = false;
                names.add_broken(&step.name);
                continue;
            };
            let (link, made) = read;
            if made.1.contains(&Action::Deny) && link.mode == Mode::Enforce {
                denies = denies.or(Some(step.place));
            }
            found.push(made.0);
            links.push(link);
        }
        for (link, variables) in links.iter_mut().zip(&found) {
            link.first = names.add(&link.name, variables);
        }
        groups.push(links);
    }
    let is_chosen = says_unanswered(name, settings, denies, reading);
    (is_whole && is_chosen).then(|| Chain {
        groups,
        count: names.count(),
        fallback: settings.fallback.clone(),
        dropped: AtomicU64::new(0),
    })
}

/// Fail open or closed is never a default: a message that can be denied says what HAProxy does without an answer.
fn says_unanswered(
    name: &str,
    settings: &MessageSettings,
    denies: Option<Place>,
    reading: &mut Reading<'_>,
) -> bool {
    let (Some(place), None) = (denies, settings.unanswered) else { return true };
    let title = format!("`[message.{name}]` does not say what happens without an answer");
    let finding = Finding::error(title).at(place, "this handler can deny");
    reading.findings.add(finding.help(
        "add `unanswered = \"allow\"` (fail open) or `unanswered = \"deny\"` (fail closed) to the message",
    ));
    false
}

type Read = (Link, (Vec<OwnVariable>, Vec<Action>));

/// A handler in its chain; nothing if it has mistakes. One that is off is there, so that others may name its variables.
fn link(
    name: &str,
    kinds: &[&'static dyn Kind],
    names: &ChainNames,
    reading: &mut Reading<'_>,
) -> Option<Read> {
    let document = reading.document;
    let section: &Section =
        document.sections(Group::Handler).find(|section| section.name.name == name)?;
    let place = section.name.place;
    let known: Vec<_> = kinds.iter().map(|kind| kind.description().name).collect();
    let mut table = TableReader::new(&section.table, "a handler", place);
    let kind = kinds[choose(section, &mut table, &known, reading)?];
    table.rename(format!("`{}`", kind.description().name));
    let common = CommonSettings::read(&mut table, reading);
    let made = kind.make(&mut table, names, reading);
    let is_whole = table.finish(reading);
    let (common, made) = (common?, made?);
    let when = match &common.when {
        Some(when) => Some(Program::condition_of(when, names, reading.findings)?),
        None => None,
    };
    let is_named = is_named(name, &made, place, reading);
    let outputs = output::outputs(name, common.set.as_ref(), &made.variables, reading);
    if !is_whole || !is_named {
        return None;
    }
    let Made { step, variables, mut actions } = made;
    if common.on_error == OnError::Deny {
        actions.push(Action::Deny);
    }
    let link = Link {
        name: name.to_owned(),
        step,
        first: 0,
        when,
        mode: common.mode,
        on_error: common.on_error,
        outputs,
        counts: super::chain::Counts::default(),
    };
    Some((link, (variables, actions)))
}

/// Whether the name of a handler and those of its variables can be told from others.
fn is_named(name: &str, made: &Made, place: Place, reading: &mut Reading<'_>) -> bool {
    if verdict::NAMES.contains(&name) || name == "arg" {
        let title =
            format!("`{name}` is the name of a variable of the verdict, or of all arguments");
        let finding = Finding::error(title).at(place, "taken");
        reading.findings.add(finding.help("use another name"));
        return false;
    }
    let scope = spoa_actors::Scope::Transaction;
    let names = made.variables.iter().map(|variable| format!("{name}.{}", variable.name));
    names.collect::<Vec<_>>().iter().all(|name| output::is_name(scope, name, place, reading))
}
