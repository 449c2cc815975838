//! ARG: an argument of a message.
//!
//! ```text
//! ARG : <ARG-NAME:string><ARG-VALUE:TYPED-DATA>            (an unnamed argument has an empty name)
//! ```

use std::fmt;

use super::{
    foreign_text::ForeignText,
    typed_data::{STRING, TypedData},
    wire::Reader,
};

pub(super) const ARG_NAME: &str = "ARG-NAME";

/// One argument of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arg<'a> {
    /// The name from HAProxy's configuration; empty for an unnamed argument.
    pub name: &'a [u8],
    /// The value.
    pub value: TypedData<'a>,
}

/// The arguments of a message, in wire order.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    left: u8,
    reader: Reader<'a>,
}

impl<'a> Args<'a> {
    /// The next `left` arguments of `reader`.
    #[inline]
    pub(super) fn new(left: u8, reader: Reader<'a>) -> Self {
        Self { left, reader }
    }

    /// The name of the next argument. Take its value next.
    #[inline(always)]
    pub(crate) fn next_name(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        self.reader.string(ARG_NAME).ok()
    }

    /// The value after a name.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Option<TypedData<'a>> {
        TypedData::read(&mut self.reader).ok()
    }
}

impl<'a> Iterator for Args<'a> {
    type Item = Arg<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left > 0
            && let Some((name, text)) = self.reader.short_pair(STRING)
        {
            self.left -= 1;
            return Some(Arg { name, value: TypedData::String(text) });
        }
        let name = self.next_name()?;
        Some(Arg { name, value: self.value()? })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

impl ExactSizeIterator for Args<'_> {}

impl fmt::Display for Arg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "{}=", ForeignText::new(self.name))?;
        }
        self.value.fmt(f)
    }
}
