//! IP reputation: what lists say of the address of a client.

use std::slice;

use spoa_actors::{ActionError, Actions, BoxError, MessageRef, Origin, ReadyHandler, Scope};

use super::{
    inputs::{ADDRESS, address},
    outputs::Outputs,
    reputation::{Known, Reputation, known},
};
use crate::{data::Followed, table::IpSet};

const VARIABLES: [&str; 6] = ["listed", "score", "tags", "lists", "stale", "error"];
const LISTED: usize = 0;
const SCORE: usize = 1;
const TAGS: usize = 2;
const LISTS: usize = 3;
const STALE: usize = 4;
const ERROR: usize = 5;

/// What lists say of the address of a client.
///
/// | variable | type | when |
/// |---|---|---|
/// | `listed` | boolean | the message has an address |
/// | `score` | integer | the same: the highest score, or the default |
/// | `tags`, `lists` | text | listed, and there are some: with commas between |
/// | `stale` | boolean | the message has an address |
/// | `error` | text | `no_address` or `no_data`: nothing is known |
///
/// ```no_run
/// use spoa_actors::{Agent, BoxError, Registry, Scope};
/// use spoa_handlers::{
///     data::{Followed, IpList, Source},
///     handler::IpReputation,
/// };
///
/// #[actix_rt::main]
/// async fn main() -> Result<(), BoxError> {
///     let source = Source::new("blocklists", ["/etc/spoa-agent/lists/*.netset"]);
///     let lists = Followed::open(source, IpList::default())?;
///     let reputation = IpReputation::new(lists, Scope::Session, "reputation")?;
///     let registry = Registry::new().on_ready("check-client-ip", move || reputation.clone());
///     Ok(Agent::bind("127.0.0.1:12345")?.serve(registry).await?)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct IpReputation {
    lists: Followed<IpSet>,
    arguments: Vec<String>,
    default_score: u8,
    outputs: Outputs,
}

impl IpReputation {
    /// Looks at these lists, and sets variables whose names begin with `PREFIX.`; or with nothing, if the
    /// prefix is empty.
    ///
    /// # Errors
    ///
    /// The prefix cannot be part of a variable's name.
    pub fn new(lists: Followed<IpSet>, scope: Scope, prefix: &str) -> Result<Self, ActionError> {
        let outputs = Outputs::new(scope, prefix, VARIABLES)?;
        Ok(Self { lists, arguments: ADDRESS.map(str::to_owned).into(), default_score: 0, outputs })
    }

    /// Takes the address from the first of these arguments that has one [default: the names that are in use:
    /// `ip`, `src`, `src_ip` and so on, and an argument without a name].
    #[must_use]
    pub fn arguments(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments = names.into_iter().map(Into::into).collect();
        self
    }

    /// The score of an address that has none [default: 0].
    #[must_use]
    pub fn default_score(mut self, score: u8) -> Self {
        self.default_score = score;
        self
    }
}

impl ReadyHandler for IpReputation {
    type Args<'a> = MessageRef<'a>;

    fn handle(&self, message: MessageRef<'_>, _: &Origin) -> Result<Actions, BoxError> {
        let (out, actions) = (&self.outputs, Actions::new());
        let Some(address) = address(&message, &self.arguments) else {
            return Ok(out.set(actions, ERROR, "no_address"));
        };
        let listed = match known(slice::from_ref(&self.lists), address) {
            Known::NoData => return Ok(out.set(actions, ERROR, "no_data")),
            Known::Listed(listed) => Some(listed),
            Known::Clean => None,
        };
        let score = listed.as_ref().and_then(|listed| listed.score).unwrap_or(self.default_score);
        let mut actions = out.set(actions, LISTED, listed.is_some());
        actions = out.set(actions, SCORE, i64::from(score));
        let Reputation { tags, lists, .. } = listed.unwrap_or_default();
        for (variable, words) in [(TAGS, tags), (LISTS, lists)] {
            if !words.is_empty() {
                actions = out.set(actions, variable, &words.join(","));
            }
        }
        Ok(out.set(actions, STALE, self.lists.is_stale()))
    }
}
