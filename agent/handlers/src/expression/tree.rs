//! The tree of an expression as it is written.

use std::ops::Range;

/// A part of an expression, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) shape: Shape,
    pub(super) span: Range<usize>,
    /// How many parts lie in each other.
    pub(super) height: usize,
}

/// What a part is.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Name(String),
    /// A name behind a dot, and where it stands.
    Field(Box<Tree>, String, Range<usize>),
    /// A function of a value in front of a dot, or of its arguments alone; where its name stands.
    Call(Option<Box<Tree>>, String, Range<usize>, Vec<Tree>),
    Index(Box<Tree>, Box<Tree>),
    List(Vec<Tree>),
    Not(Box<Tree>),
    Negate(Box<Tree>),
    /// Two or more conditions.
    All(Vec<Tree>),
    Any(Vec<Tree>),
    /// An operator, where it stands, and both sides.
    Binary(&'static str, Range<usize>, Box<[Tree; 2]>),
    Choose(Box<[Tree; 3]>),
}

impl Tree {
    /// The name with its fields, if it is nothing else: `geo.country`.
    pub(super) fn path(&self) -> Option<String> {
        match &self.shape {
            Shape::Name(name) => Some(name.clone()),
            Shape::Field(front, field, _) => Some(format!("{}.{field}", front.path()?)),
            _ => None,
        }
    }
}
