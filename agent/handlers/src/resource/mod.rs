//! What a file has beside its handlers: data sets and secrets.
//!
//! | file | what |
//! |---|---|
//! | `source_settings` | the settings that every data set has, and which files they name |
//! | `ip_list`, `mmdb`, `table`, `columns` | the kinds of data, with their settings |
//! | `data_kinds` | all of these kinds |
//! | `data_set` | a data set that is open |
//! | `data_plan` | a data set as its section describes it, before a file is opened |
//! | `states` | what handlers count in, which a reload keeps |
//! | `fixed` | entries of a test in place of those of files |
//! | `unused` | sections that nobody uses |
//! | `plan`, `resources` | all of them: as they are described, and open |

mod columns;
mod data_kinds;
mod data_plan;
mod data_set;
mod fixed;
mod ip_list;
mod mmdb;
mod plan;
mod resources;
mod source_settings;
mod states;
mod table;
mod unused;

pub use data_kinds::{DATA_KINDS, DATA_SETTINGS};
pub use data_set::DataSet;
pub use fixed::FixedEntry;
pub use ip_list::Score;
pub use plan::ResourcePlan;
pub use resources::Resources;
