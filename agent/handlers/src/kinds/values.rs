//! Variables with their values, as a file writes them.

use super::template::Template;
use crate::{
    chain::{Making, OwnVariable, View},
    expression::{Fault, Scalar, Type, Value},
    file::{FromNode, Key, Node, Reading, Text, Value as FileValue},
    finding::{Finding, Place},
};

/// Variables by name.
#[derive(Clone, Debug)]
pub(super) struct Values(Vec<(Key, Constant)>);

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
                Some((entry.key.clone(), constant))
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self) -> String {
        let written = self.0.iter().map(|(name, constant)| match constant {
            Constant::Bool(value) => format!("{} = {value}", name.name),
            Constant::Int(value) => format!("{} = {value}", name.name),
            Constant::Text(text) => format!("{} = {}", name.name, text.write()),
        });
        format!("{{ {} }}", written.collect::<Vec<_>>().join(", "))
    }
}

impl Values {
    /// The values, ready to be set; what is wrong with them joins the findings.
    pub(super) fn ready(&self, making: &mut Making<'_, '_>) -> Option<Vec<ReadyValue>> {
        let read: Vec<_> = self
            .0
            .iter()
            .map(|(key, constant)| {
                let (form, scalar) = match constant {
                    Constant::Bool(value) => (Form::Constant(Value::Bool(*value)), Scalar::Bool),
                    Constant::Int(value) => (Form::Constant(Value::Int(*value)), Scalar::Int),
                    Constant::Text(text) => (Form::of(Template::read(text, making)?), Scalar::Text),
                };
                Some(ReadyValue { name: key.name.clone(), place: key.place, scalar, form })
            })
            .collect();
        read.into_iter().collect()
    }
}

/// A variable, and what it is set to.
pub(super) struct ReadyValue {
    pub(super) name: String,
    /// Where it is named.
    pub(super) place: Place,
    pub(super) scalar: Scalar,
    form: Form,
}

enum Form {
    Constant(Value<'static>),
    Template(Template),
}

impl Form {
    fn of(template: Template) -> Self {
        match template.constant() {
            Some(text) => Self::Constant(Value::Text(text.to_owned().into())),
            None => Self::Template(template),
        }
    }
}

impl ReadyValue {
    pub(super) fn variable(&self) -> OwnVariable {
        OwnVariable { name: self.name.clone(), value_type: Type::One(self.scalar) }
    }

    /// The value for a message.
    pub(super) fn value<'c>(&'c self, view: &View<'_, 'c>) -> Result<Value<'c>, Fault> {
        match &self.form {
            Form::Constant(value) => Ok(value.borrow()),
            Form::Template(template) => Ok(Value::Text(template.write(view)?.into())),
        }
    }
}
