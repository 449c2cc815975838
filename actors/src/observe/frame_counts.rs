//! Frame counts: frames and bytes in one direction, by frame type.

use crate::spop::FrameType;

/// Frames and bytes by frame type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FrameCounts([FrameCount; LABELS.len()]);

/// The frames of one type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct FrameCount {
    /// The number of frames.
    pub frames: u64,
    /// Their bytes, with the length before each frame.
    pub bytes: u64,
}

/// All types of the specification, in numeric order.
const TYPES: [FrameType; 7] = [
    FrameType::UNSET,
    FrameType::HAPROXY_HELLO,
    FrameType::HAPROXY_DISCONNECT,
    FrameType::NOTIFY,
    FrameType::AGENT_HELLO,
    FrameType::AGENT_DISCONNECT,
    FrameType::ACK,
];

/// The label of each type, and that of all unknown types.
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
    /// The counts of one type. All unknown types have one count.
    #[must_use]
    pub fn of(&self, frame_type: FrameType) -> FrameCount {
        self.0[index(frame_type)]
    }

    /// The counts of every type, with its label: the specification's name in lower case, `unset`
    /// for further fragments, `unknown` for types that the specification does not have.
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
