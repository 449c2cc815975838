//! The versions of HAProxy that files are written for.

use clap::ValueEnum;

/// A version of HAProxy.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum HaproxyVersion {
    #[value(name = "2.6")]
    V2_6,
    #[value(name = "2.8")]
    V2_8,
    #[value(name = "3.0")]
    V3_0,
    #[value(name = "3.2")]
    V3_2,
    #[value(name = "3.4")]
    V3_4,
}

impl HaproxyVersion {
    /// As HAProxy writes it.
    pub(crate) fn branch(self) -> &'static str {
        match self {
            Self::V2_6 => "2.6",
            Self::V2_8 => "2.8",
            Self::V3_0 => "3.0",
            Self::V3_2 => "3.2",
            Self::V3_4 => "3.4",
        }
    }

    /// Whether agents are a mode of backends of their own, which ignores two timeouts of the SPOE file.
    pub(super) fn has_mode_spop(self) -> bool {
        self >= Self::V3_2
    }

    /// Whether a message that does not fit into a frame is not sent, with error 3; older ones send fragments.
    pub(super) fn lacks_fragments(self) -> bool {
        self >= Self::V3_2
    }

    /// Whether PROXY headers for agents are ignored, with a warning.
    pub(super) fn ignores_proxy_headers(self) -> bool {
        self >= Self::V3_4
    }

    /// Whether a client that closes its sending side ends the question to the agent, by default.
    pub(super) fn aborts_on_close(self) -> bool {
        self >= Self::V3_4
    }

    /// Whether `req.body_size` is 0 for a body of HTTP/2 without content-length.
    pub(super) fn lacks_lengths(self) -> bool {
        self >= Self::V3_4
    }
}
