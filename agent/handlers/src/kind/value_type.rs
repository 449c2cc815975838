//! The types of values.

use std::fmt;

words! {
    /// The type of an argument, a variable or an expression.
    pub enum Type, "a type" {
        /// `true` or `false`.
        Bool = "bool",
        /// A whole number with a sign, of 64 bits.
        Int = "int",
        /// A text.
        Text = "text",
        /// An IPv4 or IPv6 address; a text with one is taken, too.
        Ip = "ip",
        /// Bytes.
        Binary = "binary",
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
