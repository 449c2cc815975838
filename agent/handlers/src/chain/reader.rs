//! Chains, as the messages of a file name their handlers.

use std::{collections::BTreeMap, sync::atomic::AtomicU64};

use super::{
    chain::Chain,
    chain_names::ChainNames,
    common::{CommonSettings, Mode, OnError, Then},
    decides::Decides,
    kind::{Kind, Made},
    link::{Counts, Link},
    making::{self, Making},
    output,
    own_variable::OwnVariable,
    verdict,
};
use crate::{
    configuration::{Action, Fallback, MessageSettings, Run, StepName, Unanswered},
    file::{Group, Reading, Table, TableReader, Value},
    finding::{Finding, Place},
    input::Sources,
    kind::{Settings, choose},
    resource::Resources,
};

/// The chains of the messages, by the names of these. A message with a mistake has none; a handler that no message
/// runs is a warning.
pub fn chains(
    messages: &BTreeMap<String, MessageSettings>,
    kinds: &[&'static dyn Kind],
    resources: &Resources,
    reading: &mut Reading<'_>,
) -> BTreeMap<String, Chain> {
    let mut chains = BTreeMap::new();
    for (name, settings) in messages {
        if let Some(chain) = chain(name, settings, kinds, resources, reading) {
            chains.insert(name.clone(), chain);
        }
    }
    let mut decides = Decides::default();
    chains.values().for_each(|chain| decides.extend(&chain.decides()));
    chains.values_mut().for_each(|chain| chain.details.clone_from(&decides.texts));
    let document = reading.document;
    for section in document.sections(Group::Handler) {
        let name = &section.name;
        let is_run = |message: &MessageSettings| {
            message.run.iter().flat_map(Run::steps).any(|step| step.name == name.name)
        };
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
    resources: &Resources,
    reading: &mut Reading<'_>,
) -> Option<Chain> {
    let named = making::named(&settings.args, reading);
    let mut is_whole = named.is_some();
    let mut names = ChainNames::new(named.unwrap_or_default());
    let mut groups = Vec::new();
    let mut denies = None;
    let mut last = Vec::new();
    for group in steps(name, settings, kinds, reading) {
        let (behind, group): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|step| sees_verdict(step, kinds));
        last.extend(behind);
        if group.is_empty() {
            continue;
        }
        let mut links = Vec::new();
        let mut found = Vec::new();
        for step in group {
            let Some((link, variables)) = link(&step, kinds, &mut names, resources, reading) else {
                is_whole = false;
                names.add_broken(&step.name);
                continue;
            };
            if link.may_refuse() {
                denies = denies.or(Some(step.named));
            }
            is_whole &= is_heard(name, settings, &link, step.named, reading);
            found.push(variables);
            links.push(link);
        }
        for (link, variables) in links.iter_mut().zip(&found) {
            link.first = names.add(&link.name, variables);
        }
        groups.push(links);
    }
    let verdict = if last.is_empty() { 0 } else { names.add_verdict() };
    let read_last: Vec<_> =
        last.iter().map(|step| link(step, kinds, &mut names, resources, reading)).collect();
    is_whole &= read_last.iter().all(Option::is_some);
    let placed = read_last.into_iter().flatten().map(|(mut link, variables)| {
        link.first = names.add(&link.name, &variables);
        link
    });
    let last: Vec<_> = placed.collect();
    let is_chosen = says_unanswered(name, settings, denies, reading);
    let count = names.count();
    let variables = names.variables();
    let inputs = names.into_inputs();
    let required = (0..inputs.len()).filter(|at| inputs[*at].is_required()).collect();
    (is_whole && is_chosen).then(|| Chain {
        groups,
        last,
        verdict,
        inputs,
        required,
        count,
        has_verdict: settings.verdict,
        variables,
        details: Vec::new(),
        fallback: fallback(settings),
        dropped: AtomicU64::new(0),
    })
}

/// What HAProxy gets without an answer of the chain: what `fallback` says, or what `unanswered` does.
fn fallback(settings: &MessageSettings) -> Option<Fallback> {
    let unanswered = settings.unanswered.map(|unanswered| Fallback {
        action: match unanswered {
            Unanswered::Allow => Action::Allow,
            Unanswered::Deny => Action::Deny,
        },
        reason: "unanswered".to_owned(),
        status: None,
    });
    settings.fallback.clone().or(unanswered)
}

/// A handler and its section.
struct StepSection<'f> {
    name: String,
    /// Whose state it counts in: that of one in place is not shared with others of its kind.
    state: String,
    place: Place,
    /// Where the message names it.
    named: Place,
    table: &'f Table,
    /// Whether the section is that of the message itself, and was read as such before.
    is_in_place: bool,
}

/// Whether it runs when the verdict is known.
fn sees_verdict(step: &StepSection<'_>, kinds: &[&'static dyn Kind]) -> bool {
    let named = step.table.get("kind").map(|entry| &entry.node.value);
    let Some(Value::Text(text)) = named else { return false };
    kinds.iter().any(|kind| kind.sees_verdict() && kind.description().name == text.as_str())
}

/// The handlers of a message: those of `run`, or the one that is written in place.
fn steps<'f>(
    name: &str,
    settings: &MessageSettings,
    kinds: &[&'static dyn Kind],
    reading: &Reading<'f>,
) -> Vec<Vec<StepSection<'f>>> {
    let document = reading.document;
    let Some(run) = &settings.run else {
        let own = document.sections(Group::Message).find(|section| section.name.name == name);
        let step = own.map(|section| {
            let kind = kinds.iter().map(|kind| kind.description().name).find(|kind| {
                let named = section.table.get("kind").map(|entry| &entry.node.value);
                matches!(named, Some(Value::Text(text)) if text.as_str() == *kind)
            });
            let state = format!("message {name}");
            let name = kind.unwrap_or_default().replace('-', "_");
            let (place, table) = (section.name.place, &section.table);
            StepSection { name, state, place, named: place, table, is_in_place: true }
        });
        return vec![step.into_iter().collect()];
    };
    let step = |step: &StepName| {
        let section =
            document.sections(Group::Handler).find(|section| section.name.name == step.name)?;
        let (name, table) = (step.name.clone(), &section.table);
        let place = section.name.place;
        let state = name.clone();
        Some(StepSection { name, state, place, named: step.place, table, is_in_place: false })
    };
    run.0.iter().map(|group| group.iter().filter_map(step).collect()).collect()
}

/// A handler that decides is in a message whose verdict HAProxy gets.
fn is_heard(
    name: &str,
    settings: &MessageSettings,
    link: &Link,
    place: Place,
    reading: &mut Reading<'_>,
) -> bool {
    let decides = link.mode == Mode::Enforce && !link.decides.actions.is_empty();
    if settings.verdict || !decides {
        return true;
    }
    let title = format!("`[message.{name}]` sends no verdict, and `{}` decides", link.name);
    let finding = Finding::error(title).at(place, "HAProxy would never hear of it");
    reading.findings.add(
        finding.help(
            "remove `verdict = false`, or have the handler set variables instead of deciding",
        ),
    );
    false
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
    let finding = Finding::error(title).at(place, "this handler does not always allow");
    reading.findings.add(finding.help(
        "add `unanswered = \"allow\"` (fail open) or `unanswered = \"deny\"` (fail closed) to the message",
    ));
    false
}

/// A handler in its chain, and what it finds; nothing if it has mistakes. One that is off is there, so that others may
/// name its variables.
fn link<'f>(
    step: &StepSection<'f>,
    kinds: &[&'static dyn Kind],
    names: &mut ChainNames,
    resources: &Resources,
    reading: &mut Reading<'f>,
) -> Option<(Link, Vec<OwnVariable>)> {
    let mut table = TableReader::new(step.table, "a handler", step.place);
    let known: Vec<_> = kinds.iter().map(|kind| kind.description().name).collect();
    let kind = kinds[choose("handler", &mut table, &known, reading)?];
    table.rename(format!("`{}`", kind.description().name));
    let common = CommonSettings::read(&mut table, reading);
    if step.is_in_place {
        table.leave(MessageSettings::SETTINGS.iter().map(|setting| setting.name));
    }
    let sources = common.as_ref().and_then(|common| common.args.clone()).unwrap_or_default();
    let mut making = Making {
        name: &step.name,
        state: &step.state,
        description: kind.description(),
        table: &mut table,
        names,
        resources,
        reading,
        // Those of a message were read with it.
        sources: if step.is_in_place { Sources::default() } else { sources },
        slots: Vec::new(),
    };
    let is_right = making.check_sources();
    let made = kind.make(&mut making);
    let when = match common.as_ref().and_then(|common| common.when.as_ref()) {
        Some(when) => making.condition(when).map(Some),
        None => Some(None),
    };
    let slots = std::mem::take(&mut making.slots);
    let is_whole = table.finish(reading);
    let (common, mut made, when) = (common?, made?, when?);
    let is_later = made.step.later().is_some();
    let error = is_later.then(|| made.add_error());
    let is_right = is_right & can_be_late(&common, is_later, step, reading);
    let is_named = is_named(&step.name, &made, step.place, reading);
    let outputs = output::outputs(&step.name, common.set.as_ref(), &made.variables, reading);
    if !is_whole || !is_named || !is_right {
        return None;
    }
    let Made { step: own, variables, decides } = made;
    let decides = may_decide(decides, &common);
    let link = Link {
        name: step.name.clone(),
        step: own,
        is_later,
        timeout: common.timeout,
        then: common.then,
        first: 0,
        error,
        when,
        mode: common.mode,
        on_error: common.on_error,
        outputs,
        is_chosen: common.set.is_some(),
        counts: Counts::default(),
        slots,
        decides,
    };
    Some((link, variables))
}

/// What a handler of such settings may decide.
fn may_decide(own: Decides, common: &CommonSettings) -> Decides {
    let mut decides = match common.then {
        Then::Stop => own,
        Then::Continue => Decides::nothing(),
    };
    match common.on_error {
        OnError::Skip => {}
        OnError::Allow => decides.add(Action::Allow, None),
        OnError::Deny => decides.add(Action::Deny, None),
    }
    decides
}

/// A handler that answers at once has no time of its own.
fn can_be_late(
    common: &CommonSettings,
    is_later: bool,
    step: &StepSection<'_>,
    reading: &mut Reading<'_>,
) -> bool {
    if is_later || common.timeout.is_none() {
        return true;
    }
    let place = step.table.get("timeout").map_or(step.place, |entry| entry.key.place);
    let finding = Finding::error("this handler answers at once: it has no `timeout`");
    reading.findings.add(finding.at(place, "of no use").help("remove it"));
    false
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
