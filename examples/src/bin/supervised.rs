//! A handler that panics on some input: what HAProxy receives then, and how the handler restarts.
//!
//! Run it with `cargo run -p spoa-examples --bin supervised` and put HAProxy in front of it,
//! `haproxy -f examples/haproxy/supervised.cfg`; then
//!
//! ```text
//! curl '127.0.0.1:8080/?parties=4'        share 25, the 1st this handler was asked for
//! curl '127.0.0.1:8080/?parties=4'        share 25, the 2nd
//! curl '127.0.0.1:8080/?parties=0'        share 0: it divided by zero, this is the fallback
//! curl '127.0.0.1:8080/?parties=4'        share 25, the 1st: a new handler
//! ```
//!
//! However often it panics, a good request gets its share: from the new handler, or from the one
//! that panicked, while the restart waits. Orders that cause panics cannot disable the route.
//!
//! Only a handler that has never answered uses its budget of restarts. Start the agent again, and
//! send `parties=0` four times within two seconds: the log has `restart limit reached`, the handler
//! is restarted two seconds later, and good requests still get their shares.
//!
//! If the agent itself is stopped, there is no answer, and HAProxy shows `no answer: error …`,
//! because of `option set-on-error`.

use std::{cell::Cell, env, num::NonZero, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use spoa_actors::{Actions, Agent, BoxError, HandlerActor, Origin, Registry, Route, Var};

const SHARE: Var = Var::transaction("share");
const ASKED: Var = Var::transaction("asked");

#[derive(Deserialize)]
struct Order {
    parties: i64,
}

/// Its state goes with it when it panics.
#[derive(Default)]
struct Shares {
    asked: Cell<u32>,
}

#[async_trait(?Send)]
impl HandlerActor for Shares {
    type Args = Order;

    async fn handle(&self, order: Order, _: &Origin) -> Result<Actions, BoxError> {
        self.asked.set(self.asked.get() + 1);
        // The bug: nobody thought of an order without parties.
        let share = 100 / order.parties;
        Ok(Actions::new().set(SHARE, share).set(ASKED, self.asked.get()))
    }
}

fn registry() -> Registry {
    let nothing = Actions::new().set(SHARE, 0);
    // Three panics before the first answer, within two seconds, are restarted soon; one more is not.
    let route = Route::new(Shares::default).fallback(nothing).restarts(3, Duration::from_secs(2));
    Registry::new().on("share-out", route)
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    // Each panic is a line on stderr, at most once a second, with the place where it happened.
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    // One arbiter has one handler: its count is easy to follow.
    let agent = Agent::bind(address)?.arbiters(NonZero::<usize>::MIN);
    Ok(agent.serve(registry()).await?)
}
