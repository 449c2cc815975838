//! What the processes of a program have done.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[derive(Default)]
pub(super) struct Counts {
    pub(super) ready: AtomicUsize,
    pub(super) started: AtomicU64,
    pub(super) answered: AtomicU64,
    pub(super) killed: AtomicU64,
    pub(super) exited: AtomicU64,
    pub(super) bad_lines: AtomicU64,
}

/// What the processes of a program have done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProgramCounts {
    /// How many processes are ready.
    pub ready: usize,
    /// How many processes were started.
    pub started: u64,
    /// How many questions were answered.
    pub answered: u64,
    /// How many processes were killed over a late or wrong answer.
    pub killed: u64,
    /// How many processes ended by themselves.
    pub exited: u64,
    /// How many lines were no JSON.
    pub bad_lines: u64,
}

impl Counts {
    pub(super) fn now(&self) -> ProgramCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgramCounts {
            ready: self.ready.load(Ordering::Relaxed),
            started: of(&self.started),
            answered: of(&self.answered),
            killed: of(&self.killed),
            exited: of(&self.exited),
            bad_lines: of(&self.bad_lines),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
