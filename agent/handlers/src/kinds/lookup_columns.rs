//! The columns of a table that become variables, with their types.

use crate::{
    chain::Making,
    data::{Followed, RowsFile},
    expression::Value,
    file::{DataName, FromNode, List, Node, Reading, Text, Value as FileValue},
    finding::{Finding, Place, suggestion},
    table::{CellType, Rows},
};

/// The variables that every `lookup` has.
const TAKEN: [&str; 3] = ["found", "stale", "error"];

/// A column that becomes a variable.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) own_type: CellType,
    /// Its value for keys without a row.
    pub(super) default: Option<Value<'static>>,
}

/// Values of columns for keys without a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults(Vec<(String, Place, Default)>);

#[derive(Clone, Debug)]
enum Default {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}

impl FromNode for Defaults {
    const NAME: &'static str = "a table of values";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let table = match &node.value {
            FileValue::Table(table) => table,
            FileValue::Broken => return None,
            _ => {
                reading.unexpected(node, Self::NAME, "`{ column = \"value\" }`");
                return None;
            }
        };
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| {
                let default = match &entry.node.value {
                    FileValue::Boolean(value) => Default::Bool(*value),
                    FileValue::Integer(value) => Default::Int(*value),
                    FileValue::Float(value) => Default::Double(*value),
                    _ => Default::Text(String::from_node(&entry.node, reading)?),
                };
                Some((entry.key.name.clone(), entry.key.place, default))
            })
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn write(&self) -> String {
        let written = self.0.iter().map(|(name, _, default)| match default {
            Default::Bool(value) => format!("{name} = {value}"),
            Default::Int(value) => format!("{name} = {value}"),
            Default::Double(value) => format!("{name} = {value:?}"),
            Default::Text(text) => format!("{name} = {}", text.write()),
        });
        let written: Vec<_> = written.collect();
        if written.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", written.join(", ")) }
    }
}

/// The columns that become variables. Their types are those that the section of the data says, or those of the
/// values that are loaded.
pub(super) fn columns(
    data: &DataName,
    named: Option<&List<Text>>,
    defaults: Defaults,
    (rows, file): (&Followed<Rows>, &RowsFile),
    making: &mut Making<'_, '_>,
) -> Option<Vec<Column>> {
    let current = rows.current();
    let loaded = current.table();
    let known = known(file, loaded);
    if known.is_empty() && named.is_none() {
        // Without loading, nobody knows; with a table that is not there yet, nobody ever will.
        if making.resources().is_open() {
            let title = format!("the columns of the data `{}` are not known", data.name);
            let finding = Finding::error(title).at(data.place, "not loaded");
            making.add(finding.help("set `columns` in its section, as `{ plan = \"text\" }`"));
        }
        return None;
    }
    let names: Vec<(String, Place)> = match named {
        Some(List(texts)) => {
            texts.iter().map(|text| (text.as_str().to_owned(), text.place())).collect()
        }
        None => known.iter().map(|name| (name.clone(), data.place)).collect(),
    };
    let mut is_right = true;
    let mut columns = Vec::new();
    for (name, place) in names {
        is_right &= is_column(&name, place, &known, making) && is_variable(&name, place, making);
        let own_type = file.types.get(&name).copied();
        let own_type = own_type.or_else(|| loaded?.column_type(&name)).unwrap_or(CellType::Text);
        columns.push(Column { name, own_type, default: None });
    }
    for (name, place, default) in defaults.0 {
        is_right &= set_default(&name, place, default, &mut columns, making);
    }
    is_right.then_some(columns)
}

/// The columns that the section says, or that are loaded.
fn known(file: &RowsFile, loaded: Option<&Rows>) -> Vec<String> {
    match (&file.columns, loaded) {
        (Some(columns), _) => columns.clone(),
        (None, Some(rows)) => rows.columns().iter().map(|name| name.to_string()).collect(),
        (None, None) => Vec::new(),
    }
}

fn is_column(name: &str, place: Place, known: &[String], making: &mut Making<'_, '_>) -> bool {
    let is_known = known.is_empty() || known.iter().any(|known| known == name);
    if !is_known {
        let title = format!("the table has no column `{name}`");
        let finding = Finding::error(title).at(place, "not a column");
        making.add(match suggestion(name, known.iter().map(String::as_str)) {
            Some(help) => finding.help(help),
            None => finding,
        });
    }
    is_known
}

/// Whether a column can be a variable, for expressions and for HAProxy.
fn is_variable(name: &str, place: Place, making: &mut Making<'_, '_>) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_digit = |first: u8| first.is_ascii_digit();
    let is_name = name.bytes().all(is_part) && !name.bytes().next().is_none_or(is_digit);
    let is_free = !TAKEN.contains(&name);
    if !is_name || !is_free {
        let title = format!("the column `{name}` cannot be a variable");
        let label = if is_name { "taken: `lookup` itself sets it" } else { "not a name" };
        making.add(Finding::error(title).at(place, label).help(
            "name the columns that you need in `columns`; rename this one in the file if it is one of them",
        ));
    }
    is_name && is_free
}

fn set_default(
    name: &str,
    place: Place,
    default: Default,
    columns: &mut [Column],
    making: &mut Making<'_, '_>,
) -> bool {
    let Some(column) = columns.iter_mut().find(|column| column.name == name) else {
        let known: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let title = format!("`{name}` is not one of the columns that become variables");
        let finding = Finding::error(title).at(place, "not a column");
        making.add(match suggestion(name, known) {
            Some(help) => finding.help(help),
            None => finding,
        });
        return false;
    };
    column.default = match (default, column.own_type) {
        (Default::Bool(value), CellType::Boolean) => Some(Value::Bool(value)),
        (Default::Int(value), CellType::Integer) => Some(Value::Int(value)),
        (Default::Double(value), CellType::Decimal) => Some(Value::Double(value)),
        (Default::Text(text), CellType::Text) => Some(Value::Text(text.into())),
        _ => None,
    };
    if column.default.is_none() {
        let title = format!("the column `{name}` is of the type {}", column.own_type);
        let finding = Finding::error(title).at(place, "another type");
        making.add(
            finding.help("write a value of this type, or set the type in `columns` of the data"),
        );
    }
    column.default.is_some()
}
