//! The description of a kind of handler, from which its settings are read and its page is written.
//!
//! | file | what |
//! |---|---|
//! | `value_type` | which types arguments, variables and expressions have |
//! | `setting` | a setting, and all settings of a section |
//! | `argument`, `well_known` | what a kind takes, and the arguments that have one name everywhere |
//! | `variable`, `reason` | what a kind finds, and why it decides |
//! | `description`, `page` | all of it, and how it is shown |
//! | `schema` | the JSON schema of settings |
//! | `choice` | which of the kinds a section names |

mod argument;
mod choice;
mod description;
mod page;
mod reason;
mod schema;
mod setting;
mod value_type;
mod variable;
mod well_known;

pub use argument::Argument;
pub use choice::choose;
pub use description::Description;
pub use page::SettingsTable;
pub use reason::Reason;
pub use schema::object;
#[doc(hidden)]
pub use serde_json::Value as Json;
pub use setting::{Setting, Settings};
#[doc(hidden)]
pub use setting::{from_table, key};
pub use value_type::Type;
pub use variable::Variable;
pub use well_known::WELL_KNOWN;
