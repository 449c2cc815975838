//! Hold: how long a connection holds its ACKs back before its farewell.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use crate::{quota::Share, silence::Silence};

/// How many looks make the quiet time.
const LOOKS: u32 = 10;
/// The shortest time from one look to the next: timers are no finer.
const SHORTEST_LOOK: Duration = Duration::from_millis(2);
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
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Received {
    /// Bytes, on the connection.
    pub(crate) bytes: u64,
    /// Reads that gave something, on all connections of its arbiter that are counted as its engine's.
    pub(crate) reads: u64,
}

/// A connection holds its ACKs back before its farewell.
///
/// There is no frame that tells HAProxy to send no more, and what it sends until it sees the farewell
/// is lost. But it sends no more than so many NOTIFYs without an ACK: once they have come, or no more
/// do, all ACKs and the farewell leave in one write, and nothing is under way.
///
/// What is quiet is looked at again and again, and time counts only while somebody looks: a machine
/// that stands still is quiet too, and HAProxy goes on when this side does. HAProxy may stand still by
/// itself: what comes on other connections of its engine shows that it does not; while nothing comes, it
/// is given four times as long. (At a stop all are quiet, and there is less time.) The clients whose
/// ACKs are held back are quiet as well, and ask again when they have them: so at a stop all connections
/// let go together, and else they hold one after the other.
#[derive(Debug)]
pub(crate) struct Hold {
    quiet_time: Duration,
    /// After how long without a read from its engine HAProxy is taken for quiet, and not to stand still.
    silent_time: Duration,
    /// Looks are at multiples of their interval from here.
    begun: Instant,
    /// What had come when it was looked at last.
    received: Received,
    /// When that was.
    looked_at: Instant,
    /// From when on a look tells what there is to read: a late one does not.
    counts_from: Instant,
    /// For how long nothing has come.
    quiet_for: Duration,
    /// For how long nothing has come from its engine.
    silent_for: Duration,
    /// Since when its engine is seen not to stand still.
    moves_since: Option<Instant>,
    /// When what is held back has waited for long enough.
    until: Instant,
    /// For how long an ACK may be held back.
    time: Duration,
    /// When it must be over, at a stop.
    last: Option<Instant>,
    /// What those that hold at the same time wait for.
    silence: Option<Arc<Silence>>,
    /// What lets no other hold at the same time, if the connection is too old.
    turn: Option<Share>,
}

impl Hold {
    /// Begins now, when so much has come, and the first ACK of what is in flight must leave at
    /// `first_due`. No ACK is held back beyond that, or for longer than `time`.
    pub(crate) fn new(
        now: Instant,
        received: Received,
        first_due: Option<Instant>,
        time: Duration,
    ) -> Self {
        let time = time.min(LONGEST);
        let quiet_time = (time / 10).clamp(SHORTEST_QUIET, LONGEST_QUIET);
        Self {
            quiet_time,
            silent_time: (4 * quiet_time).min(time / 2).max(quiet_time),
            begun: now,
            received,
            looked_at: now,
            counts_from: now,
            quiet_for: Duration::ZERO,
            silent_for: Duration::ZERO,
            moves_since: None,
            until: until(now, first_due, time),
            time,
            last: None,
            silence: None,
            turn: None,
        }
    }

    /// Is that of a connection that is too old, and keeps `turn` to its end.
    pub(crate) fn with_turn(self, turn: Share) -> Self {
        Self { turn: Some(turn), ..self }
    }

    /// Ends together with all others that wait for `silence`, and at `until` at the latest.
    pub(crate) fn join(&mut self, silence: Arc<Silence>, until: Instant) {
        self.begun = silence.begun();
        self.silence = Some(silence);
        self.last = Some(self.last.map_or(until, |last| last.min(until)));
    }

    /// What was held back has left; more may be.
    pub(crate) fn renew(&mut self, now: Instant, first_due: Option<Instant>) {
        self.until = until(now, first_due, self.time);
    }

    /// For how long an ACK may be held back.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    /// Whether it is, or was before a stop, that of a connection that is too old.
    pub(crate) fn is_recycling(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether it is that of a stop, which comes to its end in any case.
    pub(crate) fn is_of_a_stop(&self) -> bool {
        self.last.is_some()
    }

    /// Whether nothing may be waited for any longer.
    pub(crate) fn must_end(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now >= last)
    }

    /// Takes note of what has come.
    pub(crate) fn saw(&mut self, received: Received, now: Instant) {
        let elapsed = now - self.looked_at;
        let looked = elapsed.min(self.interval());
        let before = std::mem::replace(&mut self.received, received);
        self.looked_at = now;
        self.quiet_for += looked;
        self.silent_for += looked;
        if elapsed > self.interval() + LATE {
            self.counts_from = now + self.interval();
        }
        if received.bytes > before.bytes {
            self.quiet_for = Duration::ZERO;
            if let Some(silence) = &self.silence {
                silence.end(now);
            }
        }
        if received.reads > before.reads {
            self.silent_for = Duration::ZERO;
            self.moves_since.get_or_insert(now);
        } else if self.silent_for > 2 * self.interval() {
            self.moves_since = None;
        }
    }

    /// Whether nothing has come for long enough.
    pub(crate) fn is_quiet(&self) -> bool {
        // An HAProxy that goes on comes to this connection soon.
        let has_moved = |since: Instant| self.looked_at - since >= self.interval();
        let is_no_standstill = match &self.silence {
            Some(silence) => silence.lasted(self.looked_at) >= self.quiet_time,
            None => self.silent_for >= self.silent_time || self.moves_since.is_some_and(has_moved),
        };
        let is_quiet = self.quiet_for >= self.quiet_time && self.looked_at >= self.counts_from;
        is_quiet && is_no_standstill
    }

    /// Whether what is held back has waited for long enough.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Instant {
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

    /// Looks when it is due, for so long, with so many bytes received, and something comes elsewhere
    /// before every look.
    fn look(hold: &mut Hold, from: Instant, time: Duration, bytes: u64) -> Instant {
        let mut now = from;
        while now < from + time {
            now = hold.next().min(from + time);
            hold.saw(more_reads(hold, bytes), now);
        }
        now
    }

    /// Looks when it is due, for so long, while nothing comes anywhere.
    fn hear_nothing(hold: &mut Hold, from: Instant, time: Duration) -> Instant {
        let mut now = from;
        while now < from + time {
            now = hold.next().min(from + time);
            hold.saw(hold.received, now);
        }
        now
    }

    fn bytes(bytes: u64) -> Received {
        Received { bytes, reads: 0 }
    }

    fn more_reads(hold: &Hold, bytes: u64) -> Received {
        Received { bytes, reads: hold.received.reads + 1 }
    }

    #[tokio::test]
    async fn it_is_quiet_when_no_byte_has_come_for_the_quiet_time() {
        let now = Instant::now();
        let mut hold = Hold::new(now, bytes(7), None, SECOND);
        let now = look(&mut hold, now, QUIET / 2, 7);
        assert!(!hold.is_quiet());
        let now = look(&mut hold, now, QUIET / 2, 8);
        assert!(!hold.is_quiet());
        look(&mut hold, now, QUIET * 6 / 10, 8);
        assert!(hold.is_quiet());
    }

    #[tokio::test]
    async fn time_counts_only_while_somebody_looks() {
        let now = Instant::now();
        let mut hold = Hold::new(now, bytes(7), None, SECOND);
        let now = look(&mut hold, now, QUIET * 9 / 10, 7);
        hold.saw(more_reads(&hold, 7), now + QUIET);
        hold.saw(more_reads(&hold, 7), now + QUIET);
        assert!(!hold.is_quiet(), "the look came late: there may be more to read already");
        hold.saw(more_reads(&hold, 7), now + QUIET * 11 / 10);
        assert!(hold.is_quiet());
    }

    #[tokio::test]
    async fn haproxy_may_stand_still_while_nothing_comes_from_its_engine() {
        let now = Instant::now();
        let mut hold = Hold::new(now, bytes(7), None, SECOND);
        let now = look(&mut hold, now, QUIET * 9 / 10, 7);
        let now = hear_nothing(&mut hold, now, QUIET);
        assert!(!hold.is_quiet(), "it may go on with this connection");
        hold.saw(more_reads(&hold, 7), now + QUIET / 10);
        assert!(!hold.is_quiet(), "it goes on with another, and may come to this one");
        hold.saw(hold.received, now + QUIET * 2 / 10);
        assert!(hold.is_quiet(), "it has gone on for a while");
    }

    #[tokio::test]
    async fn nobody_stands_still_for_four_quiet_times() {
        let now = Instant::now();
        let mut hold = Hold::new(now, bytes(7), None, SECOND);
        let now = hear_nothing(&mut hold, now, 3 * QUIET);
        assert!(!hold.is_quiet());
        hear_nothing(&mut hold, now, QUIET);
        assert!(hold.is_quiet());
    }

    #[tokio::test]
    async fn the_shortest_quiet_time_is_seen_to_pass() {
        let now = Instant::now();
        let mut hold = Hold::new(now, bytes(7), Some(now + SECOND), 2 * SHORTEST_QUIET);
        hear_nothing(&mut hold, now, 2 * SHORTEST_QUIET);
        assert!(hold.is_quiet());
    }

    #[tokio::test]
    async fn those_that_stop_together_end_together() {
        let silence = Silence::begin();
        let begun = silence.begun();
        let [mut one, mut other] = [1, 3].map(|millis| {
            let mut hold = Hold::new(begun + Duration::from_millis(millis), bytes(0), None, SECOND);
            hold.join(Arc::clone(&silence), begun + SECOND);
            hold
        });
        let half = begun + QUIET / 2;
        look(&mut one, begun, QUIET / 2, 0);
        look(&mut other, begun, QUIET / 2, 1);
        assert_eq!(one.next(), other.next(), "they look together");
        look(&mut one, half, QUIET / 2, 0);
        assert!(!one.is_quiet(), "something has come on the other");
        let end = begun + QUIET;
        look(&mut other, half, QUIET / 2, 1);
        look(&mut one, end, QUIET / 2, 0);
        look(&mut other, end, QUIET / 2, 1);
        assert!(one.is_quiet() && other.is_quiet());
    }

    #[tokio::test]
    async fn no_ack_is_held_back_beyond_the_deadline_of_its_notify() {
        let now = Instant::now();
        for (first_due, held) in [(SECOND / 2, SECOND / 2), (2 * SECOND, SECOND)] {
            let hold = Hold::new(now, bytes(0), Some(now + first_due), 60 * SECOND);
            assert!(!hold.is_over(now) && hold.is_over(now + held), "{first_due:?}");
            assert!(!hold.is_over(now + held - QUIET), "{first_due:?}");
        }
    }

    #[tokio::test]
    async fn at_a_stop_it_ends_earlier_if_it_must() {
        let now = Instant::now();
        let mut hold = Hold::new(now, bytes(0), None, SECOND);
        hold.join(Silence::begin(), now + SECOND / 2);
        hold.join(Silence::begin(), now + 2 * SECOND);
        assert!(!hold.must_end(now) && hold.must_end(now + SECOND / 2));
    }
}
