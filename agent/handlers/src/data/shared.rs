//! Shared: what the thread that follows files and those who look things up have together.

use std::sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicBool};

use arc_swap::ArcSwapOption;

use super::state::DataState;

/// What the thread and those who look things up share.
pub(super) struct Shared<T> {
    pub(super) table: ArcSwapOption<T>,
    pub(super) is_stale: AtomicBool,
    pub(super) state: Mutex<DataState>,
}

impl<T> Shared<T> {
    /// Without a table.
    pub(super) fn new(name: &str) -> Self {
        Self {
            table: ArcSwapOption::empty(),
            is_stale: AtomicBool::new(false),
            state: Mutex::new(DataState { name: name.to_owned(), ..DataState::default() }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, DataState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
