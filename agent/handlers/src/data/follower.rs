//! Follower: the thread that looks at the files of a data set, and reads them when they have changed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, SystemTime},
};

use super::{
    bad_lines::{BadLines, OnBadLines},
    error::DataError,
    files::{Files, Look, look},
    load::{Load, Loaded},
    shared::Shared,
    source::Source,
};

/// How often files are read at the start, if they change meanwhile, and the pause between.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// Reads the files now.
pub(super) struct Order {
    /// Whether to believe them however much the data shrinks.
    pub(super) force: bool,
    pub(super) reply: Sender<Result<(), DataError>>,
}

/// Looks at the files as long as somebody has the table.
pub(super) struct Follower<L: Load> {
    source: Source,
    load: L,
    shared: Arc<Shared<L::Table>>,
    /// As the files were when they were read; none if they are to be read whatever they are.
    read: Option<Look>,
    /// As they were at the last look.
    seen: Option<Look>,
    /// Tables that were replaced, until nobody looks at them any more.
    replaced: Vec<Arc<L::Table>>,
}

/// What comes of reading the files.
struct Read<T> {
    loaded: Loaded<T>,
    bad: BadLines,
    modified: Option<SystemTime>,
    files_bytes: u64,
}

impl<L: Load> Follower<L> {
    /// Reads the files on this thread, and follows them on one of its own.
    pub(super) fn begin(
        source: Source,
        load: L,
        shared: Arc<Shared<L::Table>>,
        orders: Receiver<Order>,
    ) -> Result<(), DataError> {
        let mut follower =
            Self { source, load, shared, read: None, seen: None, replaced: Vec::new() };
        // Before they are read: what changes meanwhile is seen at the first look.
        follower.seen = Some(look(&follower.source)?);
        match follower.take_at_first() {
            Err(DataError::Missing { pattern }) if follower.source.optional => {
                tracing::info!(
                    data = follower.source.name,
                    "optional data is missing: it is read when a file matches {pattern}"
                );
            }
            result => result?,
        }
        let name = format!("data-{}", follower.source.name);
        let thread = thread::Builder::new().name(name).spawn(move || follower.run(&orders));
        thread.map(drop).map_err(|error| DataError::Thread(error.to_string()))
    }

    /// Reads the files for the first time: one that changes meanwhile is given a moment.
    fn take_at_first(&mut self) -> Result<(), DataError> {
        for _ in 1..TRIES {
            match self.take(false) {
                Err(DataError::Changed { .. }) => thread::sleep(PAUSE),
                result => return result,
            }
            self.seen = Some(look(&self.source)?);
        }
        self.take(false)
    }

    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            match orders.recv_timeout(self.source.every) {
                Ok(Order { force, reply }) => {
                    self.seen = look(&self.source).ok();
                    let result = self.take(force);
                    // Whoever asked may have gone.
                    let _ = reply.send(result);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.has_changed() {
                        self.take_or_report();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.judge_age();
            self.replaced.retain(|table| Arc::strong_count(table) > 1);
        }
    }

    /// Reads the files, and says why they are not taken; once, if it is tried again and again.
    fn take_or_report(&mut self) {
        let before = self.shared.state().last_error.clone();
        if let Err(error) = self.take(false)
            && before != Some(error.to_string())
        {
            tracing::error!(
                data = self.source.name,
                "data not loaded, the last good data stays in use: {error}"
            );
        }
    }

    /// Whether the files have changed since they were read, and two looks find the same.
    fn has_changed(&mut self) -> bool {
        let now = look(&self.source).ok();
        let is_settled = now == self.seen;
        self.seen = now;
        is_settled && self.seen != self.read
    }

    /// Reads the files as they were seen, and puts them to use if they are believed.
    fn take(&mut self, force: bool) -> Result<(), DataError> {
        self.read.clone_from(&self.seen);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.read_files()));
        let outcome = outcome.unwrap_or(Err(DataError::Panicked));
        let outcome = outcome.and_then(|read| self.believe(read, force));
        match outcome {
            Ok(read) => {
                self.put_to_use(read);
                Ok(())
            }
            Err(error) => {
                // A disk or a network may be there again, and the file the same.
                if matches!(error, DataError::Changed { .. } | DataError::Read { .. }) {
                    self.read = None;
                }
                let mut state = self.shared.state();
                state.is_up = false;
                state.failures += 1;
                state.last_error = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn read_files(&self) -> Result<Read<L::Table>, DataError> {
        let mut files = Files::new(&self.source)?;
        let mut bad = BadLines::default();
        let loaded = self.load.load(&mut files, &mut bad)?;
        Ok(Read { loaded, bad, modified: files.modified, files_bytes: files.read })
    }

    fn believe(&self, read: Read<L::Table>, force: bool) -> Result<Read<L::Table>, DataError> {
        let entries = read.loaded.entries;
        if let (OnBadLines::Refuse, [first, ..]) = (self.source.bad_lines, read.bad.first()) {
            return Err(DataError::BadLines { count: read.bad.count(), first: first.clone() });
        }
        if entries < self.source.min_entries {
            return Err(DataError::TooFew { entries, least: self.source.min_entries });
        }
        let (before, most) = (self.shared.state().entries, self.source.max_shrink);
        let kept = entries as u128 * 100;
        let least = before as u128 * u128::from(100_u8.saturating_sub(most));
        if kept < least && !force {
            return Err(DataError::Shrunk { entries, before, most });
        }
        Ok(read)
    }

    fn put_to_use(&mut self, read: Read<L::Table>) {
        let Read { loaded: Loaded { table, entries, bytes }, bad, modified, files_bytes } = read;
        let before = self.shared.table.swap(Some(Arc::new(table)));
        self.replaced.extend(before);
        tracing::info!(
            data = self.source.name,
            entries,
            files_bytes,
            bad_lines = bad.count(),
            "data loaded"
        );
        for line in bad.first() {
            tracing::warn!(
                data = self.source.name,
                "bad line skipped: {line}; fix the line, or set `bad_lines = \"refuse\"`"
            );
        }
        let mut state = self.shared.state();
        state.is_up = true;
        (state.entries, state.bytes, state.modified) = (entries, bytes, modified);
        (state.bad_lines, state.first_bad_lines) = (bad.count(), bad.first().to_vec());
        state.loaded = Some(SystemTime::now());
        state.loads += 1;
        state.last_error = None;
        drop(state);
        self.judge_age();
    }

    /// Sees whether what is in use has become too old.
    fn judge_age(&self) {
        let mut state = self.shared.state();
        let age = state.age(SystemTime::now());
        let is_old = age.zip(self.source.max_age).is_some_and(|(age, most)| age > most);
        state.is_stale = state.loaded.is_some() && (is_old || !state.is_up);
        self.shared.is_stale.store(state.is_stale, Ordering::Relaxed);
    }
}
