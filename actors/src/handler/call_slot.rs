//! Call slot: reuses the memory of a call that was ready at once.

use std::{cell::Cell, pin::Pin, task::Poll};

use futures_util::{FutureExt, future::Fuse};

use super::reply::{Answer, Reply};
use crate::spop::Actions;

/// The memory of the last call that was ready at once.
#[doc(hidden)]
pub struct CallSlot<Call>(Cell<Option<Pin<Box<Fuse<Call>>>>>);

impl<Call: Future<Output = Answer> + 'static> CallSlot<Call> {
    /// Polls a call once. A call that is not ready keeps the memory.
    pub(super) fn poll_once(&self, call: Call, actions: &mut Actions) -> Reply {
        let call = call.fuse();
        let mut place = match self.0.take() {
            Some(mut place) => {
                place.set(call);
                place
            }
            None => Box::pin(call),
        };
        match Reply::poll_once(place.as_mut(), actions) {
            Poll::Ready(reply) => {
                self.0.set(Some(place));
                reply
            }
            Poll::Pending => Reply::Later(place),
        }
    }
}

impl<Call> Default for CallSlot<Call> {
    fn default() -> Self {
        Self(Cell::new(None))
    }
}
