//! What a file has beside its handlers, open.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    data_plan::DataPlan,
    data_set::DataSet,
    fixed::{self, FixedEntry},
    plan::ResourcePlan,
    states::States,
};
use crate::{
    data::DataState,
    file::Reading,
    finding::{Finding, Place},
    value::{Secret, SecretSource},
};

/// The data sets and secrets of a file, by their names. Handlers take what they need.
#[derive(Default)]
pub struct Resources {
    is_open: bool,
    data: BTreeMap<String, (DataPlan, DataSet)>,
    sources: BTreeMap<String, (SecretSource, Option<Place>)>,
    secrets: BTreeMap<String, Arc<Secret>>,
    states: States,
}

impl Resources {
    /// Opens nothing: each data set is there, and has no data.
    #[must_use]
    pub fn without_loading(plan: ResourcePlan) -> Self {
        let data = plan.data.into_iter().map(|(name, plan)| {
            let set = plan.never_loaded();
            (name, (plan, set))
        });
        Self {
            is_open: false,
            data: data.collect(),
            sources: plan.secrets,
            secrets: BTreeMap::new(),
            states: States::default(),
        }
    }

    /// Reads all files and secrets, and follows the files. What cannot be read is a finding, and lines that
    /// were skipped are a warning. What is the same in `before` is taken from there as it is.
    #[must_use]
    pub fn open(plan: ResourcePlan, before: Option<&Self>, reading: &mut Reading<'_>) -> Self {
        let mut resources = Self::without_loading(plan);
        resources.is_open = true;
        resources.states = States::after(before.map(|before| &before.states));
        resources.open_data(before, reading);
        resources.read_secrets(reading);
        resources
    }

    /// The same data sets and secrets, with handlers that have counted nothing yet.
    #[must_use]
    pub fn for_test(&self) -> Self {
        let (data, sources) = (self.data.clone(), self.sources.clone());
        let (is_open, secrets) = (self.is_open, self.secrets.clone());
        Self { is_open, data, sources, secrets, states: States::default() }
    }

    /// Whether files were read: otherwise nothing is known of what is in them.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The data set of a `[data.NAME]`; none if there is none, or its section has a mistake.
    #[must_use]
    pub fn data(&self, name: &str) -> Option<&DataSet> {
        self.data.get(name).map(|(_, set)| set)
    }

    /// What a handler counts in: all chains that run it share it, and a reload keeps it as long as it has the same
    /// identity, which is all that would make another one of it.
    pub fn state<T: Send + Sync + 'static>(
        &self,
        handler: &str,
        identity: &str,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        self.states.get(handler, identity, make)
    }

    /// Has a data set hold these entries and nothing else: for tests of a file. Nothing is opened.
    ///
    /// # Errors
    ///
    /// There is no such data set, or what is wrong with an entry.
    pub fn replace_data(&mut self, name: &str, entries: &[FixedEntry]) -> Result<(), String> {
        let Some((_, set)) = self.data.get_mut(name) else {
            return Err(format!("there is no `[data.{name}]`"));
        };
        *set = fixed::with_entries(set, name, entries)?;
        Ok(())
    }

    /// All data sets, in the order of their names.
    pub fn all_data(&self) -> impl Iterator<Item = (&str, &DataSet)> {
        self.data.iter().map(|(name, (_, set))| (name.as_str(), set))
    }

    /// How all data sets are, in the order of their names. Not for worker threads: it may wait for the
    /// threads that follow the files.
    #[must_use]
    pub fn states(&self) -> Vec<DataState> {
        self.all_data().map(|(_, set)| set.state()).collect()
    }

    /// The secret of this name, if it was read.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&Arc<Secret>> {
        self.secrets.get(name)
    }

    fn open_data(&mut self, before: Option<&Self>, reading: &mut Reading<'_>) {
        for (name, (plan, set)) in &mut self.data {
            let open = before.filter(|before| before.is_open);
            let same = open.and_then(|before| before.data.get(name));
            if let Some((_, kept)) = same.filter(|(old, _)| old.is_same(plan)) {
                *set = kept.clone();
                continue;
            }
            match plan.open() {
                Ok(open) => {
                    *set = open;
                    report_bad_lines(name, set, plan.place, reading);
                }
                Err(error) => {
                    let finding = Finding::error(format!("the data `{name}` cannot be loaded"))
                        .at(plan.place, error.to_string());
                    reading.findings.add(finding);
                }
            }
        }
    }

    fn read_secrets(&mut self, reading: &mut Reading<'_>) {
        for (name, (source, place)) in &self.sources {
            match source.read() {
                Ok(secret) => {
                    self.secrets.insert(name.clone(), Arc::new(secret));
                }
                Err(error) => reading.findings.add(no_secret(name, &error.to_string(), *place)),
            }
        }
    }
}

fn report_bad_lines(name: &str, set: &DataSet, place: Place, reading: &mut Reading<'_>) {
    let state = set.state();
    let [first, ..] = &state.first_bad_lines[..] else { return };
    let title = match state.bad_lines {
        1 => format!("a line of the data `{name}` is skipped"),
        count => format!("{count} lines of the data `{name}` are skipped"),
    };
    let finding = Finding::warning(title).at(place, first.to_string());
    reading.findings.add(finding.help("fix the lines, or set `bad_lines = \"refuse\"`"));
}

/// What is reported of a secret that cannot be read.
fn no_secret(name: &str, why: &str, place: Option<Place>) -> Finding {
    let finding = Finding::error(format!("there is no secret `{name}`: {why}"))
        .help("put the secret there, or say in `[secrets]` where it is");
    match place {
        Some(place) => finding.at(place, "not readable"),
        None => finding,
    }
}
