//! A text with variables in it: `ua was: {ua}`.

use crate::{
    expression::{Fault, Program, Scalar, Type, Value, Variables},
    file::Text,
    finding::Finding,
};

use crate::chain::Making;

/// The longest text that is made.
const LONGEST: usize = 8 << 10;

/// A text whose parts in braces are expressions.
pub(super) struct Template(Vec<Part>);

enum Part {
    Text(String),
    Value(Program),
}

impl Template {
    /// Reads a text; `{{` and `}}` stand for the braces themselves.
    pub(super) fn read(text: &Text, making: &mut Making<'_, '_>) -> Option<Self> {
        let whole = text.as_str();
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut is_whole = true;
        let mut at = 0;
        while let Some(length) = whole[at..].find(['{', '}']) {
            let brace = at + length;
            literal.push_str(&whole[at..brace]);
            let doubled = whole[brace..].starts_with("{{") || whole[brace..].starts_with("}}");
            if doubled {
                literal.push_str(&whole[brace..=brace]);
                at = brace + 2;
                continue;
            }
            let end = whole[brace..].find('}').map(|end| brace + end);
            let Some(end) = end.filter(|end| *end > brace) else {
                let finding = Finding::error("a brace stands alone")
                    .at(text.place_of(brace..brace + 1), "has no other one")
                    .help("write `{variable}`, or double a brace that is meant as such");
                making.add(finding);
                return None;
            };
            parts.push(Part::Text(std::mem::take(&mut literal)));
            match value(text, brace + 1..end, making) {
                Some(program) => parts.push(Part::Value(program)),
                None => is_whole = false,
            }
            at = end + 1;
        }
        literal.push_str(&whole[at..]);
        parts.push(Part::Text(literal));
        is_whole.then_some(Self(parts))
    }

    /// The text, if it is the same each time.
    pub(super) fn constant(&self) -> Option<&str> {
        match &self.0[..] {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for a message.
    pub(super) fn write(&self, variables: &dyn Variables) -> Result<String, Fault> {
        let mut written = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => written.push_str(text),
                Part::Value(program) => match program.value(variables)? {
                    Value::Text(text) => written.push_str(&text),
                    Value::Int(int) => written.push_str(&int.to_string()),
                    Value::Bool(value) => written.push_str(if value { "true" } else { "false" }),
                    Value::Ip(ip) => written.push_str(&ip.to_string()),
                    _ => return Err(Fault::Conversion),
                },
            }
            if written.len() > LONGEST {
                return Err(Fault::Limit);
            }
        }
        Ok(written)
    }
}

fn value(
    text: &Text,
    range: std::ops::Range<usize>,
    making: &mut Making<'_, '_>,
) -> Option<Program> {
    let program = Program::expression(&text.as_str()[range.clone()], making.names());
    let mistakes = match program {
        Ok(program) => {
            let own = program.value_type();
            if matches!(own, Type::One(Scalar::Text | Scalar::Int | Scalar::Bool | Scalar::Ip)) {
                making.looks_at(program.slots());
                return Some(program);
            }
            let finding = Finding::error(format!("{own} is not shown in a text"))
                .at(text.place_of(range), format!("is {own}"))
                .help("make a string, an int, a bool or an address of it");
            making.add(finding);
            return None;
        }
        Err(mistakes) => mistakes,
    };
    for mut mistake in mistakes {
        mistake.span = mistake.span.start + range.start..mistake.span.end + range.start;
        making.add(mistake.finding(text));
    }
    None
}
