//! Open files: their limit is raised, and what it does not allow is said.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rlimit::Resource;

/// What is open beside connections: those that wait to be refused, listeners, threads.
const OTHERS: usize = 1200;

/// How many descriptors are kept for the admin endpoint: when connections, handlers or exports have used
/// up all others, it still answers.
const RESERVE: u64 = 16;

/// How many are kept: they lie between the soft limit and the hard one.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Raises the soft limit of open files to the hard one; warns if that is not enough for so many
/// connections.
pub(crate) fn raise_limit(connections: usize) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if usize::try_from(limit).is_ok_and(|limit| limit < connections + OTHERS) => {
            tracing::warn!(
                limit,
                connections,
                "fewer files can be open than connections and those that are refused need; set LimitNOFILE in the systemd \
                 unit or raise `ulimit -Hn`, or lower --max-connections"
            );
        }
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// Keeps some descriptors for the admin endpoint, once the limit is raised.
pub(crate) fn keep_reserve() {
    if let Ok((soft, hard)) = Resource::NOFILE.get() {
        // Where there are few, the agent needs them more.
        let kept = RESERVE.min(soft / 16);
        if Resource::NOFILE.set(soft - kept, hard).is_ok() {
            KEPT.store(kept, Relaxed);
        }
    }
}

/// Opens something with the reserve. It is only for this moment that others can take of it, too.
pub(crate) fn with_reserve<T>(open: impl FnOnce() -> T) -> T {
    let kept = KEPT.load(Relaxed);
    let limits = Resource::NOFILE.get().ok().filter(|_| kept > 0);
    if let Some((soft, hard)) = limits {
        let _ = Resource::NOFILE.set(hard.min(soft + kept), hard);
    }
    let opened = open();
    if let Some((soft, hard)) = limits {
        let _ = Resource::NOFILE.set(soft, hard);
    }
    opened
}
