//! An expression that is checked: names are slots, and every part has the right type.

use regex::Regex;

use super::{functions::Function, names::Slot, value::Value};

/// A part of a checked expression.
pub(super) enum Node {
    Constant(Value<'static>),
    /// A variable, and what it is where it is not there.
    Variable(Slot, Option<Value<'static>>),
    /// The value of a macro's name, the innermost last.
    Local(usize),
    Has(Slot),
    Not(Box<Node>),
    Negate(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Choose(Box<[Node; 3]>),
    Equal(Box<[Node; 2]>),
    /// Whether the order of both sides is one of these.
    Ordered(Order, Box<[Node; 2]>),
    Arithmetic(&'static str, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Index(Box<[Node; 2]>),
    List(Vec<Node>),
    Size(Box<Node>),
    Call(&'static Function, Vec<Node>),
    Matches(Box<Node>, Regex),
    Macro(Macro, Box<[Node; 2]>),
}

/// How one side is to be to the other.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a macro asks of the values of a list.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}
