//! Pacer: wakes each connection at the time of its next NOTIFY.

use std::{convert::Infallible, io, os::fd::OwnedFd, rc::Rc, time::Duration};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::load::{pace::Schedule, shared::Shared};

/// A timer of 0 would never expire.
const SHORTEST: u64 = 1_000;

/// Wakes the connections in turn, by the beats of this schedule, until it is dropped.
///
/// It has its own timer, because the runtime's has a resolution of 1 ms.
pub(crate) async fn wake_in_turn(
    shared: Rc<Shared>,
    mut schedule: Schedule,
    connections: usize,
) -> io::Result<Infallible> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    #[allow(deprecated, reason = "the successor is unsafe, and an OwnedFd keeps its descriptor")]
    let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
    loop {
        let now = shared.now();
        while schedule.next() <= now {
            shared.wake((schedule.beat() % connections as u64) as usize);
            let _ = schedule.take(now);
        }
        wait(&timer, schedule.next().saturating_sub(shared.now())).await?;
    }
}

async fn wait(timer: &AsyncFd<OwnedFd>, nanoseconds: u64) -> io::Result<()> {
    let value = Timespec::try_from(Duration::from_nanos(nanoseconds.max(SHORTEST)))
        .map_err(io::Error::other)?;
    let expiry = Itimerspec { it_interval: Timespec::default(), it_value: value };
    // What it may have expired before is forgotten by this.
    timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &expiry)?;
    timer.readable().await?.clear_ready();
    Ok(())
}
