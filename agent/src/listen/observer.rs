//! The handler that answers every message with the same variables and shows what came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spoa_actors::{Actions, Call, Handler, MessageRef, Reply};

use super::{
    printed,
    seen::{News, Seen},
    starter_file::Changed,
};
use crate::telemetry::line_queue::LineQueue;

/// The handler, of which all clones see together.
#[derive(Clone)]
pub(super) struct Observer {
    pub(super) answer: Arc<Actions>,
    pub(super) lines: LineQueue,
    pub(super) seen: Arc<Mutex<Seen>>,
    /// Whether every message is printed.
    pub(super) all: bool,
    /// Who writes the configuration file, if it is written.
    pub(super) changed: Option<Changed>,
}

impl Observer {
    /// Nobody holds it for long: what is written out of it is written out of a copy.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, message: &MessageRef<'_>) {
        let news = self.seen().take(message);
        let is_new = news == News::New;
        let text = match news {
            _ if self.all => printed::message(message),
            News::New => printed::message(message),
            News::Again(count) if is_round(count) => printed::count(message.name(), count),
            News::Again(_) | News::NoRoom(false) => return,
            News::NoRoom(true) => {
                "too many different messages: further ones are only counted\n".to_owned()
            }
        };
        self.lines.push(text.as_bytes());
        if let (Some(changed), true) = (&self.changed, is_new) {
            changed.tell();
        }
    }
}

/// Whether it is 10, 100, 1,000 and so on: then its count is printed.
fn is_round(count: u64) -> bool {
    let power = count.checked_ilog10().unwrap_or_default();
    power > 0 && count == 10_u64.pow(power)
}

impl Handler for Observer {
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        self.see(&call.message());
        actions.append((*self.answer).clone());
        Reply::Answered
    }
}
