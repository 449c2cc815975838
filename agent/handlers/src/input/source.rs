//! How the file says where an argument comes from.

use super::{conversion, input::Input, look::Look, origin::Origin};
use crate::{
    expression::Value,
    file::{FromNode, Key, Node, Reading, Table, Text, Value as FileValue},
    finding::{Finding, Place},
    kind::Type,
};

settings! {
    /// An argument in braces.
    struct SourceTable, "an argument" {
        /// Where it comes from: the name of an argument, `$1` for the first without a name, or a list of these, of
        /// which the first that is there counts. Without it, the argument has its own name.
        from: Option<Source>,
        /// A constant.
        value: Option<Constant>,
        /// Its type.
        r#type: Option<Type>,
        /// What it is if it is not there.
        default: Option<Constant>,
        /// Whether a message without it gets the fallback.
        required: bool = false,
        /// HAProxy's fetch that gives it.
        fetch: Option<String>,
        /// The last header of this name, in a block of headers.
        header: Option<String>,
        /// The cookie of this name, in a header `Cookie`.
        cookie: Option<String>,
        /// The field of this name, in a query or a form.
        field: Option<String>,
        /// The field at this path, such as `user.id`, in a JSON text.
        json: Option<String>,
        /// Whether it is the bearer token in a header `Authorization`.
        bearer: bool = false,
        /// Whether it is the user in a header `Authorization`.
        basic_user: bool = false,
        /// Whether it is a host without its port.
        host: bool = false,
        /// The first group of this pattern.
        pattern: Option<Text>,
    }
}

/// Where an argument comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Nothing for an argument under its own name.
    origin: Option<Origin>,
    value_type: Option<Type>,
    default: Option<Constant>,
    is_required: bool,
    fetch: Option<String>,
    written: String,
}

/// Arguments by name, and where they come from.
#[derive(Clone, Debug, Default)]
pub struct Sources(pub Vec<(Key, Source)>);

/// A value as it stands in the file.
#[derive(Clone, Debug)]
struct Constant {
    value: Value<'static>,
    place: Place,
}

impl Source {
    /// The argument of this name; a type that does not fit is a finding.
    pub fn input(
        &self,
        name: &str,
        known: Option<(Type, &str)>,
        reading: &mut Reading<'_>,
    ) -> Option<Input> {
        let value_type = self.value_type.or(known.map(|(own, _)| own)).unwrap_or(Type::Text);
        let default = match &self.default {
            Some(default) => Some(default.as_type(value_type, reading)?),
            None => None,
        };
        let origin = self.origin.clone().unwrap_or_else(|| Origin::Named(name.to_owned()));
        // What is looked up in another argument is not what the fetch gives.
        let fetch = known.filter(|_| origin.is_plain()).map(|(_, fetch)| fetch.to_owned());
        let origin = match known {
            Some(_) => origin.for_known(name),
            None => origin,
        };
        Some(Input {
            name: name.to_owned(),
            value_type,
            origin,
            default,
            is_required: self.is_required,
            fetch: self.fetch.clone().or(fetch),
        })
    }

    /// The name, if it is that of an argument and nothing else is said.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.origin {
            Some(Origin::Named(name)) if self.written.starts_with('"') => Some(name),
            _ => None,
        }
    }

    fn of(origin: Origin, written: String) -> Self {
        let (value_type, default, fetch) = (None, None, None);
        Self { origin: Some(origin), value_type, default, is_required: false, fetch, written }
    }
}

impl FromNode for Source {
    const NAME: &'static str = "the name of an argument";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        match &node.value {
            FileValue::Text(text) => {
                Some(Self::of(origin(text, reading)?, text.as_str().to_owned().write()))
            }
            FileValue::Array(nodes) if !nodes.is_empty() => {
                let read: Vec<_> =
                    nodes.iter().map(|node| Self::from_node(node, reading)).collect();
                let read = read.into_iter().collect::<Option<Vec<_>>>()?;
                let written: Vec<_> = read.iter().map(|one| one.written.clone()).collect();
                let origins = read.into_iter().filter_map(|one| one.origin).collect();
                Some(Self::of(Origin::First(origins), format!("[{}]", written.join(", "))))
            }
            FileValue::Table(_) => {
                let table = SourceTable::from_node(node, reading)?;
                let written = table.write();
                from_table(table, written, node.place, reading)
            }
            FileValue::Broken => None,
            _ => {
                reading.unexpected(
                    node,
                    Self::NAME,
                    "`\"name\"`, `\"$1\"`, a list of these, or `{ from = \"name\", … }`",
                );
                None
            }
        }
    }

    fn write(&self) -> String {
        self.written.clone()
    }
}

/// `$1` is the first argument without a name; everything else is a name.
fn origin(text: &Text, reading: &mut Reading<'_>) -> Option<Origin> {
    let Some(place) = text.as_str().strip_prefix('$') else {
        if !text.as_str().is_empty() {
            return Some(Origin::Named(text.as_str().to_owned()));
        }
        let finding = Finding::error("an argument without a name is named by its place")
            .at(text.place(), "empty")
            .help("write `\"$1\"` for the first one without a name");
        reading.findings.add(finding);
        return None;
    };
    let place = place.parse::<usize>().ok().filter(|place| (1..=255).contains(place));
    if place.is_none() {
        let finding = Finding::error(format!("`{}` is not a place", text.as_str()))
            .at(text.place(), "not from `$1` to `$255`")
            .help("write `\"$1\"` for the first argument without a name");
        reading.findings.add(finding);
    }
    place.map(|place| Origin::Position(place - 1))
}

fn from_table(
    mut table: SourceTable,
    written: String,
    place: Place,
    reading: &mut Reading<'_>,
) -> Option<Source> {
    let wrong = |reading: &mut Reading<'_>, title: &str, label: &str, help: &str| {
        reading.findings.add(Finding::error(title).at(place, label).help(help));
        None
    };
    let mut looks = looks(&mut table, reading)?;
    if looks.len() > 1 {
        return wrong(
            reading,
            "an argument is looked up in more than one way",
            "more than one",
            "keep one of them, or put one table into `from` of the other",
        );
    }
    let origin = match (table.from, table.value) {
        (Some(_), Some(_)) => {
            return wrong(
                reading,
                "an argument is a constant and none",
                "both",
                "keep `from` or `value`",
            );
        }
        (Some(source), None) => source.origin,
        (None, Some(constant)) => {
            let value_type = table.r#type.unwrap_or_else(|| constant.own_type());
            table.r#type = Some(value_type);
            Some(Origin::Constant(constant.as_type(value_type, reading)?))
        }
        (None, None) => None,
    };
    let origin = match (origin, looks.pop()) {
        (Some(origin), Some(look)) => Some(Origin::Look(Box::new(origin), look)),
        (None, Some(_)) => {
            return wrong(
                reading,
                "an argument is looked up in nothing",
                "has no `from`",
                "add `from = \"name\"`: the argument that it is looked up in",
            );
        }
        (origin, None) => origin,
    };
    Some(Source {
        origin,
        value_type: table.r#type,
        default: table.default,
        is_required: table.required,
        fetch: table.fetch,
        written,
    })
}

fn looks(table: &mut SourceTable, reading: &mut Reading<'_>) -> Option<Vec<Look>> {
    let pattern = match table.pattern.take() {
        None => None,
        Some(pattern) => match regex::bytes::Regex::new(pattern.as_str()) {
            Ok(regex) => Some(Look::Pattern(regex)),
            Err(error) => {
                let reason = error.to_string();
                let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let finding = Finding::error(format!("this is no pattern: {last}"))
                    .at(pattern.place(), "not a pattern")
                    .help("write a regular expression without look-around and back references");
                reading.findings.add(finding);
                return None;
            }
        },
    };
    let path = |path: String| path.split('.').map(str::to_owned).collect();
    let all = [
        table.header.take().map(Look::Header),
        table.cookie.take().map(Look::Cookie),
        table.field.take().map(Look::Field),
        table.json.take().map(path).map(Look::Json),
        table.bearer.then_some(Look::Bearer),
        table.basic_user.then_some(Look::BasicUser),
        table.host.then_some(Look::Host),
        pattern,
    ];
    Some(all.into_iter().flatten().collect())
}

impl Sources {
    /// The keys of a section or of a table in braces.
    pub fn of(table: &Table, reading: &mut Reading<'_>) -> Option<Self> {
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| Some((entry.key.clone(), Source::from_node(&entry.node, reading)?)))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    /// Adds those of others that are not named here.
    pub fn add_missing(&mut self, others: &Self) {
        for (key, source) in &others.0 {
            if self.0.iter().all(|(own, _)| own.name != key.name) {
                self.0.push((key.clone(), source.clone()));
            }
        }
    }
}

impl FromNode for Sources {
    const NAME: &'static str = "arguments, and where they come from";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let FileValue::Table(table) = &node.value else {
            if !matches!(node.value, FileValue::Broken) {
                reading.unexpected(node, Self::NAME, "`{ ip = \"src\" }`");
            }
            return None;
        };
        Self::of(table, reading)
    }

    fn write(&self) -> String {
        let written: Vec<_> = self
            .0
            .iter()
            .map(|(key, source)| format!("{} = {}", key.name, source.write()))
            .collect();
        format!("{{ {} }}", written.join(", "))
    }
}

impl Constant {
    fn own_type(&self) -> Type {
        match self.value {
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            _ => Type::Text,
        }
    }

    fn as_type(&self, value_type: Type, reading: &mut Reading<'_>) -> Option<Value<'static>> {
        let converted = match (&self.value, value_type) {
            (Value::Bool(_), Type::Bool) | (Value::Int(_), Type::Int) => Some(self.value.clone()),
            (Value::Text(text), _) => {
                conversion::of_text(text.as_bytes().to_vec().into(), value_type)
                    .map(Value::into_owned)
            }
            _ => None,
        };
        if converted.is_none() {
            let finding = Finding::error(format!("this is no value of the type {value_type}"))
                .at(self.place, format!("not {value_type}"))
                .help("write a value of this type, or another `type`");
            reading.findings.add(finding);
        }
        converted
    }
}

impl FromNode for Constant {
    const NAME: &'static str = "a text, a whole number or a boolean";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let value = match &node.value {
            FileValue::Text(text) => Value::Text(text.as_str().to_owned().into()),
            FileValue::Integer(integer) => Value::Int(*integer),
            FileValue::Boolean(boolean) => Value::Bool(*boolean),
            FileValue::Broken => return None,
            _ => {
                reading.unexpected(node, Self::NAME, "a value such as `\"text\"`, `5` or `true`");
                return None;
            }
        };
        Some(Self { value, place: node.place })
    }

    fn write(&self) -> String {
        match &self.value {
            Value::Text(text) => text.to_string().write(),
            Value::Int(int) => int.to_string(),
            Value::Bool(boolean) => boolean.to_string(),
            _ => String::new(),
        }
    }
}
