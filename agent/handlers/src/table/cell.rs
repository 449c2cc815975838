//! Cell: one value of a row.

use std::fmt;

/// One value of a row, or of a database.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// A text.
    Text(Box<str>),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// True or false.
    Boolean(bool),
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CellType {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// True or false.
    Boolean,
}

impl Cell {
    /// Its type.
    #[must_use]
    pub fn cell_type(&self) -> CellType {
        match self {
            Self::Text(_) => CellType::Text,
            Self::Integer(_) => CellType::Integer,
            Self::Decimal(_) => CellType::Decimal,
            Self::Boolean(_) => CellType::Boolean,
        }
    }

    /// The same as a value of this type, if it can be one: any value as a text, and a text as what it is
    /// read as.
    ///
    /// # Errors
    ///
    /// The value itself, if it cannot.
    pub fn into_type(self, expected: CellType) -> Result<Self, Self> {
        let read = match (expected, &self) {
            (CellType::Text, Self::Text(_)) => return Ok(self),
            (CellType::Text, other) => Some(Self::Text(other.to_string().into())),
            (CellType::Integer, Self::Text(text)) => text.parse().ok().map(Self::Integer),
            (CellType::Decimal, Self::Text(text)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Decimal)
            }
            #[expect(clippy::cast_precision_loss, reason = "a fraction was asked for")]
            (CellType::Decimal, Self::Integer(number)) => Some(Self::Decimal(*number as f64)),
            (CellType::Boolean, Self::Text(text)) => match &**text {
                "true" => Some(Self::Boolean(true)),
                "false" => Some(Self::Boolean(false)),
                _ => None,
            },
            _ if self.cell_type() == expected => return Ok(self),
            _ => None,
        };
        read.ok_or(self)
    }
}

impl CellType {
    /// The type of values that are of one or of the other.
    pub(super) fn with(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Integer, Self::Decimal) | (Self::Decimal, Self::Integer) => Self::Decimal,
            _ => Self::Text,
        }
    }
}

impl fmt::Display for CellType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Integer => "int",
            Self::Decimal => "double",
            Self::Boolean => "bool",
        })
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
            Self::Boolean(value) => value.fmt(f),
        }
    }
}
