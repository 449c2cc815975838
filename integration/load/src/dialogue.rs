//! Dialogue: one connection as a machine: bytes in, faults and latencies out, NOTIFYs out.

use bytes::Bytes;
use spoa_actors::spop::Frame;

use crate::{
    ack::{self, FrameParts, count_actions},
    fault::Fault,
    in_flight::{Answered, InFlight},
    notify::Notify,
    pace::Pace,
    tally::Tally,
};

/// The length before a frame.
const LENGTH_SIZE: usize = 4;
/// Type, flags, and two ids of one byte each.
const SHORTEST: usize = 7;
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

    /// Whether no answer is waited for.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_flight.count() == 0
    }

    /// Takes all frames that are there as a whole; says how many bytes they are.
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

    /// Appends the NOTIFYs that are due, as the window has room, `left` of them at the most.
    pub(crate) fn give(
        &mut self,
        notify: &Notify,
        left: u64,
        now: u64,
        output: &mut Vec<u8>,
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
    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(&'a [u8], &'a [u8])>, Fault> {
        let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_SIZE>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > self.max_frame_size {
            return Err(Fault::TooLarge);
        }
        if length < SHORTEST {
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
                tally.fault_with(Fault::Disconnected, || farewell(frame));
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
        let parts = FrameParts::read(frame).ok_or(Fault::Malformed)?;
        match parts.frame_type {
            ack::ACK => {}
            ack::AGENT_DISCONNECT => return Err(Fault::Disconnected),
            _ => return Err(Fault::Malformed),
        }
        let answered = self.in_flight.settle(parts.stream_id, parts.frame_id)?;
        tally.in_flight -= 1;
        if parts.flags & ack::FIN == 0 {
            return Err(Fault::NotFinal);
        }
        if parts.flags & ack::ABORT != 0 {
            return Err(Fault::Aborted);
        }
        let actions = count_actions(parts.payload).ok_or(Fault::Malformed)?;
        match self.expected_actions {
            Some(expected) if expected != actions => Err(Fault::Malformed),
            _ => Ok((answered, actions)),
        }
    }
}

/// What the agent says as it leaves.
fn farewell(frame: &[u8]) -> String {
    match Frame::decode(Bytes::copy_from_slice(frame)) {
        Ok(Frame::AgentDisconnect(disconnect)) => format!(
            "the agent disconnects with status {}: {}",
            disconnect.status_code, disconnect.message
        ),
        _ => format!("{}, and broke the protocol by it", Fault::Disconnected),
    }
}
