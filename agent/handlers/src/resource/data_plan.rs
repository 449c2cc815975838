//! A data set as its section describes it, before a file is opened.

use std::sync::Arc;

use super::{
    data_kinds::DATA_KINDS, data_set::DataSet, ip_list::IpListSettings,
    source_settings::SourceSettings, table::TableSettings,
};
use crate::{
    data::{DataError, Followed, IpList, Mmdb, RowsFile, Source},
    file::{Reading, Section, TableReader},
    finding::{Finding, Place},
    kind::{Settings, choose},
    table::Match,
};

/// A data set before it is opened.
#[derive(Clone, Debug)]
pub(super) struct DataPlan {
    pub(super) source: Source,
    pub(super) form: Form,
    /// Where the section names the files.
    pub(super) place: Place,
}

/// What the files are read as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Form {
    IpList(IpList),
    Mmdb,
    Table(Arc<RowsFile>),
}

impl DataPlan {
    /// Reads a section; what is wrong with it joins the findings.
    pub(super) fn read(section: &Section, reading: &mut Reading<'_>) -> Option<Self> {
        let mut table = TableReader::new(&section.table, "`[data]`", section.name.place);
        let kinds: Vec<_> = DATA_KINDS.iter().map(|kind| kind.name).collect();
        let kind = DATA_KINDS[choose(section.group.name(), &mut table, &kinds, reading)?].name;
        table.rename(format!("`{kind}`"));
        let common = SourceSettings::read(&mut table, reading);
        let source = common.and_then(|common| common.source(section, reading));
        let form = Settled::read(kind, &mut table, reading);
        let is_whole = table.finish(reading);
        let ((mut source, place), form) = (source?, form?);
        let form = match form {
            Settled::IpList(settings) => Form::IpList(settings.list(&mut source)),
            Settled::Mmdb => Form::Mmdb,
            Settled::Table(settings) => Form::Table(settings.rows(&mut source).into()),
        };
        let is_right = form.has_one_key(section, reading);
        (is_whole && is_right).then_some(Self { source, form, place })
    }

    /// Whether this is the same data, read in the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.source == other.source && self.form == other.form
    }

    /// Reads the files, and follows them.
    pub(super) fn open(&self) -> Result<DataSet, DataError> {
        let source = self.source.clone();
        Ok(match &self.form {
            Form::IpList(list) => DataSet::IpList(Followed::open(source, list.clone())?),
            Form::Mmdb => DataSet::Mmdb(Followed::open(source, Mmdb)?),
            Form::Table(rows) => {
                DataSet::Table(Followed::open(source, (**rows).clone())?, Arc::clone(rows))
            }
        })
    }

    /// A set of this kind without data.
    pub(super) fn never_loaded(&self) -> DataSet {
        let name = &self.source.name;
        match &self.form {
            Form::IpList(_) => DataSet::IpList(Followed::never_loaded(name)),
            Form::Mmdb => DataSet::Mmdb(Followed::never_loaded(name)),
            Form::Table(rows) => DataSet::Table(Followed::never_loaded(name), Arc::clone(rows)),
        }
    }
}

/// The settings of a kind.
enum Settled {
    IpList(IpListSettings),
    Mmdb,
    Table(TableSettings),
}

impl Settled {
    fn read(kind: &str, table: &mut TableReader<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        match kind {
            "ip-list" => IpListSettings::read(table, reading).map(Self::IpList),
            "table" => TableSettings::read(table, reading).map(Self::Table),
            _ => Some(Self::Mmdb),
        }
    }
}

impl Form {
    /// Only equal keys may have several parts.
    fn has_one_key(&self, section: &Section, reading: &mut Reading<'_>) -> bool {
        let Self::Table(rows) = self else { return true };
        if rows.by == Match::Exact || rows.key.len() == 1 {
            return true;
        }
        let place = section.table.get("key").map_or(section.name.place, |key| key.node.place);
        let finding = Finding::error("a key of several columns is compared as a whole")
            .at(place, "more than one column")
            .help("remove `match`, or name one column");
        reading.findings.add(finding);
        false
    }
}
