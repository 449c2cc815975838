//! Progress: one line a second on stderr, which rewrites itself on a terminal.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use crate::load::shared::Shared;

/// Prints until it is dropped.
pub(crate) async fn print(shared: &Shared) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut before = (0, shared.now());
    loop {
        ticks.tick().await;
        let now = shared.now();
        let line = line(shared, before, now);
        before = (shared.tally.borrow().frames, now);
        let mut out = io::stderr().lock();
        // The load continues even if stderr is closed.
        let _ = if out.is_terminal() {
            write!(out, "\r\x1b[K{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
    }
}

/// Leaves the line where it is, or takes it away where it would be rewritten.
pub(crate) fn end() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

fn line(shared: &Shared, (frames, at): (u64, u64), now: u64) -> String {
    let tally = shared.tally.borrow();
    let seconds = now.saturating_sub(at) as f64 / 1e9;
    // It restarts at the end of the warm-up.
    let rate = tally.frames.saturating_sub(frames) as f64 / seconds;
    let p99 = tally.latency.value_at_quantile(0.99) as f64 / 1e3;
    let errors = tally.faults.total();
    format!("{rate:.0} frames/s, p99 {p99:.1} us, {} in flight, {errors} errors", tally.in_flight)
}
