//! Followed: a table as arbiters take it, while a thread follows its files.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Sender, channel},
    },
};

use arc_swap::Guard;

use super::{
    error::DataError,
    follower::{Follower, Order},
    load::Load,
    shared::Shared,
    source::Source,
    state::DataState,
};

/// A table that is read again when its files change.
///
/// Each call takes the table of the moment, without a lock and without waiting. A table that was
/// replaced is freed by the thread that follows the files, and never by whoever looked something up in it.
/// The thread ends with the last clone.
pub struct Followed<T> {
    // In this order: with the last sender the thread ends, and frees what it alone has then.
    shared: Arc<Shared<T>>,
    orders: Sender<Order>,
}

/// The table of the moment. As long as somebody has it, it stays in memory, also when it was replaced.
pub struct Current<T>(Guard<Option<Arc<T>>>);

impl<T: Send + Sync + 'static> Followed<T> {
    /// Reads the files on this thread, and begins to follow them on one of its own.
    ///
    /// # Errors
    ///
    /// The files cannot be read, or are not believed. If they are not there and the source is
    /// `optional`, there is no table until they are.
    pub fn open(source: Source, load: impl Load<Table = T>) -> Result<Self, DataError> {
        let shared = Arc::new(Shared::new(&source.name));
        let (orders, received) = channel();
        Follower::begin(source, load, Arc::clone(&shared), received)?;
        Ok(Self { shared, orders })
    }

    /// Without a table and without a thread: it never has data.
    #[must_use]
    pub fn never_loaded(name: &str) -> Self {
        Self { shared: Arc::new(Shared::new(name)), orders: channel().0 }
    }

    /// A table that never changes, of so many entries: it follows no file, and has no thread.
    #[must_use]
    pub fn fixed(name: &str, table: T, entries: usize) -> Self {
        let fixed = Self::never_loaded(name);
        fixed.shared.table.store(Some(Arc::new(table)));
        let mut state = fixed.shared.state();
        (state.is_up, state.entries) = (true, entries);
        drop(state);
        fixed
    }

    /// The table of the moment.
    #[must_use]
    pub fn current(&self) -> Current<T> {
        Current(self.shared.table.load())
    }

    /// Whether what is in use is older than the files, or than it may be.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.shared.is_stale.load(Ordering::Relaxed)
    }

    /// How the data set is. Not for arbiters: it may wait for the thread that follows the files.
    #[must_use]
    pub fn state(&self) -> DataState {
        self.shared.state().clone()
    }

    /// Reads the files now, and waits until they are read. By `force`, they are believed however much
    /// the data shrinks. Not for arbiters.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); the last good table stays in use.
    pub fn reload(&self, force: bool) -> Result<(), DataError> {
        let (reply, done) = channel();
        let gone = || DataError::Thread("it has ended".to_owned());
        self.orders.send(Order { force, reply }).map_err(|_| gone())?;
        done.recv().map_err(|_| gone())?
    }
}

impl<T> Clone for Followed<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), orders: self.orders.clone() }
    }
}

impl<T> fmt::Debug for Followed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("state", &*self.shared.state()).finish_non_exhaustive()
    }
}

impl<T> Current<T> {
    /// The table; none if the data set is optional and not there yet.
    #[must_use]
    pub fn table(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<T> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}
