//! Waiting for something to become true, with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Failure;

const PAUSE: Duration = Duration::from_millis(5);

/// Asks `probe` again and again until it answers, at most for `limit`.
///
/// # Errors
/// The deadline passed; the failure says `what` did not happen.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe().await {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(Failure::new(format!("not within {limit:?}: {what}")));
        }
        sleep(PAUSE).await;
    }
}
