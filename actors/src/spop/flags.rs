//! FLAGS: whether a frame is complete, and whether it is aborted.
//!
//! ```text
//! FLAGS : FIN 0x01 | ABORT 0x02                            (4 bytes, big-endian)
//! ```

/// The FLAGS of a frame. Unknown bits are ignored on input and zero on output.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags {
    /// The last (or only) fragment of a frame.
    pub fin: bool,
    /// The sender aborts the frame.
    pub abort: bool,
}

impl Flags {
    /// The flags of a frame that is not fragmented.
    pub const FIN: Self = Self { fin: true, abort: false };
    /// The flags of a fragment that is not the last one.
    pub const NONE: Self = Self { fin: false, abort: false };

    const FIN_BIT: u32 = 0x0000_0001;
    const ABORT_BIT: u32 = 0x0000_0002;

    pub(super) fn from_bits(bits: u32) -> Self {
        Self { fin: bits & Self::FIN_BIT != 0, abort: bits & Self::ABORT_BIT != 0 }
    }

    pub(super) fn bits(self) -> u32 {
        (u32::from(self.fin) * Self::FIN_BIT) | (u32::from(self.abort) * Self::ABORT_BIT)
    }
}
