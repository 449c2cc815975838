//! What users implement, and the one way in which the library calls it.
//!
//! | file | what |
//! |---|---|
//! | `handler` | `Handler`: a call in, a reply out |
//! | `call`, `reply` | what a handler is asked, and what it says |
//! | `function`, `into_actions` | functions, plain and async, and what they can return |
//! | `actor_handler` | `HandlerActor`, one on one arbiter, called in place |
//! | `ready` | handlers that answer at once, from where the message lies |
//! | `blocking`, `thread_pool` | handlers on threads of their own, and how calls reach those threads |
//! | `mailbox` | raw actix actors, call by call |
//! | `fence` | the one place where panics of handlers are caught: a panic behind it becomes an answer |

pub(crate) mod actor_handler;
mod blocking;
mod call;
pub(crate) mod fence;
mod function;
mod handler;
mod into_actions;
mod mailbox;
mod ready;
mod reply;
mod thread_pool;

pub use actor_handler::HandlerActor;
pub use blocking::BlockingHandler;
pub use call::{Call, OwnedCall};
pub(crate) use fence::Guarded;
pub(crate) use function::Function;
pub use function::{Asynchronous, HandlerFn, Plain};
pub use handler::Handler;
pub(crate) use handler::{Adapter, Handover, Own};
pub use into_actions::IntoActions;
pub(crate) use mailbox::Mailbox;
pub use mailbox::MailboxCall;
pub(crate) use ready::Ready;
pub use ready::ReadyHandler;
pub(crate) use reply::Answer;
pub use reply::{PendingAnswer, Reply};
pub(crate) use thread_pool::Blocking;
