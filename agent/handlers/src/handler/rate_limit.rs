//! Rate limit: who has come too often.

use std::{sync::Arc, time::Instant};

use spoa_actors::{ActionError, Actions, BoxError, MessageRef, Origin, ReadyHandler, Scope};

use super::{inputs::Key, outputs::Outputs};
use crate::table::{Allowance, Limit, Rates};

const VARIABLES: [&str; 4] = ["limited", "remaining", "retry_after", "error"];
const LIMITED: usize = 0;
const REMAINING: usize = 1;
const RETRY_AFTER: usize = 2;
const ERROR: usize = 3;

/// Who has come too often, by a key of arguments. Addresses of IPv6 in one /64 are one key.
///
/// All arbiters share the buckets: a limit holds for the whole agent.
///
/// | variable | type | when |
/// |---|---|---|
/// | `limited` | boolean | the message has all arguments of the key |
/// | `remaining` | integer | the same: how often at once from now on |
/// | `retry_after` | integer | limited: seconds, rounded up |
/// | `error` | text | `no_key`: an argument is not there |
///
/// ```no_run
/// use std::time::Duration;
///
/// use spoa_actors::{Agent, BoxError, Registry, Scope};
/// use spoa_handlers::{handler::RateLimit, table::Limit, value::Rate};
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), BoxError> {
///     let rate = Rate { count: 10, per: Duration::from_secs(60) };
///     let limit = Limit::new(rate, 5).ok_or("it is no limit")?;
///     let limit = RateLimit::new(["ip"], limit, 100_000, Scope::Transaction, "login_limit")?;
///     let registry = Registry::new().on_ready("check-login", move || limit.clone());
///     Ok(Agent::bind("127.0.0.1:12345")?.serve(registry).await?)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RateLimit {
    rates: Arc<Rates>,
    limit: Limit,
    key: Vec<String>,
    outputs: Outputs,
}

impl RateLimit {
    /// Counts by the key that these arguments are, for so many keys at most: each takes 16 bytes.
    ///
    /// # Errors
    ///
    /// The prefix cannot be part of a variable's name.
    pub fn new(
        key: impl IntoIterator<Item = impl Into<String>>,
        limit: Limit,
        max_keys: usize,
        scope: Scope,
        prefix: &str,
    ) -> Result<Self, ActionError> {
        let outputs = Outputs::new(scope, prefix, VARIABLES)?;
        let rates = Arc::new(Rates::new(max_keys, Instant::now()));
        Ok(Self { rates, limit, key: key.into_iter().map(Into::into).collect(), outputs })
    }
}

impl ReadyHandler for RateLimit {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Result<Actions, BoxError> {
        let (out, actions) = (&self.outputs, Actions::new());
        let Some(key) = Key::new(&message, &self.key) else {
            return Ok(out.set(actions, ERROR, "no_key"));
        };
        match self.rates.take(&key, &self.limit, 1, Instant::now()) {
            Allowance::Allowed { remaining } => {
                let actions = out.set(actions, LIMITED, false);
                Ok(out.set(actions, REMAINING, i64::from(remaining)))
            }
            Allowance::Limited { retry_after } => {
                let actions = out.set(actions, LIMITED, true);
                let actions = out.set(actions, REMAINING, 0_i64);
                let Some(wait) = retry_after else { return Ok(actions) };
                let seconds = wait.as_millis().div_ceil(1_000).try_into().unwrap_or(i64::MAX);
                Ok(out.set(actions, RETRY_AFTER, seconds))
            }
        }
    }
}
