//! What users implement, and the one way in which the library calls it.
//!
//! | file | what |
//! |---|---|
//! | `handler` | `Handler`: a call in, a reply out |
//! | `call`, `reply` | what a handler is asked, and what it says |
//! | `function` | functions, plain and async |
//! | `from_call`, `setup` | what functions take, and what that is prepared from |
//! | `state`, `deadline` | arguments: a value of the registry, the time limit |
//! | `into_actions` | what functions can return |
//! | `factory` | how the instances of a handler are made |
//! | `actor_handler` | `HandlerActor`, one on one arbiter, called in place |
//! | `background` | the actor that owns the work of a handler beside its messages |
//! | `call_slot` | the memory of a call that was ready at once |
//! | `ready` | handlers that answer at once, from where the message lies |
//! | `blocking`, `thread_pool` | handlers on threads of their own, and how calls reach those threads |
//! | `shared` | one handler for the whole agent |
//! | `mailbox` | raw actix actors, call by call |
//! | `fence` | the one place where panics of handlers are caught: a panic behind it becomes an answer |

pub(crate) mod actor_handler;
mod background;
mod blocking;
mod call;
mod call_slot;
mod deadline;
mod factory;
pub(crate) mod fence;
mod from_call;
mod function;
mod handler;
mod into_actions;
mod mailbox;
mod ready;
mod reply;
mod setup;
mod shared;
mod state;
mod thread_pool;

pub use actor_handler::HandlerActor;
pub use blocking::BlockingHandler;
pub(crate) use call::Subject;
pub use call::{Call, OwnedCall};
pub use deadline::Deadline;
pub use factory::{Factory, FactoryNow};
pub(crate) use factory::{IsActor, IsBlocking, IsOwn, IsReady};
pub(crate) use fence::Guarded;
pub use from_call::FromCall;
pub(crate) use function::Function;
pub use function::HandlerFn;
pub use handler::Handler;
pub(crate) use handler::{Adapter, Handover, Own};
pub use into_actions::IntoActions;
pub(crate) use mailbox::Mailbox;
pub use mailbox::MailboxCall;
pub(crate) use ready::Ready;
pub use ready::ReadyHandler;
pub(crate) use reply::Answer;
pub use reply::{PendingAnswer, Reply};
pub use setup::Setup;
pub(crate) use shared::Shared;
pub use shared::SharedHandler;
pub use state::State;
pub(crate) use state::States;
pub(crate) use thread_pool::Blocking;
