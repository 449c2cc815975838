//! What users implement, and the one way in which the library calls it.
//!
//! | file | what |
//! |---|---|
//! | `handler` | `HandlerActor`, functions, and `Dispatch`: a call in, a reply out |
//! | `ready` | handlers that answer at once, from where the message lies |
//! | `blocking`, `feeder` | handlers on threads of their own, and how messages reach those threads |
//! | `mailbox` | raw actix actors, message by message |
//! | `instance` | one `HandlerActor` on one arbiter, called in place |
//! | `fence` | a panic behind it becomes an answer |

mod blocking;
mod feeder;
pub(crate) mod fence;
mod handler;
pub(crate) mod instance;
mod mailbox;
mod ready;

pub use blocking::BlockingHandler;
pub(crate) use feeder::Blocking;
pub(crate) use fence::Fenced;
pub(crate) use handler::{Answer, Dispatch, Function, Heir, Reply};
pub use handler::{Asynchronous, HandlerActor, HandlerFn, Plain};
pub use mailbox::Call;
pub(crate) use mailbox::Mailbox;
pub(crate) use ready::Ready;
pub use ready::ReadyHandler;
