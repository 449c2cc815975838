//! Dialogue: one connection as a machine: bytes in, faults and latencies out, NOTIFYs out.

use bytes::{Bytes, BytesMut};
use spoa_actors::{
    Actions, ForeignText,
    spop::{Frame, FrameHead, FrameType, MIN_FRAME_LENGTH},
};

use crate::load::{
    fault::Fault,
    in_flight::{Answered, InFlight},
    notify::Notify,
    pace::Pace,
    tally::Tally,
};

/// The length before a frame.
const LENGTH_SIZE: usize = 4;
/// More than this is not made before it is written.
const ENOUGH: usize = 256 * 1024;

/// One connection to the agent, HELLO behind it, without its socket.
#[derive(Debug)]
pub(crate) struct Dialogue {
    in_flight: InFlight,
    window: usize,
    pace: Pace,
    max_frame_size: usize,
    expected_actions: Option<u64>,
}

/// A frame without its length, and the bytes behind it.
type Cut<'a> = (&'a [u8], &'a [u8]);

/// The connection cannot be used any more; why has been counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Broken;

impl Dialogue {
    pub(crate) fn new(
        window: usize,
        pace: Pace,
        max_frame_size: usize,
        expected_actions: Option<u64>,
    ) -> Self {
        let in_flight = InFlight::new(window);
        Self { in_flight, window, pace, max_frame_size, expected_actions }
    }

    /// Whether no NOTIFY waits for its ACK.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_flight.count() == 0
    }

    /// Takes all complete frames; returns their size in bytes.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        now: u64,
        tally: &mut Tally,
    ) -> Result<usize, Broken> {
        let mut rest = bytes;
        let mut acks = 0;
        let taken = loop {
            match self.cut(rest) {
                Ok(Some((frame, after))) => {
                    rest = after;
                    if let Err(broken) = self.judge(frame, now, tally, &mut acks) {
                        break Err(broken);
                    }
                }
                Ok(None) => break Ok(bytes.len() - rest.len()),
                Err(fault) => {
                    tally.fault(fault, rest);
                    break Err(Broken);
                }
            }
        };
        tally.end_of_read(acks, now);
        taken
    }

    /// Appends the NOTIFYs whose time has come, as the window has room, up to `left` of them.
    pub(crate) fn give(
        &mut self,
        notify: &Notify,
        left: u64,
        now: u64,
        output: &mut BytesMut,
    ) -> u64 {
        let mut given = 0;
        while given < left && self.in_flight.count() < self.window && output.len() < ENOUGH {
            let Some(due) = self.pace.take(now) else { break };
            notify.write(self.in_flight.open(due), output);
            given += 1;
        }
        given
    }

    /// The first frame and what is behind it, if it is there as a whole.
    #[inline]
    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<Cut<'a>>, Fault> {
        let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_SIZE>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > self.max_frame_size {
            return Err(Fault::TooLarge);
        }
        if length < MIN_FRAME_LENGTH as usize {
            return Err(Fault::Malformed);
        }
        Ok(rest.split_at_checked(length))
    }

    #[inline]
    fn judge(
        &mut self,
        frame: &[u8],
        now: u64,
        tally: &mut Tally,
        acks: &mut u64,
    ) -> Result<(), Broken> {
        match self.ack(frame, tally) {
            Ok((answered, actions)) => {
                let latency = now.saturating_sub(answered.due);
                tally.answer(latency, actions, answered.is_overtaken);
                *acks += 1;
                Ok(())
            }
            Err(Fault::Disconnected) => {
                tally.fault_with(Fault::Disconnected, || disconnect_text(frame));
                Err(Broken)
            }
            Err(fault) => {
                tally.fault(fault, frame);
                Ok(())
            }
        }
    }

    /// The NOTIFY that the frame answers, and with how many actions.
    #[inline]
    fn ack(&mut self, frame: &[u8], tally: &mut Tally) -> Result<(Answered, u64), Fault> {
        let (head, payload) = FrameHead::read(frame).map_err(|_| Fault::Malformed)?;
        match head.frame_type {
            FrameType::ACK => {}
            FrameType::AGENT_DISCONNECT => return Err(Fault::Disconnected),
            _ => return Err(Fault::Malformed),
        }
        let answered = self.in_flight.settle(head.stream_id.0, head.frame_id.0)?;
        tally.in_flight -= 1;
        if !head.flags.fin {
            return Err(Fault::NotFinal);
        }
        if head.flags.abort {
            return Err(Fault::Aborted);
        }
        let actions = Actions::decode(payload).map_err(|_| Fault::Malformed)?.iter().count() as u64;
        match self.expected_actions {
            Some(expected) if expected != actions => Err(Fault::Malformed),
            _ => Ok((answered, actions)),
        }
    }
}

/// The reason in the agent's DISCONNECT.
fn disconnect_text(frame: &[u8]) -> String {
    match Frame::decode(Bytes::copy_from_slice(frame)) {
        Ok(Frame::AgentDisconnect(disconnect)) => format!(
            "the agent disconnects with status {}: {}",
            disconnect.status_code,
            ForeignText::new(&*disconnect.message)
        ),
        _ => format!("{}, and broke the protocol by it", Fault::Disconnected),
    }
}

#[cfg(test)]
mod tests {
    use spoa_actors::{
        Message, Scope,
        spop::{Ack, Disconnect, FrameId, StatusCode, StreamId},
    };

    use super::*;
    use crate::load::{fault::Faults, pace::Schedule};

    /// Type, flags, stream-id 1 and frame-id 1 of an ACK without actions.
    const ACK: [u8; 7] = [103, 0, 0, 0, 1, 1, 1];

    /// A dialogue, its tally, and what it has sent.
    struct Scene {
        dialogue: Dialogue,
        tally: Tally,
        sent: BytesMut,
    }

    impl Scene {
        /// With a full window of NOTIFYs sent at 0.
        fn with(window: usize, expected_actions: Option<u64>) -> Self {
            Self::paced(window, Pace::AsAnswered, expected_actions)
        }

        fn paced(window: usize, pace: Pace, expected_actions: Option<u64>) -> Self {
            let dialogue = Dialogue::new(window, pace, 64, expected_actions);
            let mut scene = Self { dialogue, tally: Tally::new(), sent: BytesMut::new() };
            scene.give(u64::MAX, 0);
            scene
        }

        fn give(&mut self, left: u64, now: u64) -> u64 {
            let notify = Notify::new(&Message::new("m"));
            let given = self.dialogue.give(&notify, left, now, &mut self.sent);
            self.tally.in_flight += given;
            given
        }

        fn take(&mut self, bytes: &[u8], now: u64) -> Result<usize, Broken> {
            self.dialogue.take(bytes, now, &mut self.tally)
        }
    }

    fn framed(frame: &[u8]) -> Vec<u8> {
        [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
    }

    fn ack(stream_id: u64, actions: Actions) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        let (stream_id, frame_id) = (StreamId(stream_id), FrameId(1));
        Frame::Ack(Ack { stream_id, frame_id, actions }).encode(&mut bytes);
        bytes.to_vec()
    }

    fn one(fault: Fault) -> Faults {
        let mut faults = Faults::default();
        faults.add(fault, 1);
        faults
    }

    #[test]
    fn a_right_answer_in_any_order_is_no_fault() {
        let mut scene = Scene::with(3, None);
        let two = Actions::new().set_var(Scope::Session, "a", 1).unwrap();
        let two = two.unset_var(Scope::Session, "b").unwrap();
        let answers = [ack(3, two), ack(1, Actions::new()), ack(5, Actions::new())].concat();
        assert_eq!(scene.take(&answers, 7000), Ok(answers.len()));
        let tally = &scene.tally;
        assert_eq!((&tally.faults, tally.frames), (&Faults::default(), 3));
        assert_eq!((tally.out_of_order, tally.actions, tally.reads), (1, Some((0, 2)), 1));
        assert_eq!((tally.latency.len(), tally.in_flight), (3, 0));
        assert!(scene.dialogue.is_quiet());
    }

    #[test]
    fn the_bytes_may_come_in_any_portions() {
        let answers = [ack(1, Actions::new()), ack(3, Actions::new())].concat();
        for cut in 0..answers.len() {
            let mut scene = Scene::with(2, None);
            let taken = scene.take(&answers[..cut], 1).unwrap();
            assert!(taken <= cut);
            assert_eq!(scene.take(&answers[taken..], 2), Ok(answers.len() - taken));
            assert_eq!((scene.tally.frames, scene.tally.faults.total()), (2, 0));
        }
    }

    #[test]
    fn every_fault_of_an_answer_is_found() {
        let with = |at: usize, byte: u8| {
            let mut frame = ACK;
            frame[at] = byte;
            frame.to_vec()
        };
        for (frame, fault) in [
            (with(5, 3), Fault::Unmatched),
            (with(5, 2), Fault::Unmatched),
            (with(5, 0), Fault::Unmatched),
            (with(6, 2), Fault::Unmatched),
            (with(4, 0), Fault::NotFinal),
            (with(4, 3), Fault::Aborted),
            (with(0, 101), Fault::Malformed),
            (with(6, 0xf0), Fault::Malformed),
            ([&ACK[..], &[1]].concat(), Fault::Malformed),
            ([&ACK[..], b"\x02\x02\x09\x01a"].concat(), Fault::Malformed),
        ] {
            let mut scene = Scene::with(1, None);
            let bytes = framed(&frame);
            assert_eq!(scene.take(&bytes, 1), Ok(bytes.len()), "{frame:?}");
            assert_eq!((&scene.tally.faults, scene.tally.frames), (&one(fault), 0), "{frame:?}");
            let first = scene.tally.first_fault.unwrap();
            assert!(first.starts_with(&fault.to_string()) && first.contains("0x6"), "{first}");
        }
    }

    #[test]
    fn a_second_answer_is_a_duplicate() {
        let mut scene = Scene::with(1, None);
        let twice = [framed(&ACK), framed(&ACK)].concat();
        assert_eq!(scene.take(&twice, 1), Ok(twice.len()));
        assert_eq!((&scene.tally.faults, scene.tally.frames), (&one(Fault::Duplicate), 1));
    }

    #[test]
    fn a_missing_answer_is_a_loss() {
        let mut scene = Scene::with(2, None);
        scene.take(&framed(&ACK), 1).unwrap();
        scene.tally.finish();
        assert_eq!((&scene.tally.faults, scene.tally.frames), (&one(Fault::Lost), 1));
    }

    #[test]
    fn another_number_of_actions_than_expected_is_a_fault() {
        let mut scene = Scene::with(1, Some(1));
        scene.take(&framed(&ACK), 1).unwrap();
        assert_eq!(scene.tally.faults, one(Fault::Malformed));
    }

    #[test]
    fn what_cannot_be_followed_breaks_the_connection() {
        let mut bytes = BytesMut::new();
        Frame::AgentDisconnect(Disconnect::new(StatusCode::TIMEOUT)).encode(&mut bytes);
        for (bytes, fault, text) in [
            (&framed(&[0; 65])[..], Fault::TooLarge, "0x00000041"),
            (&framed(&[0; 6]), Fault::Malformed, "0x00000006"),
            (&bytes, Fault::Disconnected, "with status 2 (a timeout occurred): a timeout occurred"),
            (&framed(&[102, 0, 0, 0, 1, 0, 0, 1]), Fault::Disconnected, "broke the protocol"),
        ] {
            let mut scene = Scene::with(1, None);
            assert_eq!(scene.take(bytes, 1), Err(Broken));
            assert_eq!(scene.tally.faults, one(fault));
            let first = scene.tally.first_fault.unwrap();
            assert!(first.contains(text), "{first}");
        }
    }

    #[test]
    fn the_window_and_what_is_left_bound_what_is_sent() {
        let mut scene = Scene::with(3, None);
        assert_eq!(scene.tally.in_flight, 3);
        assert_eq!(scene.give(9, 1), 0);
        scene.take(&framed(&ACK), 2).unwrap();
        assert_eq!(scene.give(0, 3), 0);
        assert_eq!(scene.give(9, 3), 1);
        assert!(Scene::with(0, None).sent.is_empty());
    }

    #[test]
    fn in_an_open_loop_a_latency_counts_from_when_the_notify_was_due() {
        let ms = 1_000_000;
        let pace = Pace::ByTheClock(Schedule::new(1000, 0, 0, 1));
        let mut scene = Scene::paced(1, pace, None);
        // The agent is silent for 10 ms: the window has no room, though ten more are due.
        assert_eq!((scene.tally.in_flight, scene.give(99, 10 * ms)), (1, 0));
        scene.take(&ack(1, Actions::new()), 10 * ms).unwrap();
        assert_eq!(scene.give(99, 10 * ms), 1);
        scene.take(&ack(3, Actions::new()), 11 * ms).unwrap();
        let latency = &scene.tally.latency;
        // Due at 1 ms, sent at 10, answered at 11.
        let least = latency.lowest_equivalent(10 * ms);
        assert_eq!((latency.len(), latency.lowest_equivalent(latency.min())), (2, least));
    }

    #[test]
    fn what_comes_in_the_warm_up_is_forgotten_but_for_its_faults() {
        let mut scene = Scene::with(2, None);
        let answers = [framed(&ACK), framed(&ACK)].concat();
        scene.take(&answers, 5).unwrap();
        scene.tally.end_warm_up();
        assert_eq!((scene.tally.frames, scene.tally.latency.len()), (0, 0));
        assert_eq!((scene.tally.in_flight, &scene.tally.faults), (1, &one(Fault::Duplicate)));
    }
}
