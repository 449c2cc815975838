//! `set`: constants, and texts with variables in them.

use super::template::Template;
use crate::{
    chain::{Decides, Decision, Found, Kind, Made, Making, OwnVariable, Step, View},
    expression::{Fault, Scalar, Type, Value},
    file::{FromNode, Node, Reading, Text, Value as FileValue},
    finding::Finding,
    kind::{Description, Settings, WELL_KNOWN},
};

settings! {
    /// What `set` is set to.
    struct SetSettings, "`set`" {
        /// The variables, by name: a number, a boolean, or a text with variables in braces.
        values: Values,
    }
}

/// The kind `set`.
pub(super) struct Set;

const DESCRIPTION: Description = Description {
    name: "set",
    summary: "Sets constants, and texts with arguments and findings in them.",
    arguments: WELL_KNOWN,
    variables: &[],
    reasons: &[],
    settings: SetSettings::SETTINGS,
    example: r#"
[handler.shown]
kind = "set"
values = { version = 3, is_tested = true, note = "{method} {path} of {ip}" }
"#,
};

/// Variables by name.
#[derive(Clone, Debug)]
struct Values(Vec<(String, Constant)>);

#[derive(Clone, Debug)]
enum Constant {
    Bool(bool),
    Int(i64),
    Text(Text),
}

impl FromNode for Values {
    const NAME: &'static str = "a table of variables";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let form = "`{ name = \"value\" }`";
        let table = match &node.value {
            FileValue::Table(table) => table,
            FileValue::Broken => return None,
            _ => {
                reading.unexpected(node, Self::NAME, form);
                return None;
            }
        };
        let read: Vec<_> = table
            .entries
            .iter()
            .map(|entry| {
                let constant = match &entry.node.value {
                    FileValue::Boolean(value) => Constant::Bool(*value),
                    FileValue::Integer(value) => Constant::Int(*value),
                    FileValue::Text(text) => Constant::Text(text.clone()),
                    FileValue::Broken => return None,
                    other => {
                        let title = format!("a variable is not {}", other.description());
                        let finding = Finding::error(title).at(entry.node.place, "not a value");
                        reading
                            .findings
                            .add(finding.help("write a text, a whole number or a boolean"));
                        return None;
                    }
                };
                Some((entry.key.name.clone(), constant))
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self) -> String {
        let written = self.0.iter().map(|(name, constant)| match constant {
            Constant::Bool(value) => format!("{name} = {value}"),
            Constant::Int(value) => format!("{name} = {value}"),
            Constant::Text(text) => format!("{name} = {}", text.write()),
        });
        format!("{{ {} }}", written.collect::<Vec<_>>().join(", "))
    }
}

impl Kind for Set {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made> {
        let SetSettings { values: Values(values) } = making.settings()?;
        let mut variables = Vec::new();
        let mut ready = Vec::new();
        let mut is_whole = true;
        for (name, constant) in values {
            let (value, scalar) = match constant {
                Constant::Bool(value) => (Some(Ready::Constant(Value::Bool(value))), Scalar::Bool),
                Constant::Int(value) => (Some(Ready::Constant(Value::Int(value))), Scalar::Int),
                Constant::Text(text) => {
                    (Template::read(&text, making).map(Ready::of), Scalar::Text)
                }
            };
            is_whole &= value.is_some();
            ready.extend(value);
            variables.push(OwnVariable { name, value_type: Type::One(scalar) });
        }
        let decides = Decides::nothing();
        is_whole.then(|| Made { step: Box::new(Setting(ready)), variables, decides })
    }
}

enum Ready {
    Constant(Value<'static>),
    Template(Template),
}

impl Ready {
    fn of(template: Template) -> Self {
        match template.constant() {
            Some(text) => Self::Constant(Value::Text(text.to_owned().into())),
            None => Self::Template(template),
        }
    }
}

/// The variables of a section, in its order.
struct Setting(Vec<Ready>);

impl Step for Setting {
    fn run<'c>(
        &'c self,
        view: &View<'_, 'c>,
        found: &mut Found<'c>,
    ) -> Result<Option<Decision<'c>>, Fault> {
        let mut fault = None;
        for (at, ready) in self.0.iter().enumerate() {
            match ready {
                Ready::Constant(value) => found.set(at, value.borrow()),
                Ready::Template(template) => match template.write(view) {
                    Ok(text) => found.set(at, Value::Text(text.into())),
                    // The others are set all the same.
                    Err(other) => fault = Some(other),
                },
            }
        }
        fault.map_or(Ok(None), Err)
    }
}
