//! Handlers of the user's own kind: a call in, a reply out, now or later.

use std::{cell::Cell, rc::Rc, time::Duration};

use async_trait::async_trait;
use spoa_actors::{Actions, Call, Handler, HandlerError, Message, Reply, Route};
use tokio::time::{Instant, sleep};

use crate::support::{
    FALLBACK, Result,
    numbered::{Numbered, agent, answer, ask, instance},
    variable,
};

thread_local! {
    static STOPPED: Cell<i64> = const { Cell::new(0) };
}

/// Replies as a message says, with the number of its instance.
struct Own(i64);

impl Own {
    fn new() -> Self {
        Self(Numbered::new().0)
    }
}

#[async_trait(?Send)]
impl Handler for Own {
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        assert!(actions.is_empty(), "it has a list of its own");
        let has = |name| call.message().get(name).is_some();
        let number = self.0;
        if has("litter") {
            actions.append(variable("litter", 1));
        }
        if has("panic") {
            panic!("as asked");
        }
        if has("fail") {
            return Reply::now(Err(HandlerError::Failed("as asked".into())), actions);
        }
        if has("later") || has("panic_later") {
            let panics = has("panic_later");
            return Reply::later(
                async move {
                    sleep(Duration::from_millis(5)).await;
                    assert!(!panics, "as asked");
                    Ok(variable("instance", number))
                },
                actions,
            );
        }
        if has("ready") {
            return Reply::later(async move { Ok(variable("instance", number)) }, actions);
        }
        if has("never") {
            return Reply::Later(Box::pin(std::future::pending()));
        }
        Reply::now::<HandlerError>(Ok(variable("instance", number)), actions)
    }

    async fn stopping(&self) {
        sleep(Duration::from_millis(1)).await;
        STOPPED.set(self.0);
    }
}

fn route() -> Route {
    Route::handler(Own::new).fallback(variable("fallback", -1))
}

#[actix_rt::test]
async fn it_answers_now_or_later_and_its_route_bounds_it_as_any_other() -> Result {
    tokio::time::pause();
    let agent = agent(route().deadline(Duration::from_millis(100))).await;
    let mut haproxy = agent.connect().await?;
    for (wish, expected) in [
        ("now", &*instance(1)),
        ("ready", &*instance(1)),
        ("later", &*instance(1)),
        ("fail", FALLBACK),
        ("never", FALLBACK),
    ] {
        assert_eq!(answer(&mut haproxy, ask().arg(wish, true)).await?, expected, "{wish}");
    }
    let seen = agent.statistics().await.messages;
    assert_eq!((seen.answered, seen.failed, seen.deadline_exceeded), (3, 1, 1));
    Ok(())
}

#[actix_rt::test]
async fn what_it_has_put_into_the_list_before_it_failed_is_dropped_and_others_keep_theirs() -> Result
{
    tokio::time::pause();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    for wish in ["fail", "panic", "later"] {
        let messages = [ask(), ask().arg("litter", true).arg(wish, true), ask()];
        let actions = haproxy.notify(messages).await?.to_string();
        assert!(!actions.contains("litter"), "{wish}: {actions}");
        assert!(actions.starts_with("set-var txn.instance "), "{wish}: {actions}");
        assert_eq!(actions.split(", ").count(), 3, "{wish}: {actions}");
    }
    let actions = answer(&mut haproxy, ask().arg("litter", true)).await?;
    assert_eq!(actions, format!("set-var txn.litter 1, {}", instance(2)));
    Ok(())
}

#[actix_rt::test]
async fn a_panic_in_its_call_or_in_its_answer_leaves_the_fallback_and_a_new_instance() -> Result {
    tokio::time::pause();
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    let asked = Instant::now();
    for (number, wish) in [(1, "panic"), (2, "panic_later"), (3, "panic")] {
        assert_eq!(answer(&mut haproxy, ask()).await?, instance(number));
        assert_eq!(answer(&mut haproxy, ask().arg(wish, true)).await?, FALLBACK, "{wish}");
    }
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_eq!(agent.statistics().await.messages.panicked, 3);
    Ok(())
}

#[actix_rt::test]
async fn it_ends_in_good_order_with_its_agent() -> Result {
    let agent = agent(route()).await;
    let mut haproxy = agent.connect().await?;
    assert_eq!(answer(&mut haproxy, ask()).await?, instance(1));
    agent.stop().await;
    assert_eq!(STOPPED.get(), 1);
    Ok(())
}

/// Keeps what it was asked until it answers.
struct Keeping;

impl Handler for Keeping {
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        let (kept, deadline) = (Rc::new(call.to_owned()), call.deadline());
        let again = Rc::clone(&kept);
        let answer = async move {
            sleep(Duration::from_millis(1)).await;
            let is_same = again.with(|call| {
                call.deadline() == deadline
                    && call.get("number").is_some()
                    && call.messages().len() == 1
            });
            assert!(is_same && again.origin().deadline() == deadline);
            let n = again.message().args().count();
            Ok(variable("args", i64::try_from(n).unwrap_or_default()))
        };
        assert!(kept.message().as_bytes() == call.message().as_bytes());
        Reply::later(answer, actions)
    }
}

#[actix_rt::test]
async fn what_it_keeps_of_a_call_is_the_call() -> Result {
    let agent = agent(Route::handler(|| Keeping)).await;
    let mut haproxy = agent.connect().await?;
    let message: Message = ask().arg("a", 1).arg("b", "text");
    assert_eq!(answer(&mut haproxy, message).await?, "set-var txn.args 2");
    Ok(())
}
