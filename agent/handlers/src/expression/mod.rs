//! Expressions: CEL, checked when they are read, with a place in the file for every mistake.
//!
//! The language is the [Common Expression Language](https://github.com/google/cel-spec) with its extensions for strings
//! and networks, as far as values here have types that are known in advance: there are no maps, messages,
//! unsigned numbers, times and values of any type. What is missing is a mistake when the expression is read, and never means something else.
//!
//! | file | what |
//! |---|---|
//! | `mistake`, `fault` | what is wrong with an expression, and why one had no value when it ran |
//! | `token`, `lexer`, `literal` | from characters to words |
//! | `tree`, `parser` | from words to a tree |
//! | `types`, `value`, `cidr`, `names` | what expressions are about; which variables there are |
//! | `arithmetic`, `strings`, `network`, `functions` | what can be done with values |
//! | `node`, `evaluation` | an expression that is checked, and its value |
//! | `checker` | from the tree to the checked expression |
//! | `program` | all of it |

mod arithmetic;
mod checker;
mod cidr;
mod evaluation;
mod fault;
mod functions;
mod lexer;
mod literal;
mod mistake;
mod names;
mod network;
mod node;
mod parser;
mod program;
mod strings;
mod token;
mod tree;
mod types;
mod value;

pub use cidr::Cidr;
pub use fault::Fault;
pub use mistake::Mistake;
pub use names::{Names, Slot, Variables};
pub use program::Program;
pub use types::{Scalar, Type};
pub use value::{List, Value};
