//! What users implement, and the one way in which the library calls it.
//!
//! | file | what |
//! |---|---|
//! | `handler` | `HandlerActor`, functions, and `Dispatch`: a call in, a reply out |
//! | `into_actions` | what a function can return |
//! | `ready` | handlers that answer at once, from where the message lies |
//! | `blocking`, `thread_pool` | handlers on threads of their own, and how messages reach those threads |
//! | `mailbox` | raw actix actors, message by message |
//! | `actor_handler` | one `HandlerActor` on one arbiter, called in place |
//! | `fence` | the one place where panics of handlers are caught: a panic behind it becomes an answer |

pub(crate) mod actor_handler;
mod blocking;
pub(crate) mod fence;
mod handler;
mod into_actions;
mod mailbox;
mod ready;
mod thread_pool;

pub use blocking::BlockingHandler;
pub(crate) use fence::Guarded;
pub(crate) use handler::{Answer, Dispatch, Function, Handover, Reply};
pub use handler::{Asynchronous, HandlerActor, HandlerFn, Plain};
pub use into_actions::IntoActions;
pub use mailbox::Call;
pub(crate) use mailbox::Mailbox;
pub(crate) use ready::Ready;
pub use ready::ReadyHandler;
pub(crate) use thread_pool::Blocking;
