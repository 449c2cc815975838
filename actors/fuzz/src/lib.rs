//! What the fuzz targets share: the grammar said a second time, and a meter for allocations.

pub mod model;

use allocation_counter::AllocationInfo;
use bytes::{Bytes, BytesMut};
use spoa_actors::spop::{Frame, FrameType};

/// A whole frame of this type around `payload`, with ids 0 and without its length.
#[must_use]
pub fn whole(frame_type: FrameType, payload: &[u8]) -> Bytes {
    [&[frame_type.0, 0, 0, 0, 1, 0, 0], payload].concat().into()
}

/// The frame as it goes onto the wire.
#[must_use]
pub fn encoded(frame: &Frame) -> BytesMut {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes
}

/// Does `work`, and says what it allocated.
pub fn metered<T>(work: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(work()));
    (result.expect("work was done"), info)
}
