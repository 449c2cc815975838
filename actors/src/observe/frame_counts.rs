//! Frame counts: how many frames of each type went one way, and how many bytes.

use crate::spop::FrameType;

/// Frames and bytes by the type of the frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FrameCounts([FrameCount; LABELS.len()]);

/// Frames of one type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct FrameCount {
    /// How many frames.
    pub frames: u64,
    /// How many bytes, those of the length before each frame included.
    pub bytes: u64,
}

/// All types that the specification knows, in the order of their numbers.
const TYPES: [FrameType; 7] = [
    FrameType::UNSET,
    FrameType::HAPROXY_HELLO,
    FrameType::HAPROXY_DISCONNECT,
    FrameType::NOTIFY,
    FrameType::AGENT_HELLO,
    FrameType::AGENT_DISCONNECT,
    FrameType::ACK,
];

/// The label of each, and last that of all others.
const LABELS: [&str; TYPES.len() + 1] = [
    "unset",
    "haproxy-hello",
    "haproxy-disconnect",
    "notify",
    "agent-hello",
    "agent-disconnect",
    "ack",
    "unknown",
];

impl FrameCounts {
    /// Those of one type; all types that the specification does not know are one.
    #[must_use]
    pub fn of(&self, frame_type: FrameType) -> FrameCount {
        self.0[index(frame_type)]
    }

    /// Every type by its name: that of the specification in lower case, `unset` for the continuations
    /// of a frame in fragments, and `unknown` for all that it does not know.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, FrameCount)> {
        LABELS.into_iter().zip(self.0)
    }

    pub(crate) fn count(&mut self, frame_type: FrameType, bytes: usize) {
        self.add_to(frame_type, FrameCount { frames: 1, bytes: bytes as u64 });
    }

    pub(super) fn add_to(&mut self, frame_type: FrameType, more: FrameCount) {
        self.0[index(frame_type)].add(more);
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            count.add(more);
        }
    }
}

impl FrameCount {
    fn add(&mut self, other: Self) {
        let Self { frames, bytes } = other;
        self.frames += frames;
        self.bytes += bytes;
    }
}

fn index(frame_type: FrameType) -> usize {
    TYPES.iter().position(|&known| known == frame_type).unwrap_or(TYPES.len())
}
