//! CPU time, as machines are shared: what a call costs, whoever else wants the core.

use std::{hint::black_box, time::Duration};

use criterion::Bencher;
use rustix::time::{ClockId, clock_gettime};

/// The time that this thread has had.
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Measures a call by the CPU time that it takes.
pub(crate) fn measure<R>(bencher: &mut Bencher<'_>, mut call: impl FnMut() -> R) {
    bencher.iter_custom(|times| {
        let before = now();
        for _ in 0..times {
            black_box(call());
        }
        now() - before
    });
}
