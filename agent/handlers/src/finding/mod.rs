//! What is wrong with a file: all of it at once, each with its place, its cause and its fix.
//!
//! | file | what |
//! |---|---|
//! | `sources`, `place` | the files that were read, and a part of one of them |
//! | `finding`, `findings` | one thing that is wrong, and all of them |
//! | `report`, `excerpt` | how findings are drawn, with the line of the file that each is about |
//! | `suggestion` | the name that was probably meant |

mod excerpt;
mod finding;
mod findings;
mod place;
mod report;
mod sources;
mod suggestion;

pub use finding::{Finding, Severity};
pub use findings::Findings;
pub use place::Place;
pub use report::Report;
pub use sources::{SourceId, Sources};
pub use suggestion::{nearest, suggestion};
