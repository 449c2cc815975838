//! Which kind a section names.

use crate::{
    file::{Reading, TableReader, Text},
    finding::{Finding, nearest},
};

/// The index of the kind that `kind = "…"` names, of this group of sections; nothing if it is none, which is a finding then.
pub fn choose(
    group: &str,
    table: &mut TableReader<'_>,
    kinds: &[&'static str],
    reading: &mut Reading<'_>,
) -> Option<usize> {
    let named: Text = table.take("kind", reading)?;
    let index = kinds.iter().position(|kind| *kind == named.as_str());
    if index.is_none() {
        let title = format!("no {group} of the kind `{}`", named.as_str());
        let list = "`spoa-agent kinds` lists them all";
        let help = match nearest(named.as_str(), kinds.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`? {list}"),
            None => list.to_owned(),
        };
        reading.findings.add(Finding::error(title).at(named.place(), "not a kind").help(help));
    }
    index
}
