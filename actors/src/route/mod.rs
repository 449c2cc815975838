//! From the name of a message to its handler: the blueprint, and the same alive on one arbiter.
//!
//! | file | what |
//! |---|---|
//! | `registry` | names to routes, before the agent starts |
//! | `routes` | the same on one arbiter |
//! | `route` | how a handler is made, and what holds for its calls |
//! | `live_route` | a route on one arbiter, its handler started |
//! | `notify_route` | a route that takes several messages of a NOTIFY together |
//! | `handler_slot` | the handler as its callers see it: at work, restarting, or down |
//! | `in_use` | whether calls in flight hold routes to a handler |
//! | `source` | what the instances of a handler are made from |
//! | `retirement`, `removed_routes` | how the routes of one generation follow those of another, and what stays known of those that are gone |
//! | `handler_supervisor` | starts the handler and restarts it after a failure |

mod handler_slot;
mod handler_supervisor;
mod in_use;
mod live_route;
mod notify_route;
mod registry;
mod removed_routes;
mod retirement;
mod route;
mod routes;
mod source;

pub(crate) use handler_slot::PendingCall;
pub(crate) use live_route::LiveRoute;
pub(crate) use notify_route::{NotifyRoute, Together};
pub use registry::Registry;
pub use route::{IntoRoute, Route};
pub(crate) use routes::Routes;
pub(crate) use source::Starting;
