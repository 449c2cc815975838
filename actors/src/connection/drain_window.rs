//! Drain window: how long a connection holds its ACKs back before its DISCONNECT.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::drain_clock::DrainClock;
use crate::arbiter::Reservation;

/// How many looks make the quiet time.
const LOOKS: u32 = 10;
/// The shortest time from one look to the next: timers are no finer.
const SHORTEST_LOOK: Duration = Duration::from_millis(2);
/// How many NOTIFYs HAProxy sends without an ACK, unless `max-waiting-frames` says otherwise.
const FULL: u64 = 20;
/// How long no NOTIFY may have come for HAProxy to have sent all that it may without an ACK: a tenth of
/// the time for which ACKs may be held back, within these bounds.
const SHORTEST_QUIET: Duration = Duration::from_millis(5);
const LONGEST_QUIET: Duration = Duration::from_millis(100);
/// The longest time for which ACKs are held back, ten of the longest quiet times: somebody waits for
/// each of them.
const LONGEST: Duration = Duration::from_secs(1);
/// How late a look may come and still tell what there is to read.
const LATE: Duration = Duration::from_millis(5);

/// What has come so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Received {
    /// Bytes.
    pub(super) bytes: u64,
    /// NOTIFYs.
    pub(super) notifies: u64,
}

/// A connection holds its ACKs back before its DISCONNECT.
///
/// There is no frame that tells HAProxy to send no more, and what it sends until it sees the DISCONNECT
/// is lost. But it sends no more than so many NOTIFYs without an ACK: once they have come, or no more
/// do, all ACKs and the DISCONNECT leave in one write, and nothing is under way.
///
/// What is quiet is looked at again and again, and time counts only while somebody looks: a machine
/// that stands still is quiet too, and HAProxy goes on when this side does. But HAProxy may stand still
/// by itself, or have preferred other connections until now: if it may send more without an ACK, it is
/// given four times as long. (At a stop all are quiet, and there is less time.) The clients whose ACKs
/// are held back are quiet as well, and ask again when they have them: so at a stop all connections let
/// go together, and else they hold one after the other.
#[derive(Debug)]
pub(super) struct DrainWindow {
    quiet_time: Duration,
    /// The same if HAProxy may send more without an ACK.
    patience: Duration,
    /// Looks are at multiples of their interval from here.
    begun: Instant,
    /// What had come when it was looked at last.
    received: Received,
    /// How many NOTIFYs were answered before.
    answered: u64,
    /// When it was looked at last.
    looked_at: Instant,
    /// From when on a look tells what there is to read: a late one does not.
    counts_from: Instant,
    /// For how long nothing has come.
    quiet_for: Duration,
    /// When what is held back has waited for long enough.
    until: Instant,
    /// For how long an ACK may be held back.
    time: Duration,
    /// When it must be over, at a stop.
    last: Option<Instant>,
    /// What those that hold at the same time wait for.
    clock: Option<Arc<DrainClock>>,
    /// What lets no other hold at the same time, if the connection is too old.
    recycle_slot: Option<Reservation>,
}

impl DrainWindow {
    /// Begins now, when so much has come, and so much of it is not answered. No ACK is held back for
    /// longer than `time`, or beyond `first_due`, when the first of what is in flight must leave.
    pub(super) fn new(
        now: Instant,
        received: Received,
        unanswered: usize,
        time: Duration,
        first_due: Option<Instant>,
    ) -> Self {
        let time = time.min(LONGEST);
        let quiet_time = (time / 10).clamp(SHORTEST_QUIET, LONGEST_QUIET);
        Self {
            quiet_time,
            patience: (4 * quiet_time).min(time / 2).max(quiet_time),
            begun: now,
            received,
            answered: received.notifies.saturating_sub(unanswered as u64),
            looked_at: now,
            counts_from: now,
            quiet_for: Duration::ZERO,
            until: until(now, first_due, time),
            time,
            last: None,
            clock: None,
            recycle_slot: None,
        }
    }

    /// Is that of a connection that is too old, and keeps `recycle_slot` to its end.
    pub(super) fn with_recycle_slot(self, recycle_slot: Reservation) -> Self {
        Self { recycle_slot: Some(recycle_slot), ..self }
    }

    /// Ends together with all others that wait for `drain_clock`, and at `until` at the latest.
    pub(super) fn join(&mut self, clock: Arc<DrainClock>, until: Instant) {
        self.begun = clock.begun();
        self.clock = Some(clock);
        self.last = Some(self.last.map_or(until, |last| last.min(until)));
    }

    /// What was held back has left; more may be.
    pub(super) fn renew(&mut self, now: Instant, first_due: Option<Instant>) {
        self.until = until(now, first_due, self.time);
    }

    /// For how long an ACK may be held back.
    pub(super) fn time(&self) -> Duration {
        self.time
    }

    /// Whether it is, or was before a stop, that of a connection that is too old.
    pub(super) fn is_recycling(&self) -> bool {
        self.recycle_slot.is_some()
    }

    /// Whether it is that of a stop, which comes to its end in any case.
    pub(super) fn is_of_a_stop(&self) -> bool {
        self.last.is_some()
    }

    /// Whether nothing may be waited for any longer.
    pub(super) fn must_end(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now >= last)
    }

    /// Takes note of what has come.
    pub(super) fn saw(&mut self, received: Received, now: Instant) {
        let elapsed = now - self.looked_at;
        // A look that comes late counts for no more than one that came in time: during the rest nobody
        // looked, as the thread was busy or the machine stood still, and HAProxy may have been slowed down
        // by the same.
        let looked = elapsed.min(self.interval());
        let before = std::mem::replace(&mut self.received, received);
        self.looked_at = now;
        self.quiet_for += looked;
        if elapsed > self.interval() + LATE {
            self.counts_from = now + self.interval();
        }
        // Bytes and not NOTIFYs: half a frame announces the rest of it.
        if received.bytes > before.bytes {
            self.quiet_for = Duration::ZERO;
            if let Some(clock) = &self.clock {
                clock.end(now);
            }
        }
    }

    /// Whether nothing has come for long enough.
    pub(super) fn is_quiet(&self) -> bool {
        let held_back = self.received.notifies - self.answered;
        let is_full = held_back >= FULL;
        // Who gets an ACK asks again at once, where there is room: so connections go in the order of their
        // room, and those without any go last.
        let turn = match held_back {
            0 => 0,
            _ if is_full => 2,
            _ => 1,
        };
        // With a clock, it is the silence of all that counts, and each waits for its turn in it. Without
        // one, only this connection ends, and patience is needed for a HAProxy that may still send.
        let (time, is_silent) = match &self.clock {
            Some(clock) => {
                let time = self.quiet_time + turn * self.interval();
                (self.quiet_time, clock.lasted(self.looked_at) >= time)
            }
            None if is_full => (self.quiet_time, true),
            None => (self.patience, true),
        };
        is_silent && self.quiet_for >= time && self.looked_at >= self.counts_from
    }

    /// Whether what is held back has waited for long enough.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// When to look again.
    pub(super) fn next(&self) -> Instant {
        // Looks of all connections of a stop fall on the same multiples: those that find silence find it in
        // the same wake-up of their arbiter, and their DISCONNECTs leave together.
        let passed = (self.looked_at - self.begun).as_micros() / self.interval().as_micros();
        let looks = u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1);
        let look = self.begun + self.interval() * looks;
        let ends = [Some(self.until), self.last].into_iter().flatten();
        ends.filter(|end| *end > self.looked_at).fold(look, Instant::min)
    }

    /// From one look to the next.
    fn interval(&self) -> Duration {
        (self.quiet_time / LOOKS).max(SHORTEST_LOOK)
    }
}

/// When an ACK that is ready shall wait no longer.
fn until(now: Instant, first_due: Option<Instant>, time: Duration) -> Instant {
    first_due.map_or(now + time, |due| due.min(now + time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const QUIET: Duration = Duration::from_millis(100);

    /// Looks when it is due, for so long, with so many bytes received.
    fn look(window: &mut DrainWindow, from: Instant, time: Duration, bytes: u64) -> Instant {
        let mut now = from;
        while now < from + time {
            now = window.next().min(from + time);
            window.saw(Received { bytes, ..window.received }, now);
        }
        now
    }

    /// Of a connection with so many NOTIFYs that are not answered, seven bytes of which have come.
    fn window(now: Instant, unanswered: u64) -> DrainWindow {
        let received = Received { bytes: 7, notifies: 100 + unanswered };
        DrainWindow::new(now, received, unanswered as usize, SECOND, None)
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_stop_whoever_has_room_goes_before_whoever_has_none() {
        let now = Instant::now();
        let quiet = |unanswered, time| {
            let mut window = window(now, unanswered);
            window.join(DrainClock::begin(), now + SECOND);
            look(&mut window, now, time, 7);
            window.is_quiet()
        };
        let look = QUIET / LOOKS;
        let after =
            |looks: u32| [0, 1, FULL - 1, FULL].map(|held| quiet(held, QUIET + looks * look));
        assert_eq!(after(0), [true, false, false, false]);
        assert_eq!(after(1), [true, true, true, false]);
        assert_eq!(after(2), [true; 4]);
    }

    #[tokio::test]
    async fn it_is_quiet_when_no_byte_has_come_for_the_quiet_time() {
        let now = Instant::now();
        let mut window = window(now, FULL);
        let now = look(&mut window, now, QUIET / 2, 7);
        assert!(!window.is_quiet());
        let now = look(&mut window, now, QUIET / 2, 8);
        assert!(!window.is_quiet());
        look(&mut window, now, QUIET * 6 / 10, 8);
        assert!(window.is_quiet());
    }

    #[tokio::test]
    async fn time_counts_only_while_somebody_looks() {
        let now = Instant::now();
        let mut window = window(now, FULL);
        let now = look(&mut window, now, QUIET * 9 / 10, 7);
        window.saw(window.received, now + QUIET);
        window.saw(window.received, now + QUIET);
        assert!(!window.is_quiet(), "the look came late: there may be more to read already");
        window.saw(window.received, now + QUIET * 11 / 10);
        assert!(window.is_quiet());
    }

    #[tokio::test]
    async fn haproxy_that_may_send_more_is_given_four_times_as_long() {
        let now = Instant::now();
        let mut window = window(now, FULL - 1);
        let now = look(&mut window, now, 3 * QUIET, 7);
        assert!(!window.is_quiet(), "it may send one more");
        let now = look(&mut window, now, QUIET, 7);
        assert!(window.is_quiet());
        window.saw(Received { bytes: 8, notifies: window.received.notifies + 1 }, now);
        look(&mut window, now, QUIET, 8);
        assert!(window.is_quiet(), "it may send no more");
    }

    #[tokio::test]
    async fn the_shortest_quiet_time_is_seen_to_pass() {
        let now = Instant::now();
        let received = Received::default();
        let mut window = DrainWindow::new(now, received, 0, 2 * SHORTEST_QUIET, Some(now + SECOND));
        look(&mut window, now, 2 * SHORTEST_QUIET, 0);
        assert!(window.is_quiet());
    }

    #[tokio::test]
    async fn those_that_stop_together_end_together() {
        let clock = DrainClock::begin();
        let begun = clock.begun();
        let [mut one, mut other] = [1, 3].map(|millis| {
            let mut window = window(begun + Duration::from_millis(millis), 0);
            window.join(Arc::clone(&clock), begun + SECOND);
            window
        });
        let half = begun + QUIET / 2;
        look(&mut one, begun, QUIET / 2, 7);
        look(&mut other, begun, QUIET / 2, 8);
        assert_eq!(one.next(), other.next(), "they look together");
        look(&mut one, half, QUIET / 2, 7);
        assert!(!one.is_quiet(), "something has come on the other");
        let end = begun + QUIET;
        look(&mut other, half, QUIET / 2, 8);
        look(&mut one, end, QUIET / 2, 7);
        look(&mut other, end, QUIET / 2, 8);
        assert!(one.is_quiet() && other.is_quiet());
    }

    #[tokio::test]
    async fn no_ack_is_held_back_beyond_the_deadline_of_its_notify() {
        let now = Instant::now();
        for (first_due, held) in [(SECOND / 2, SECOND / 2), (2 * SECOND, SECOND)] {
            let first_due = now + first_due;
            let window =
                DrainWindow::new(now, Received::default(), 1, 60 * SECOND, Some(first_due));
            assert!(!window.is_over(now) && window.is_over(now + held), "{first_due:?}");
            assert!(!window.is_over(now + held - QUIET), "{first_due:?}");
        }
    }

    #[tokio::test]
    async fn at_a_stop_it_ends_earlier_if_it_must() {
        let now = Instant::now();
        let mut window = window(now, 0);
        window.join(DrainClock::begin(), now + SECOND / 2);
        window.join(DrainClock::begin(), now + 2 * SECOND);
        assert!(!window.must_end(now) && window.must_end(now + SECOND / 2));
    }
}
