//! From a node of the tree to a typed value.

use serde_json::{Value as Json, json};

use super::{
    json,
    node::{Node, Value},
    reading::Reading,
    text::Text,
};
use crate::{
    finding::Finding,
    value::{Percentage, Quantity, Rate, Size},
};

/// What a value of the file becomes. Whatever is not such a value adds a finding.
pub trait FromNode: Sized {
    /// What it is, with its article, for findings and for the tables of the documentation: `a duration`.
    const NAME: &'static str;
    /// What one or several of it are.
    const LIST_NAME: &'static str = "one value or a list";
    /// The words that it may be, if there are only some.
    const WORDS: &'static [&'static str] = &[];
    /// Whether its key has to be there.
    const IS_NEEDED: bool = true;

    /// Reads the value; nothing if a finding was added instead, or was there before.
    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self>;

    /// What a key that is not there means; nothing if it has to be there.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// The value as it would stand in the file.
    fn write(&self) -> String;

    /// What it may be, as a JSON schema; by default anything.
    #[must_use]
    fn schema() -> Json {
        json!({})
    }
}

impl<T: FromNode> FromNode for Option<T> {
    const NAME: &'static str = T::NAME;
    const WORDS: &'static [&'static str] = T::WORDS;
    const IS_NEEDED: bool = false;

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        T::from_node(node, reading).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn write(&self) -> String {
        self.as_ref().map(T::write).unwrap_or_default()
    }

    fn schema() -> Json {
        T::schema()
    }
}

/// One value, or several in brackets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromNode> FromNode for List<T> {
    const NAME: &'static str = T::LIST_NAME;
    const WORDS: &'static [&'static str] = T::WORDS;

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let Value::Array(nodes) = &node.value else {
            return T::from_node(node, reading).map(|one| Self(vec![one]));
        };
        // All of them, also behind one that is none.
        let read: Vec<_> = nodes.iter().map(|node| T::from_node(node, reading)).collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self) -> String {
        match &self.0[..] {
            [only] => only.write(),
            several => {
                let written: Vec<_> = several.iter().map(T::write).collect();
                format!("[{}]", written.join(", "))
            }
        }
    }

    fn schema() -> Json {
        let one = T::schema();
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

impl FromNode for bool {
    const NAME: &'static str = "`true` or `false`";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        match &node.value {
            Value::Boolean(boolean) => Some(*boolean),
            Value::Text(text) if text.is_interpolated() => match text.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => unreadable(node, reading, Self::NAME, "`true` or `false`"),
            },
            _ => unreadable(node, reading, Self::NAME, "`true` or `false`, without quotes"),
        }
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Json {
        json::or_interpolated(&json!({ "type": "boolean" }))
    }
}

impl FromNode for Text {
    const NAME: &'static str = "a text";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => unreadable(node, reading, Self::NAME, "it in quotes"),
        }
    }

    fn write(&self) -> String {
        quoted(self.as_str())
    }

    fn schema() -> Json {
        json::text()
    }
}

impl FromNode for String {
    const NAME: &'static str = "a text";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        Text::from_node(node, reading).map(|text| text.as_str().to_owned())
    }

    fn write(&self) -> String {
        quoted(self)
    }

    fn schema() -> Json {
        json::text()
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl FromNode for $integer {
            const NAME: &'static str = "a whole number";

            fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
                let read = match &node.value {
                    Value::Integer(integer) => Self::try_from(*integer).ok(),
                    Value::Text(text) if text.is_interpolated() => text.as_str().parse().ok(),
                    _ => None,
                };
                let form = format!("a whole number from {} to {}", Self::MIN, Self::MAX);
                if let (None, Value::Integer(integer)) = (read, &node.value) {
                    let finding = Finding::error(format!("{integer} is out of range"));
                    let finding = finding.at(node.place, "too small or too large");
                    reading.findings.add(finding.help(format!("write {form}")));
                    return None;
                }
                read.or_else(|| unreadable(node, reading, Self::NAME, &form))
            }

            fn write(&self) -> String {
                self.to_string()
            }

            fn schema() -> Json {
                let (least, most) = (Self::MIN, Self::MAX);
                json::or_interpolated(&json!({ "type": "integer", "minimum": least, "maximum": most }))
            }
        }
    )*};
}

integers!(u16, u32, u64, i64);

impl FromNode for f64 {
    const NAME: &'static str = "a number";

    #[expect(clippy::cast_precision_loss, reason = "what is written in a file has a few digits")]
    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let read = match &node.value {
            Value::Float(float) => Some(*float),
            Value::Integer(integer) => Some(*integer as Self),
            Value::Text(text) if text.is_interpolated() => text.as_str().parse().ok(),
            _ => None,
        };
        let finite = read.filter(|float: &Self| float.is_finite());
        finite.or_else(|| unreadable(node, reading, Self::NAME, "a number such as `0.5`"))
    }

    fn write(&self) -> String {
        format!("{self:?}")
    }

    fn schema() -> Json {
        json::or_interpolated(&json!({ "type": "number" }))
    }
}

macro_rules! quantities {
    ($($quantity:ty),*) => {$(
        impl FromNode for $quantity {
            const NAME: &'static str = <Self as Quantity>::NAME;

            fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
                quantity(node, reading)
            }

            fn write(&self) -> String {
                quoted(&Quantity::write(self))
            }

            fn schema() -> Json {
                json::pattern(Self::PATTERN)
            }
        }
    )*};
}

quantities!(std::time::Duration, Percentage, Rate, Size);

fn quantity<Q: Quantity>(node: &Node, reading: &mut Reading<'_>) -> Option<Q> {
    let number = match &node.value {
        Value::Text(text) => match Q::read(text.as_str()) {
            Some(quantity) => return Some(quantity),
            None if text.as_str().parse::<u64>().is_ok() => text.as_str().to_owned(),
            None => {
                let title = format!("`{}` is not {}", text.as_str(), Q::NAME);
                let finding = Finding::error(title).at(node.place, format!("not {}", Q::NAME));
                reading.findings.add(finding.help(format!("write {}", Q::FORM)));
                return None;
            }
        },
        Value::Integer(integer) => integer.to_string(),
        Value::Float(float) => float.to_string(),
        Value::Broken => return None,
        _ => return unreadable(node, reading, Q::NAME, Q::FORM),
    };
    let finding =
        Finding::error(format!("{} needs its unit", Q::NAME)).at(node.place, "a bare number");
    reading.findings.add(finding.help(format!("write {}", Q::with_units(&number))));
    None
}

/// Reports that a value is something else, unless it was reported before.
pub(super) fn unreadable<T>(
    node: &Node,
    reading: &mut Reading<'_>,
    expected: &str,
    form: &str,
) -> Option<T> {
    if !matches!(node.value, Value::Broken) {
        reading.unexpected(node, expected, form);
    }
    None
}

/// A text in quotes, as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            _ if character.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
