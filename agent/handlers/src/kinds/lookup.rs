//! `lookup`: the row of a key.

use std::net::IpAddr;

use super::{
    cell_value::{scalar, value},
    data_names,
    judgement::{Judgement, OnStale},
    lookup_columns::{self, Column, Defaults},
};
use crate::{
    chain::{Decision, Found, Kind, Made, Making, OwnVariable, OwnView, Step, View},
    configuration::{Action, Status},
    data::Followed,
    expression::{Fault, Program, Scalar, Type as ExpressionType, Value, Variables},
    file::{DataName, List, Text},
    finding::Finding,
    kind::{Description, Reason, Settings, Type, Variable},
    table::{Match, Row, Rows},
};

settings! {
    /// What `lookup` is set to.
    struct LookupSettings, "`lookup`" {
        /// The table: a data set of the kind `table`.
        data: DataName,
        /// What is looked up: an expression for each column of the table's key, such as `["host"]`.
        key: List<Text>,
        /// The columns that become variables. The default is all columns of the table.
        columns: Option<List<Text>>,
        /// Values of columns for keys without a row, such as `{ plan = "free" }`.
        default: Defaults = Defaults::default(),
        /// Whether a key without a row is denied.
        required: bool = false,
        /// A condition over the handler's own variables, such as `"plan == 'expired'"`. If it holds, the request is denied.
        deny: Option<Text>,
        /// A condition of the same kind. If it holds, the request is allowed, and the chain ends.
        allow: Option<Text>,
        /// The status of the answer to a request that is denied.
        status: Option<Status>,
        /// What happens while data is stale.
        on_stale: OnStale = OnStale::Use,
    }
}

/// The kind `lookup`.
pub(super) struct Lookup;

const FOUND: usize = 0;
const STALE: usize = 1;
const ERROR: usize = 2;

const VARIABLES: &[Variable] = &[
    Variable::new("found", Type::Bool, "whether the table has a row for the key"),
    Variable::new("stale", Type::Bool, "whether the data is older than its files, or too old"),
    Variable::new("error", Type::Text, "why nothing is known:").one_of(&["no_key", "no_data"]),
];

const DESCRIPTION: Description = Description {
    name: "lookup",
    summary: "Looks a key up in a table: the columns of its row become variables.",
    arguments: &[],
    variables: VARIABLES,
    reasons: &[
        Reason::new("row", "`deny` holds"),
        Reason::new("no_row", "there is no row for the key, and it is `required`"),
        Reason::new("no_key", "a part of the key is not there, and a row is `required`"),
        Reason::new("allowed", "`allow` holds"),
        Reason::new("stale", "the data is stale, and `on_stale` decides"),
    ],
    settings: LookupSettings::SETTINGS,
    example: r#"
[handler.tenant]
kind = "lookup"
data = "tenants"
key = "host"
default = { backend = "web", plan = "free" }

[data.tenants]
kind = "table"
file = "tenants.csv"
key = "host"
match = "domain"
columns = { backend = "text", plan = "text", limit = "int" }
"#,
};

impl Kind for Lookup {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let settings: LookupSettings = making.settings()?;
        let (rows, file) = data_names::table(&settings.data, making)?;
        let key = key(&settings, file.by, file.key.len(), making);
        let columns = lookup_columns::columns(
            &settings.data,
            settings.columns.as_ref(),
            settings.default,
            (&rows, &file),
            making,
        );
        let (key, columns) = (key?, columns?);
        let mut variables: Vec<_> = VARIABLES.iter().map(OwnVariable::of).collect();
        variables.extend(columns.iter().map(|column| OwnVariable {
            name: column.name.clone(),
            value_type: ExpressionType::One(scalar(column.own_type)),
        }));
        let conditions = (settings.allow.as_ref(), settings.deny.as_ref());
        let common = (settings.on_stale, settings.status.map(u16::from));
        let judgement = Judgement::read(conditions, common, &variables, making)?;
        let mut decides = judgement.decides();
        if settings.required {
            decides.add(Action::Deny, settings.status.map(u16::from));
        }
        let is_address = file.by == Match::Cidr;
        let is_required = settings.required;
        let step = LookupStep { rows, key, is_address, columns, is_required, judgement };
        Some(Made { step: Box::new(step), variables, decides })
    }
}

/// The parts of the key: as many as the table's key has columns.
fn key(
    settings: &LookupSettings,
    by: Match,
    count: usize,
    making: &mut Making<'_, '_>,
) -> Option<Vec<Program>> {
    let List(texts) = &settings.key;
    let read: Vec<_> = texts.iter().map(|text| part(text, by, making)).collect();
    if texts.len() != count {
        let place = texts.first().map_or(settings.data.place, Text::place);
        let title = format!("the key has {} parts, that of the table {count}", texts.len());
        let finding = Finding::error(title).at(place, "another number of parts");
        making.add(finding.help("write one expression for each column of the table's `key`"));
        return None;
    }
    read.into_iter().collect()
}

fn part(text: &Text, by: Match, making: &mut Making<'_, '_>) -> Option<Program> {
    let program = making.expression(text)?;
    let is_key = match program.value_type() {
        ExpressionType::One(Scalar::Ip) => true,
        ExpressionType::One(Scalar::Text) => true,
        ExpressionType::One(Scalar::Int | Scalar::Bool) => by == Match::Exact,
        _ => false,
    };
    if !is_key {
        let title = format!("a key is not of the type {}", program.value_type());
        let finding = Finding::error(title).at(text.place(), "not a key");
        let help = match by {
            Match::Exact => "write an expression for a text, a number, a boolean or an address",
            _ => "write an expression for a text or an address",
        };
        making.add(finding.help(help));
    }
    is_key.then_some(program)
}

struct LookupStep {
    rows: Followed<Rows>,
    key: Vec<Program>,
    /// Whether the key is an address.
    is_address: bool,
    columns: Vec<Column>,
    is_required: bool,
    judgement: Judgement,
}

impl Step for LookupStep {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let current = self.rows.current();
        let Some(rows) = current.table() else {
            found.set(ERROR, Value::text("no_data"));
            return Err(Fault::NoData);
        };
        let Some(row) = self.row(rows, view) else {
            found.set(ERROR, Value::text("no_key"));
            // Who sends no key is no better off than who sends a wrong one.
            return match self.is_required {
                true => Ok(Some(self.judgement.denied("no_key"))),
                false => Err(Fault::Absent),
            };
        };
        let is_stale = self.rows.is_stale();
        found.set(FOUND, Value::Bool(row.is_some()));
        found.set(STALE, Value::Bool(is_stale));
        for (at, column) in (VARIABLES.len()..).zip(&self.columns) {
            let value = match row {
                Some(row) => {
                    row.get(&column.name).and_then(|cell| value(cell.clone(), column.own_type))
                }
                None => column.default.as_ref().map(Value::borrow),
            };
            if let Some(value) = value {
                found.set(at, value);
            }
        }
        match row {
            None if self.is_required => Ok(Some(self.judgement.denied("no_row"))),
            _ => self.judgement.decide(&OwnView::new(found, view), (true, is_stale), "row"),
        }
    }
}

impl LookupStep {
    /// The row of the key, or that there is none; nothing if a part of the key is not there.
    fn row<'r>(&self, rows: &'r Rows, view: &dyn Variables) -> Option<Option<Row<'r>>> {
        if let [part] = &self.key[..] {
            return match value_of(part, view)? {
                Value::Ip(ip) if self.is_address => Some(rows.find_address(ip)),
                Value::Text(text) if self.is_address => {
                    let ip = text.trim().parse::<IpAddr>();
                    ip.ok().map(|ip| rows.find_address(ip.to_canonical()))
                }
                Value::Text(text) if text.is_empty() => None,
                Value::Text(text) => Some(rows.find(&[&text])),
                other => Some(rows.find(&[&text(&other)?])),
            };
        }
        let parts = self.key.iter().map(|part| text(&value_of(part, view)?));
        let parts: Vec<_> = parts.collect::<Option<_>>()?;
        Some(rows.find(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
    }
}

/// The value of a part of the key; nothing if it is a variable that is not there, or has no value.
fn value_of<'v>(part: &'v Program, view: &'v dyn Variables) -> Option<Value<'v>> {
    match part.variable() {
        Some(slot) => view.get(slot),
        None => part.value(view).ok(),
    }
}

/// A part of a key as the table has it.
fn text(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Text(text) => text.clone().into_owned(),
        Value::Ip(ip) => ip.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => return None,
    })
}
