//! Explanation: what each handler of a chain did, for people.

use std::{fmt::Write, time::Duration};

use spoa_handlers::{
    chain::{CameTo, Decision, ExplainedStep},
    configuration::Action,
};

use super::value_text::value_text;

/// The handlers, each with what came of it, what it looked at and what it found.
pub(super) fn explanation(steps: &[ExplainedStep]) -> String {
    let width = steps.iter().map(|step| step.handler.len()).max().unwrap_or_default();
    let mut text = String::new();
    for step in steps {
        let name = &step.handler;
        let _ = writeln!(text, "{name:width$}  {}{}", came_to(&step.came_to), took(step.took));
        for (name, value) in &step.looked_at {
            let value = value.as_ref().map_or_else(|| "not there".to_owned(), value_text);
            let _ = writeln!(text, "{:width$}    took {name} = {value}", "");
        }
        for (name, value) in &step.found {
            let _ = writeln!(text, "{:width$}    found {name} = {}", "", value_text(value));
        }
    }
    text
}

fn came_to(came_to: &CameTo) -> String {
    match came_to {
        CameTo::Off => "not run: mode = \"off\"".to_owned(),
        CameTo::NotReached => "not run: a handler before it decided".to_owned(),
        CameTo::Last => "not run here: it records the verdict of real messages".to_owned(),
        CameTo::Skipped => "skipped: `when` is false".to_owned(),
        CameTo::Unknown(fault, action) => {
            format!("failed: `when` has no value: {fault}; {}", on_error(*action))
        }
        CameTo::Failed(why, action) => format!("failed: {why}; {}", on_error(*action)),
        CameTo::Nothing => "decided nothing".to_owned(),
        CameTo::Overruled(own) => {
            format!("decided {}, but a handler before it in its group decided too", decision(own))
        }
        CameTo::Decided(own) => format!("decided {}", decision(own)),
        CameTo::Observed(own) => {
            format!("only observes: mode = \"observe\"; it would decide {}", decision(own))
        }
        CameTo::Continued(own) => {
            format!("decided {}, and the chain continues: then = \"continue\"", decision(own))
        }
    }
}

fn on_error(action: Option<Action>) -> String {
    match action {
        Some(action) => format!("on_error decides {}", action.word()),
        None => "the chain continues".to_owned(),
    }
}

/// A decision with its reason and all that belongs to it.
fn decision(decision: &Decision<'_>) -> String {
    let mut text = format!("{} ({}", decision.action.word(), decision.reason);
    let numbers = [("status", decision.status), ("level", decision.level)];
    for (name, number) in numbers.into_iter().filter_map(|(name, own)| Some((name, own?))) {
        let _ = write!(text, ", {name} {number}");
    }
    for (detail, value) in &decision.details {
        let _ = write!(text, ", {} {}", detail.word(), value_text(value));
    }
    text + ")"
}

fn took(took: Duration) -> String {
    match took.as_micros() {
        0 => String::new(),
        micros @ 1..10_000 => format!("; {micros} µs"),
        _ => format!("; {} ms", took.as_millis()),
    }
}
