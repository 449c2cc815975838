//! What a file has beside its handlers, as it is described.

use std::collections::BTreeMap;

use super::{data_plan::DataPlan, unused};
use crate::{
    configuration::Secrets,
    file::{Group, Reading},
    finding::Place,
    value::SecretSource,
};

/// The data sets and secrets of a file as it describes them, before a file is opened.
#[derive(Debug, Default)]
pub struct ResourcePlan {
    pub(super) data: BTreeMap<String, DataPlan>,
    /// With the place of each.
    pub(super) secrets: BTreeMap<String, (SecretSource, Option<Place>)>,
}

impl ResourcePlan {
    /// Reads the sections `[data.NAME]`; what is wrong with them joins the findings. One that no handler uses
    /// is a warning. `secrets` are those of the [`Configuration`](crate::configuration::Configuration).
    #[must_use]
    pub fn read(secrets: &Secrets, reading: &mut Reading<'_>) -> Self {
        let document = reading.document;
        let mut data = BTreeMap::new();
        for section in document.sections(Group::Data) {
            if let Some(plan) = DataPlan::read(section, reading) {
                data.insert(section.name.name.clone(), plan);
            }
        }
        unused::warn(reading);
        let section = document.section(Group::Secrets);
        let place = |name: &str| Some(section?.table.get(name)?.key.place);
        let secrets = secrets.iter().map(|(name, source)| {
            let place = place(name);
            (name.clone(), (source.clone(), place))
        });
        Self { data, secrets: secrets.collect() }
    }
}
