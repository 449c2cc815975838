//! What a file can have: the kinds of its sections with their pages, and its JSON schema for editors.
//!
//! | file | what |
//! |---|---|
//! | `schema` | the sections, and all of the file |
//! | `kinds` | the sections whose kind says which settings they have |

mod kinds;
mod schema;

pub use kinds::Kinds;
pub use schema::schema;
