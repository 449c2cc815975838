//! Inputs: where a handler's arguments come from, and as what.
//!
//! | file | what |
//! |---|---|
//! | `conversion` | what HAProxy sends, as the types of expressions |
//! | `json`, `look` | what is looked up in a text: a header, a cookie, a field |
//! | `origin` | an argument by name or position, a constant, or the first that is there |
//! | `source` | how that is written in the file |
//! | `input` | an argument of a chain: its name, its type, its origin and its default |

mod conversion;
mod input;
mod json;
mod look;
mod origin;
mod source;

pub use input::Input;
pub use origin::Asked;
pub use source::{Source, Sources};
