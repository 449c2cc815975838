//! CPU-bound work on separate threads, so that other messages do not wait for it.
//!
//! It checks whether a number is a prime, by trial division. Run it with
//! `cargo run --release -p spoa-examples --bin blocking` and put HAProxy in front of it,
//! `haproxy -f examples/haproxy/blocking.cfg`; then
//!
//! ```text
//! curl '127.0.0.1:8080/?n=97'                      97 is a prime: yes
//! curl '127.0.0.1:8080/?n=9223372036854775783'     …: unknown, after 300 ms: this is the fallback
//! ```
//!
//! The second request keeps a thread busy until its deadline, and no longer: the handler checks the
//! clock. Meanwhile another thread answers the first request at once.

use std::{env, num::NonZero, time::Duration};

use serde::Deserialize;
use spoa_actors::{Actions, Agent, BlockingHandler, BoxError, Origin, Registry, Route, Var};

const IS_PRIME: Var = Var::transaction("is_prime");

/// So many divisions are made between two looks at the clock.
const DIVISIONS: usize = 100_000;

#[derive(Deserialize)]
struct Question {
    n: u64,
}

struct Primes;

impl BlockingHandler for Primes {
    type Args = Question;

    fn handle(&mut self, question: Question, origin: &Origin) -> Result<Actions, BoxError> {
        let is_late = || origin.remaining().is_zero();
        // Nobody waits for an answer any more: an error is as good as any.
        let is_prime = is_prime(question.n, is_late).ok_or("the deadline has passed")?;
        let answer = if is_prime { "yes" } else { "no" };
        Ok(Actions::new().set(IS_PRIME, answer))
    }
}

/// `None` if it is late before it is known.
fn is_prime(n: u64, is_late: impl Fn() -> bool) -> Option<bool> {
    if n < 4 || n.is_multiple_of(2) {
        return Some(n == 2 || n == 3);
    }
    for (index, divisor) in (3..=n.isqrt()).step_by(2).enumerate() {
        if n.is_multiple_of(divisor) {
            return Some(false);
        }
        if index.is_multiple_of(DIVISIONS) && is_late() {
            return None;
        }
    }
    Some(true)
}

fn registry() -> Result<Registry, BoxError> {
    let unknown = Actions::new().set(IS_PRIME, "unknown");
    // On every arbiter. One for each core would compute as much; with two, what is short does not wait
    // behind what is long, unless there are two of these.
    let threads = NonZero::new(2).ok_or("no threads")?;
    let route =
        Route::blocking(threads, || Primes).fallback(unknown).deadline(Duration::from_millis(300));
    Ok(Registry::new().on("check-prime", route))
}

#[actix_rt::main]
async fn main() -> Result<(), BoxError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:12345".to_owned());
    Ok(Agent::bind(address)?.serve(registry()?).await?)
}

#[cfg(test)]
mod tests {
    use super::is_prime;

    #[test]
    fn primes_are_told_from_other_numbers() {
        let primes: Vec<_> = (0..30).filter(|&n| is_prime(n, || false) == Some(true)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert_eq!(is_prime(u64::MAX - 58, || true), None);
    }
}
