//! Timer: a clock of a connection, armed only while it waits for something.

use std::{pin::Pin, task::Context};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that can be moved; it takes no memory worth speaking of while it is off.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Timer {
    /// Goes off at `at`, or earlier if that was due.
    pub(crate) fn arm(&mut self, at: Instant) {
        match &mut self.armed {
            Some((due, _)) if *due <= at => {}
            Some((due, sleep)) => {
                *due = at;
                sleep.as_mut().reset(at);
            }
            None => self.armed = Some((at, Box::pin(sleep_until(at)))),
        }
    }

    /// Does not go off.
    pub(crate) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Whether it has gone off; it is off then.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> bool {
        let Some((_, sleep)) = &mut self.armed else {
            return false;
        };
        let went_off = sleep.as_mut().poll(task).is_ready();
        if went_off {
            self.armed = None;
        }
        went_off
    }
}
