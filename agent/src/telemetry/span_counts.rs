//! Span counts: how many spans wait, and what happened to the others.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What happened to spans until now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SpanCounts {
    /// Those that wait for their export, or are under way.
    pub(crate) queued: u64,
    /// How many may; 0 without tracing.
    pub(crate) limit: u64,
    /// The collector has them.
    pub(crate) exported: u64,
    /// The queue was full, or tracing had ended.
    pub(crate) dropped: u64,
    /// The collector did not take them.
    pub(crate) failed: u64,
}

/// The same while it changes, shared by all threads.
#[derive(Debug)]
pub(crate) struct SpanCounters {
    limit: u64,
    is_closed: AtomicBool,
    queued: AtomicU64,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl SpanCounters {
    pub(crate) fn new(limit: u64) -> Self {
        let zero = AtomicU64::default;
        let is_closed = AtomicBool::new(false);
        Self { limit, is_closed, queued: zero(), exported: zero(), dropped: zero(), failed: zero() }
    }

    /// Takes a place in the queue; counts a drop if there is none.
    pub(crate) fn queue(&self) -> bool {
        let room = |queued| (queued < self.limit).then_some(queued + 1);
        let is_open = !self.is_closed.load(Relaxed);
        let has_room = is_open && self.queued.fetch_update(Relaxed, Relaxed, room).is_ok();
        if !has_room {
            self.dropped.fetch_add(1, Relaxed);
        }
        has_room
    }

    /// Nothing is taken any more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Relaxed);
    }

    /// Spans have left the queue; the collector refused `failed` of them.
    pub(crate) fn sent(&self, spans: u64, failed: u64) {
        self.exported.fetch_add(spans - failed, Relaxed);
        self.failed.fetch_add(failed, Relaxed);
        self.queued.fetch_sub(spans, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> SpanCounts {
        SpanCounts {
            queued: self.queued.load(Relaxed),
            limit: self.limit,
            exported: self.exported.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }
}
