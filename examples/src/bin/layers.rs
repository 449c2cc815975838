//! Layers around a handler: a cache, a check of the arguments, and a gradual rollout.
//!
//! Two handlers know a user's discount. The new one answers for 30 % of the users, the old one for the
//! others. A handler that is asked writes a line into the log. Its answer stays in the cache for a minute.
//! A request without a user reaches no handler.
//!
//! Run it with `cargo run -p spoa-examples --bin layers`, then put HAProxy in front of it:
//!
//! ```text
//! haproxy -f examples/haproxy/layers.cfg &
//! curl -H 'x-user: alice' 127.0.0.1:8080      discount 5
//! curl -H 'x-user: alice' 127.0.0.1:8080      discount 5, without another line in the log
//! curl -H 'x-user: bob' 127.0.0.1:8080        discount 10
//! curl 127.0.0.1:8080                         discount 0
//! ```

use std::{
    env,
    io::{self, IsTerminal},
    num::NonZero,
    time::Duration,
};

use serde::Deserialize;
use spoa_actors::{
    Actions, Agent, AgentError, Registry, Route, Var,
    layers::{Cache, Require, Rollout},
};

const DISCOUNT: Var = Var::transaction("discount");
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Customer {
    user: String,
}

fn old(Customer { user }: Customer) -> (Var, u32) {
    tracing::info!(user, "asked the old handler");
    (DISCOUNT, 5)
}

async fn new(Customer { user }: Customer) -> (Var, u32) {
    tracing::info!(user, "asked the new handler");
    (DISCOUNT, 10)
}

fn registry() -> Registry {
    let route = Route::new(new)
        .layer(|| Rollout::percent(30.0).by(["user"]).otherwise(old))
        .layer(|| Cache::by(["user"]).ttl(MINUTE))
        .layer(|| Require::arguments(["user"]).answer(Actions::new().set(DISCOUNT, 0)));
    Registry::new().on("look-up-discount", route)
}

#[actix_rt::main]
async fn main() -> Result<(), AgentError> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .log_internal_errors(false) // a log that cannot be written ends nothing
        .init();
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    // Each worker thread has its own cache, so here is one.
    Agent::bind(address)?.arbiters(NonZero::<usize>::MIN).serve(registry()).await
}

#[cfg(test)]
mod tests {
    use spoa_actors::{
        Message,
        testing::{ClientError, FakeHaproxy},
    };

    use super::*;

    #[actix_rt::test]
    async fn three_users_in_ten_have_the_new_discount() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry()).await?;
        let mut new = 0;
        for number in 0..1_000 {
            let message = Message::new("look-up-discount").arg("user", format!("user {number}"));
            new += usize::from(haproxy.notify(message).await?.to_string().ends_with("discount 10"));
        }
        assert!((250..350).contains(&new), "{new}");
        Ok(())
    }

    #[actix_rt::test]
    async fn without_a_user_there_is_none() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry()).await?;
        let actions = haproxy.notify(Message::new("look-up-discount")).await?;
        assert_eq!(actions.to_string(), "set-var txn.discount 0");
        Ok(())
    }
}
