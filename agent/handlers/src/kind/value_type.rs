//! The types of values.

use std::fmt;

/// The type of an argument, a variable or an expression.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number with a sign, of 64 bits.
    Int,
    /// A text.
    Text,
    /// An IPv4 or IPv6 address; a text with one is taken, too.
    Ip,
    /// Bytes.
    Binary,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Text => "text",
            Self::Ip => "ip",
            Self::Binary => "binary",
        })
    }
}
