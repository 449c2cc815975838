//! `${NAME}` and `${NAME:-default}` inside of a text; `$${` stands for `${` itself.

use std::ops::Range;

use super::{environment::Environment, node::Value, text::Text};
use crate::finding::{Finding, Findings};

/// The longest value that a variable may have: no text of the file grows without a bound.
const LONGEST: usize = 64 << 10;

/// Replaces the variables of a text; what has none is handed back as it is.
pub(super) fn interpolate(
    text: Text,
    environment: &dyn Environment,
    findings: &mut Findings,
) -> Value {
    if !text.as_str().contains("${") {
        return Value::Text(text);
    }
    let mut made = Made { text: String::new(), starts: Vec::new() };
    let mut is_whole = true;
    let mut at = 0;
    while let Some(found) = text.as_str()[at..].find("${") {
        let dollar = at + found;
        if text.as_str()[..dollar].ends_with('$') && dollar > at {
            made.copy(&text, at..dollar - 1);
            made.copy(&text, dollar..dollar + 2);
            at = dollar + 2;
            continue;
        }
        made.copy(&text, at..dollar);
        let end = text.as_str()[dollar..].find('}').map(|end| dollar + end + 1);
        let range = dollar..end.unwrap_or(text.as_str().len());
        match value(&text.as_str()[range.clone()], environment) {
            Ok(value) => made.replace(&text, range.start, &value),
            Err(fault) => {
                is_whole = false;
                let place = text.place_of(range.clone());
                findings.add(Finding::error(fault.title).at(place, fault.label).help(fault.help));
            }
        }
        at = range.end;
    }
    made.copy(&text, at..text.as_str().len());
    made.starts.push(text.start_of(text.as_str().len()));
    if is_whole {
        Value::Text(Text::interpolated(made.text, text.place(), made.starts))
    } else {
        Value::Broken
    }
}

/// What is made of a text, and where each of its bytes stands in the file.
struct Made {
    text: String,
    starts: Vec<usize>,
}

impl Made {
    fn copy(&mut self, from: &Text, range: Range<usize>) {
        self.text.push_str(&from.as_str()[range.clone()]);
        self.starts.extend(range.map(|at| from.start_of(at)));
    }

    fn replace(&mut self, from: &Text, dollar: usize, value: &str) {
        self.text.push_str(value);
        self.starts.extend(std::iter::repeat_n(from.start_of(dollar), value.len()));
    }
}

struct Fault {
    title: String,
    label: &'static str,
    help: String,
}

/// The value of `${NAME}` or `${NAME:-default}`.
fn value(written: &str, environment: &dyn Environment) -> Result<String, Fault> {
    let Some(inner) = written.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')) else {
        return Err(Fault {
            title: "a variable is not closed".to_owned(),
            label: "there is no `}` behind it",
            help: "write `${NAME}`, or `$${` for these characters themselves".to_owned(),
        });
    };
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_digit = name.starts_with(|first: char| first.is_ascii_digit());
    if name.is_empty() || is_digit || !name.bytes().all(is_part) {
        return Err(Fault {
            title: format!("`{name}` is not the name of an environment variable"),
            label: "not a name",
            help: "a name has letters, digits and `_`; write `$${` for these characters themselves"
                .to_owned(),
        });
    }
    match environment.get(name).or_else(|| default.map(str::to_owned)) {
        Some(value) if value.len() > LONGEST => Err(Fault {
            title: format!("the environment variable `{name}` is too long"),
            label: "more than 64 KiB",
            help: "put the value into a file, and name the file".to_owned(),
        }),
        Some(value) => Ok(value),
        None => Err(Fault {
            title: format!("the environment variable `{name}` is not set"),
            label: "not set",
            help: format!("set it, or write a default: `${{{name}:-default}}`"),
        }),
    }
}
