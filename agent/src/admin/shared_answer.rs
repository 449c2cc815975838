//! Shared answer: an answer that is made once for all who wait for it.

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// How long after an answer was begun the next one is. Each is a message to every arbiter.
const PAUSE: Duration = Duration::from_millis(50);

/// An answer that is never older than its question, and made no more often than every 50 ms.
#[derive(Debug)]
pub(super) struct SharedAnswer<T>(Mutex<Option<(Instant, Option<T>)>>);

impl<T: Clone> SharedAnswer<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The answer, made now unless another has begun to make one since this was called.
    pub(super) async fn answer(&self, make: impl AsyncFnOnce() -> T) -> T {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((begun, answer)) = &*last {
            if let Some(answer) = answer
                && *begun >= asked
            {
                return answer.clone();
            }
            sleep_until(*begun + PAUSE).await;
        }
        let begun = Instant::now();
        // Set before it is made, so that a client that is displaced meanwhile does not stop the others.
        *last = Some((begun, None));
        let answer = make().await;
        *last = Some((begun, Some(answer.clone())));
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_cost_two_answers_and_none_is_older_than_its_question() {
        let (fresh, made) = (SharedAnswer::new(), Cell::new(0));
        let make = async || {
            let number = made.get() + 1;
            made.set(number);
            sleep(Duration::from_millis(10)).await;
            number
        };
        let begun = Instant::now();
        assert_eq!(fresh.answer(make).await, 1);
        let answers = join_all((0..1000).map(|_| fresh.answer(make))).await;
        assert!(answers.iter().all(|answer| *answer == 2), "{answers:?}");
        assert_eq!(begun.elapsed(), PAUSE + Duration::from_millis(10));
        sleep(PAUSE).await;
        assert_eq!(fresh.answer(make).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_while_it_is_made_leaves_others_their_answer() {
        let fresh = SharedAnswer::new();
        let never = fresh.answer(async || std::future::pending().await);
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        assert_eq!(fresh.answer(async || 1).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_holds_after_a_client_that_left_while_its_answer_was_made() {
        let fresh = SharedAnswer::new();
        let begun = Instant::now();
        let never = fresh.answer(async || std::future::pending().await);
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        assert_eq!(fresh.answer(async || 1).await, 1);
        assert_eq!(begun.elapsed(), PAUSE);
    }
}
