//! The tests of a file, `[[test]]`: cases of a message, and what is expected of each.
//!
//! | file | what |
//! |---|---|
//! | `given`, `arguments` | an argument of a case with its type; all of them, as a message |
//! | `expected` | what is expected of a case, and whether it came |
//! | `test_data` | the data of a test, in place of that of the file |
//! | `test_settings` | a test as its section describes it |
//! | `test_plan` | a test that can run |

mod arguments;
mod expected;
mod given;
mod test_data;
mod test_plan;
mod test_settings;

pub use test_plan::{TestPlan, tests};
pub use test_settings::TEST_SETTINGS;
