//! The handler that runs a chain.

use std::sync::Arc;

use serde::de::Error;
use spoa_actors::{Actions, ArgsError, Call, Handler, HandlerError, Reply};

use super::chain::Chain;

/// A chain on the route of its message: one chain serves all worker threads.
#[derive(Clone)]
pub struct ChainHandler(pub Arc<Chain>);

impl Handler for ChainHandler {
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        let waiting = match self.0.run(&call.message(), actions) {
            Ok(None) => return Reply::Answered,
            Ok(Some(waiting)) => waiting,
            Err(missing) => {
                return Reply::Failed(HandlerError::Arguments(ArgsError::custom(missing)));
            }
        };
        let chain = Arc::clone(&self.0);
        Reply::later(async move { Ok(chain.finish(waiting).await) }, actions)
    }
}
