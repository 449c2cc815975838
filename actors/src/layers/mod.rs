//! The layers that come with the library: what many handlers want around them.
//!
//! Put them around a handler with [`Route::layer`](crate::Route::layer), or around all of them with
//! [`Registry::layer`](crate::Registry::layer). They count what they do, in the statistics of the route.
//!
//! | layer | for |
//! |---|---|
//! | [`Cache`] | asking once for calls with the same arguments |
//! | [`Require`] | calls that have their arguments, and of the right type |
//! | [`Timeout`] | an answer before the deadline |
//! | [`Rollout`] | a new handler for some calls, always the same ones |
//! | [`Shadow`] | comparing a new handler with the old one, without using its answers |
//! | [`Audit`] | a record of each call and its answer |

mod audit;
mod cache;
mod failed_before;
mod flight;
mod key;
mod require;
mod rollout;
mod second_handler;
mod shadow;
mod table;
mod timeout;

pub use audit::{Audit, AuditRecord};
pub use cache::Cache;
pub use require::{ArgumentType, Require};
pub use rollout::Rollout;
pub use shadow::Shadow;
pub use timeout::Timeout;
