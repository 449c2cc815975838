//! Values as an operator writes them: with their units, and secrets by name.
//!
//! | file | what |
//! |---|---|
//! | `quantity` | what has a unit: how it is written and read |
//! | `duration`, `size`, `rate`, `percentage` | the quantities |
//! | `secret` | where a secret is, and what it is |

mod duration;
mod percentage;
mod quantity;
mod rate;
mod secret;
mod size;

pub use percentage::Percentage;
pub use quantity::Quantity;
pub use rate::Rate;
pub use secret::{Secret, SecretError, SecretSource};
pub use size::Size;
