//! State for the whole agent: counts requests of all worker threads.
//!
//! Run it with `cargo run -p spoa-examples --bin counter`, then put HAProxy in front of it:
//!
//! ```text
//! haproxy -f examples/haproxy/counter.cfg &
//! curl 127.0.0.1:8080          request 1
//! curl 127.0.0.1:8080          request 2
//! ```

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use spoa_actors::{Registry, State, Var};

const NUMBER: Var = Var::transaction("number");

#[derive(Clone, Default)]
struct Requests(Arc<AtomicU64>);

fn count(State(Requests(seen)): State<Requests>) -> (Var, u64) {
    (NUMBER, seen.fetch_add(1, Ordering::Relaxed) + 1)
}

fn registry() -> Registry {
    Registry::new().state(Requests::default()).on("count-request", count)
}

fn main() -> ExitCode {
    spoa_agent::run(registry())
}

#[cfg(test)]
mod tests {
    use spoa_actors::{
        Message,
        testing::{ClientError, FakeHaproxy},
    };

    use super::*;

    #[actix_rt::test]
    async fn each_request_has_the_next_number() -> Result<(), ClientError> {
        let mut haproxy = FakeHaproxy::start(registry()).await?;
        for number in 1..=3 {
            let actions = haproxy.notify(Message::new("count-request")).await?;
            assert_eq!(actions.to_string(), format!("set-var txn.number {number}"));
        }
        Ok(())
    }
}
