//! STATUS-CODE: why a side disconnects.

use std::fmt;

/// The status-code of a DISCONNECT frame. Codes without a name here are kept.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct StatusCode(pub u32);

macro_rules! status_codes {
    ($($number:literal $name:ident $text:literal,)+) => {
        impl StatusCode {
            $(
                #[doc = concat!($text, " (", stringify!($number), ").")]
                pub const $name: Self = Self($number);
            )+

            /// Whether the specification has a name for this code.
            #[must_use]
            pub fn is_registered(self) -> bool {
                matches!(self.0, $($number)|+)
            }

            /// The specification's text for this code.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self.0 {
                    $($number => $text,)+
                    _ => "unregistered status code",
                }
            }
        }
    };
}

status_codes! {
    0 NORMAL "normal",
    1 IO_ERROR "I/O error",
    2 TIMEOUT "a timeout occurred",
    3 TOO_BIG "frame is too big",
    4 INVALID "invalid frame received",
    5 NO_VERSION "version value not found",
    6 NO_FRAME_SIZE "max-frame-size value not found",
    7 NO_CAPABILITIES "capabilities value not found",
    8 BAD_VERSION "unsupported version",
    9 BAD_FRAME_SIZE "max-frame-size too big or too small",
    10 NO_FRAGMENTATION "fragmentation not supported",
    11 INTERLACED "invalid interlaced frames",
    12 FRAME_NOT_FOUND "frame-id not found",
    13 NO_RESOURCE "resource allocation error",
    99 UNKNOWN "an unknown error occurred",
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.text())
    }
}
