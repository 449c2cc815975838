//! CAPABILITIES: the optional features of one side.
//!
//! ```text
//! capabilities : "pipelining,async,fragmentation"      (comma-separated, any subset, may be empty)
//! ```

use std::fmt;

/// The capabilities of one side, or those that both sides agreed on. Unknown names are ignored.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// Several NOTIFYs can be in flight, and their ACKs arrive in any order.
    pub pipelining: bool,
    /// An ACK can take another connection of the same engine (`async`; HAProxy up to 3.0).
    pub asynchronous: bool,
    /// The side accepts frames in fragments.
    pub fragmentation: bool,
}

impl Capabilities {
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut capabilities = Self::default();
        for name in text.split(|&byte| byte == b',') {
            match name.trim_ascii() {
                b"pipelining" => capabilities.pipelining = true,
                b"async" => capabilities.asynchronous = true,
                b"fragmentation" => capabilities.fragmentation = true,
                _ => {}
            }
        }
        capabilities
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (has, name) in [
            (self.pipelining, "pipelining"),
            (self.asynchronous, "async"),
            (self.fragmentation, "fragmentation"),
        ] {
            if has {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}
