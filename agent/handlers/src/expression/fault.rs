//! Why an expression had no value.

/// Why an expression had no value when it ran.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A variable without a default is not there.
    #[error("a variable is not there")]
    Absent,
    /// The data that the handler looks at is not there.
    #[error("the data is not there")]
    NoData,
    /// A number does not fit into 64 bits.
    #[error("a number is too large")]
    Overflow,
    /// There is no such quotient.
    #[error("a division by zero")]
    Division,
    /// An index is behind the end, or in front of the beginning.
    #[error("an index is out of range")]
    Index,
    /// A text is not what it should be read as.
    #[error("a text is no number, address or network")]
    Conversion,
    /// A text or a list becomes too long, or the expression takes too long.
    #[error("an expression takes too much")]
    Limit,
}
