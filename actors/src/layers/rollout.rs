//! Rollout: a share of the calls goes to the handler, always the same ones.

use std::{cell::Cell, fmt, hash::Hasher, rc::Rc};

use async_trait::async_trait;
use siphasher::sip::SipHasher13;

use super::{key::Key, second_handler::SecondHandler};
use crate::{
    error::BoxError,
    handler::{Call, Reply},
    layer::{Layer, Next},
    observe::{LayerCount, count},
    route::IntoRoute,
    spop::Actions,
};

/// Sends a percentage of the calls to the handler; the others get given actions, or go to another handler.
///
/// Which calls these are depends on the values of the named arguments alone: it is the same on every arbiter
/// and every agent, after a restart, and with a newer version of this library. With a higher percentage all
/// calls stay that were in. A call in which none of the arguments has a value is not in.
///
/// ```
/// use spoa_actors::{Actions, Registry, Route, Var, layers::Rollout};
///
/// const SCORE: Var = Var::session("score");
///
/// let old = || Actions::new().set(SCORE, 50);
/// let new = Route::new(|| Actions::new().set(SCORE, 60))
///     .layer(move || Rollout::percent(10.0).by(["user"]).otherwise(old));
/// let registry = Registry::new().on("score-user", new);
/// ```
///
/// It counts `in` and `out`.
pub struct Rollout {
    share: f64,
    key: Key,
    seed: u64,
    otherwise: Otherwise,
    inside: Cell<u64>,
    outside: Cell<u64>,
}

/// What happens to the other calls.
enum Otherwise {
    Answer(Actions),
    Ask(Rc<SecondHandler>),
}

impl Rollout {
    /// Sends this percentage to the handler, and answers the others with no actions.
    #[must_use]
    pub fn percent(percent: f64) -> Self {
        Self {
            share: percent / 100.0,
            key: Key::new::<String>([]),
            seed: 0,
            otherwise: Otherwise::Answer(Actions::new()),
            inside: Cell::default(),
            outside: Cell::default(),
        }
    }

    /// The arguments that decide.
    #[must_use]
    pub fn by<N: Into<String>>(mut self, arguments: impl IntoIterator<Item = N>) -> Self {
        self.key = Key::new(arguments);
        self
    }

    /// A number that decides otherwise: with another one, other calls are in.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The answer to the other calls.
    #[must_use]
    pub fn answer(mut self, actions: Actions) -> Self {
        self.otherwise = Otherwise::Answer(actions);
        self
    }

    /// Who answers the other calls: the handler of a route, of which nothing else is used.
    #[must_use]
    pub fn otherwise<Kind>(mut self, route: impl IntoRoute<Kind>) -> Self {
        self.otherwise = Otherwise::Ask(Rc::new(SecondHandler::of(&route.into_route())));
        self
    }

    fn is_in(&self, call: &Call<'_>) -> bool {
        let mut hasher = SipHasher13::new_with_keys(self.seed, 0);
        let mut is_there = false;
        for message in call.messages() {
            is_there |= self.key.write_values(message, &mut |part| hasher.write(part));
        }
        // 53 bits, as many as a float has.
        let place = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
        is_there && place < self.share
    }
}

#[async_trait(?Send)]
impl Layer for Rollout {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        if self.is_in(call) {
            count(&self.inside);
            return next.call(call, actions);
        }
        count(&self.outside);
        match &self.otherwise {
            Otherwise::Answer(answer) => {
                actions.append_all(answer);
                Reply::Answered
            }
            Otherwise::Ask(other) => other.call(call, actions),
        }
    }

    async fn started(&self) -> Result<(), BoxError> {
        match &self.otherwise {
            Otherwise::Answer(_) => Ok(()),
            Otherwise::Ask(other) => other.start().await,
        }
    }

    async fn stopping(&self) {
        if let Otherwise::Ask(other) = &self.otherwise {
            other.stop().await;
        }
    }

    fn counts(&self) -> Vec<LayerCount> {
        LayerCount::all("rollout", [("in", &self.inside), ("out", &self.outside)])
    }
}

impl fmt::Debug for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (share, key) = (&self.share, &self.key);
        f.debug_struct("Rollout").field("share", share).field("key", key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        origin::{Origin, Peer, PeerAddress},
        spop::Message,
    };

    fn origin() -> Origin {
        Origin::new(Peer { address: PeerAddress::InMemory, engine_id: None })
    }

    fn share_of(rollout: &Rollout, key: impl Fn(u32) -> Message) -> usize {
        let origin = origin();
        (0..100_000)
            .filter(|&number| rollout.is_in(&Call::new(&key(number).as_ref(), &origin)))
            .count()
    }

    #[test]
    fn ten_percent_of_100_000_keys_are_ten_percent() {
        let rollout = Rollout::percent(10.0).by(["user"]);
        let numbers = |number: u32| Message::new("m").arg("user", number);
        let names = |number: u32| Message::new("m").arg("user", format!("user-{number}"));
        for share in [share_of(&rollout, numbers), share_of(&rollout, names)] {
            assert!((9_500..=10_500).contains(&share), "{share}");
        }
        assert_eq!(share_of(&Rollout::percent(0.0).by(["user"]), numbers), 0);
        assert_eq!(share_of(&Rollout::percent(100.0).by(["user"]), numbers), 100_000);
        assert_eq!(share_of(&rollout, |_| Message::new("m")), 0);
    }

    /// Written down once: a change would send other users to the new handler after an update.
    #[test]
    fn the_same_keys_are_in_with_every_version() {
        let rollout = Rollout::percent(10.0).by(["user"]);
        let origin = origin();
        let names = (0..100).map(|number| format!("user-{number}"));
        let inside: Vec<_> = names
            .filter(|name| {
                let message = Message::new("m").arg("user", name);
                rollout.is_in(&Call::new(&message.as_ref(), &origin))
            })
            .collect();
        let expected = [2, 12, 17, 20, 28, 33, 62, 66, 84, 87, 89, 92, 93, 96, 98];
        assert_eq!(inside, expected.map(|number| format!("user-{number}")));
    }

    #[test]
    fn who_is_in_stays_in_when_there_are_more() {
        let (few, many) =
            (Rollout::percent(10.0).by(["user"]), Rollout::percent(11.0).by(["user"]));
        let origin = origin();
        for number in 0..10_000 {
            let message = Message::new("m").arg("user", number);
            let (message, is_in) = (message.as_ref(), |rollout: &Rollout, message| {
                rollout.is_in(&Call::new(message, &origin))
            });
            assert!(!is_in(&few, &message) || is_in(&many, &message));
        }
    }
}
