//! The types of expressions.

use std::fmt;

use crate::kind;

/// The type of a single value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scalar {
    /// `true` or `false`.
    Bool,
    /// A whole number with a sign, of 64 bits.
    Int,
    /// A number with a fraction.
    Double,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// An address.
    Ip,
    /// A network.
    Cidr,
}

/// The type of an expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// A single value.
    One(Scalar),
    /// A list of such values.
    List(Scalar),
    /// A list without values, which is one of any type.
    EmptyList,
}

impl Type {
    /// A condition.
    pub const BOOL: Self = Self::One(Scalar::Bool);

    /// Whether a value of this type may stand where `expected` has to.
    #[must_use]
    pub fn is(self, expected: Self) -> bool {
        self == expected || matches!((self, expected), (Self::EmptyList, Self::List(_)))
    }
}

impl From<kind::Type> for Type {
    fn from(value_type: kind::Type) -> Self {
        Self::One(match value_type {
            kind::Type::Bool => Scalar::Bool,
            kind::Type::Int => Scalar::Int,
            kind::Type::Text => Scalar::Text,
            kind::Type::Ip => Scalar::Ip,
            kind::Type::Binary => Scalar::Bytes,
        })
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Ip => "ip",
            Self::Cidr => "cidr",
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(scalar) => scalar.fmt(f),
            Self::List(scalar) => write!(f, "list({scalar})"),
            Self::EmptyList => f.write_str("empty list"),
        }
    }
}
