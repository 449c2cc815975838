//! `kinds`: which kinds of handlers there are, and the page of each.

use std::fmt::Write;

use clap::Args;
use spoa_handlers::{finding::nearest, kinds::KINDS, schema::Kinds};
use thiserror::Error;

use super::output::print;
use crate::{failure::Failure, program::called};

/// What `kinds` shows.
#[derive(Args, Debug)]
pub(crate) struct KindsOptions {
    /// Show the page of this kind: arguments, variables, reasons, settings and an example
    kind: Option<String>,
}

#[derive(Debug, Error)]
#[error("there is no kind {name:?}; {help}")]
struct UnknownKind {
    name: String,
    help: String,
}

/// Prints all kinds with their summaries, or the page of one.
pub(crate) fn kinds(options: &KindsOptions) -> Result<(), Failure> {
    match &options.kind {
        None => print(&list()),
        Some(name) => print(&page(name).map_err(|unknown| Failure::Usage(unknown.into()))?),
    }
}

fn list() -> String {
    let all = Kinds::all(KINDS);
    let descriptions = all.iter().flat_map(|kinds| &kinds.descriptions);
    let width = descriptions.map(|kind| kind.name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for kinds in &all {
        let _ = writeln!(list, "[{}.NAME]", kinds.group.name());
        for kind in &kinds.descriptions {
            let _ = writeln!(list, "  {:width$}  {}", kind.name, kind.summary);
        }
    }
    list
}

fn page(name: &str) -> Result<String, UnknownKind> {
    let all = Kinds::all(KINDS);
    let each = all.iter().flat_map(|kinds| kinds.descriptions.iter().map(move |one| (kinds, one)));
    if let Some((kinds, found)) = each.clone().find(|(_, kind)| kind.name == name) {
        return Ok(kinds.page(found));
    }
    let names = each.map(|(_, kind)| kind.name);
    let list = format!("`{} kinds` lists them all", called());
    let help = match nearest(name, names) {
        Some(nearest) => format!("did you mean `{nearest}`? {list}"),
        None => list,
    };
    Err(UnknownKind { name: name.to_owned(), help })
}
