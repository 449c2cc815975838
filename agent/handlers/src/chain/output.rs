//! Under which names the variables of a handler go out.

use spoa_actors::{Actions, Scope};

use super::{ack_budget::AckBudget, own_variable::OwnVariable, verdict};
use crate::{
    expression,
    file::{FromNode, Node, Reading, Text, Value},
    finding::{Finding, Place, suggestion},
};

/// What `set` of a handler says.
#[derive(Clone, Debug)]
pub struct Outputs(Vec<Chosen>);

#[derive(Clone, Debug)]
struct Chosen {
    /// The variable of the handler, and where it is named.
    variable: String,
    place: Place,
    /// Its name for HAProxy, if it has another one.
    output: Option<(Scope, String)>,
    form: Form,
}

words! {
    /// As what a variable goes out.
    pub enum OutputType, "a type of HAProxy's variables" {
        /// A boolean.
        Bool = "bool",
        /// A whole number; of a boolean 1 or 0.
        Int = "int",
        /// A text; of a boolean `true` or `false`.
        Text = "text",
    }
}

words! {
    /// What HAProxy gets for `false`.
    pub enum No, "one of `false` and `unset`" {
        /// The value.
        False = "false",
        /// No variable: for rules that ask whether it is found.
        Unset = "unset",
    }
}

settings! {
    /// A variable in braces.
    struct ChosenTable, "a variable" {
        /// The variable of the handler.
        from: Text,
        /// Its type for HAProxy.
        r#type: Option<OutputType>,
        /// What HAProxy gets for `false`.
        no: No = No::False,
        /// What HAProxy gets if the handler has not set it.
        default: Option<Text>,
    }
}

/// As what a variable goes out.
#[derive(Clone, Debug, Default)]
struct Form {
    output_type: Option<OutputType>,
    is_unset_for_no: bool,
    default: Option<String>,
}

/// A variable as HAProxy gets it.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// Its place among the variables of the handler.
    pub(super) variable: usize,
    pub(super) scope: Scope,
    pub(super) name: String,
    form: Form,
    /// Whether the file gives it its name: then nothing of an earlier message stays in it, whoever set it.
    is_chosen: bool,
}

impl Output {
    /// Writes the variable, or its default.
    pub(super) fn write(
        &self,
        value: Option<&expression::Value<'_>>,
        actions: &mut Actions,
        budget: &mut AckBudget,
    ) {
        use expression::Value;
        let default = || self.form.default.as_deref().map(Value::text);
        let Some(value) = value.map(Value::borrow).or_else(default) else {
            if self.is_chosen {
                budget.unset(actions, self.scope, &self.name);
            }
            return;
        };
        if self.form.is_unset_for_no && value == Value::Bool(false) {
            budget.unset(actions, self.scope, &self.name);
            return;
        }
        let value = match (self.form.output_type, value) {
            (Some(OutputType::Int), Value::Bool(value)) => Value::Int(i64::from(value)),
            (Some(OutputType::Bool), Value::Int(number)) => Value::Bool(number != 0),
            (Some(OutputType::Bool), Value::Text(text)) if text == "true" => Value::Bool(true),
            (Some(OutputType::Bool), Value::Text(text)) if text == "false" => Value::Bool(false),
            (Some(OutputType::Int), Value::Text(text)) => match text.trim().parse() {
                Ok(number) => Value::Int(number),
                Err(_) => {
                    budget.unset(actions, self.scope, &self.name);
                    return;
                }
            },
            (Some(OutputType::Text), value) => Value::Text(value.as_text().into_owned().into()),
            (_, value) => value,
        };
        verdict::write_value(&value, self.scope, &self.name, actions, budget);
    }
}

impl FromNode for Outputs {
    const NAME: &'static str = "variables, or names for them";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let form = "`[\"variable\"]`, `{ name = \"variable\" }`, or `\"none\"`";
        match &node.value {
            Value::Text(text) if text.as_str() == "none" => Some(Self(Vec::new())),
            Value::Array(nodes) => {
                let chosen = nodes.iter().map(|node| {
                    let text = Text::from_node(node, reading)?;
                    let variable = text.as_str().to_owned();
                    let form = Form::default();
                    Some(Chosen { variable, place: text.place(), output: None, form })
                });
                chosen.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Self)
            }
            Value::Table(table) => {
                let chosen = table.entries.iter().map(|entry| {
                    let (text, form) = chosen(&entry.node, reading)?;
                    let output = scoped(&entry.key.name, entry.key.place, reading)?;
                    let variable = text.as_str().to_owned();
                    Some(Chosen { variable, place: text.place(), output: Some(output), form })
                });
                chosen.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Self)
            }
            Value::Broken => None,
            _ => {
                reading.unexpected(node, Self::NAME, form);
                None
            }
        }
    }

    fn write(&self) -> String {
        let written = self.0.iter().map(|chosen| match &chosen.output {
            Some((scope, name)) => format!("\"{scope}.{name}\" = {}", chosen.variable.write()),
            None => chosen.variable.write(),
        });
        let written: Vec<_> = written.collect();
        match self.0.first() {
            None => "\"none\"".to_owned(),
            Some(Chosen { output: None, .. }) => format!("[{}]", written.join(", ")),
            Some(_) => format!("{{ {} }}", written.join(", ")),
        }
    }
}

/// The variable of the handler, and as what it goes out.
fn chosen(node: &Node, reading: &mut Reading<'_>) -> Option<(Text, Form)> {
    if !matches!(node.value, Value::Table(_)) {
        return Some((Text::from_node(node, reading)?, Form::default()));
    }
    let table = ChosenTable::from_node(node, reading)?;
    let form = Form {
        output_type: table.r#type,
        is_unset_for_no: table.no == No::Unset,
        default: table.default.map(|text| text.as_str().to_owned()),
    };
    Some((table.from, form))
}

/// A name with its scope in front of it; without one, it is a variable of the transaction.
fn scoped(written: &str, place: Place, reading: &mut Reading<'_>) -> Option<(Scope, String)> {
    const SCOPES: &[(&str, Scope)] = &[
        ("proc.", Scope::Process),
        ("sess.", Scope::Session),
        ("txn.", Scope::Transaction),
        ("req.", Scope::Request),
        ("res.", Scope::Response),
    ];
    let known = SCOPES.iter().find_map(|(prefix, scope)| {
        written.strip_prefix(prefix).map(|name| (*scope, name.to_owned()))
    });
    let (scope, name) = known.unwrap_or_else(|| (Scope::Transaction, written.to_owned()));
    is_name(scope, &name, place, reading).then_some((scope, name))
}

/// Whether HAProxy takes a variable of this name; reports it if not.
pub(super) fn is_name(scope: Scope, name: &str, place: Place, reading: &mut Reading<'_>) -> bool {
    let set = Actions::new().set_var(scope, name, true);
    if let Err(error) = &set {
        let title = format!("`{name}` is no name for a variable: {error}");
        let finding = Finding::error(title).at(place, "HAProxy would drop it");
        reading.findings.add(finding.help("use letters, digits, `_` and `.`"));
    }
    set.is_ok()
}

/// The variables of a handler as HAProxy gets them; one that the handler does not have is a finding.
pub(super) fn outputs(
    handler: &str,
    chosen: Option<&Outputs>,
    variables: &[OwnVariable],
    reading: &mut Reading<'_>,
) -> Vec<Output> {
    let own = |variable: usize| Output {
        variable,
        scope: Scope::Transaction,
        name: format!("{handler}.{}", variables[variable].name),
        form: Form::default(),
        is_chosen: false,
    };
    let Some(Outputs(chosen)) = chosen else {
        return (0..variables.len()).map(own).collect();
    };
    let outputs = chosen.iter().filter_map(|chosen| {
        let at = variables.iter().position(|own| own.name == chosen.variable);
        let Some(at) = at else {
            let title = format!("`{handler}` has no variable `{}`", chosen.variable);
            let finding = Finding::error(title).at(chosen.place, "not one of its variables");
            let known = variables.iter().map(|own| own.name.as_str());
            reading.findings.add(match suggestion(&chosen.variable, known) {
                Some(help) => finding.help(help),
                None => finding.help("write `set = \"none\"`: it has no variables"),
            });
            return None;
        };
        Some(match &chosen.output {
            Some((scope, name)) => {
                let form = chosen.form.clone();
                Output { variable: at, scope: *scope, name: name.clone(), form, is_chosen: true }
            }
            None => own(at),
        })
    });
    outputs.collect()
}
