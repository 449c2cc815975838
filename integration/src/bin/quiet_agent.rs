//! An agent without a subscriber for its log: `quiet_agent ADDRESS [silent]`.
//!
//! It prints a line when it serves. `listen-process` and `listen-thread` are answered when a subscriber
//! is set, for the process or for the one thread that handlers run on. `silent` sets one that takes
//! nothing, before the agent starts.

use std::num::NonZero;

use spoa_actors::{Actions, Agent, AgentError, BoxError, Registry, Route};
use tracing::{Subscriber, subscriber};

fn to_stderr() -> impl Subscriber {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).finish()
}

fn registry() -> Registry {
    let process = Route::new(|(): ()| -> Result<_, BoxError> {
        subscriber::set_global_default(to_stderr())?;
        Ok(Actions::new())
    });
    let thread = Route::new(|(): ()| -> Result<_, BoxError> {
        std::mem::forget(subscriber::set_default(to_stderr()));
        Ok(Actions::new())
    });
    Registry::new().on("listen-process", process).on("listen-thread", thread)
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    if arguments.next().as_deref() == Some("silent") {
        let _ = subscriber::set_global_default(subscriber::NoSubscriber::default());
    }
    let agent = Agent::bind(address)?.arbiters(NonZero::<usize>::MIN);
    let serves = |_: &_| println!("serves");
    agent.serve_with(registry(), serves).await.map(drop)
}
