//! Fault: errors of an agent, and their counts.

use std::fmt;

use serde::Serialize;

/// An error of the agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// An ACK for a NOTIFY that this connection did not send.
    Unmatched,
    /// A second ACK for the same NOTIFY.
    Duplicate,
    /// An ACK has no FIN, though fragments were not agreed.
    NotFinal,
    /// An ACK has ABORT.
    Aborted,
    /// The frame is not an ACK, or does not have the expected list of actions.
    Malformed,
    /// A frame is larger than agreed.
    TooLarge,
    /// A NOTIFY has no ACK.
    Lost,
    /// The agent disconnected.
    Disconnected,
}

/// The counts of each error.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Faults {
    pub(crate) unmatched: u64,
    pub(crate) duplicate: u64,
    pub(crate) not_final: u64,
    pub(crate) aborted: u64,
    pub(crate) malformed: u64,
    pub(crate) too_large: u64,
    pub(crate) lost: u64,
    pub(crate) disconnected: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault, count: u64) {
        *match fault {
            Fault::Unmatched => &mut self.unmatched,
            Fault::Duplicate => &mut self.duplicate,
            Fault::NotFinal => &mut self.not_final,
            Fault::Aborted => &mut self.aborted,
            Fault::Malformed => &mut self.malformed,
            Fault::TooLarge => &mut self.too_large,
            Fault::Lost => &mut self.lost,
            Fault::Disconnected => &mut self.disconnected,
        } += count;
    }

    pub(crate) fn total(&self) -> u64 {
        self.named().iter().map(|(_, count)| count).sum()
    }

    fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("unmatched", self.unmatched),
            ("duplicate", self.duplicate),
            ("not final", self.not_final),
            ("aborted", self.aborted),
            ("malformed", self.malformed),
            ("too large", self.too_large),
            ("lost", self.lost),
            ("disconnected", self.disconnected),
        ]
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unmatched => "an ACK for a NOTIFY that was never sent on its connection",
            Self::Duplicate => "a second ACK for the same NOTIFY",
            Self::NotFinal => "an ACK without FIN",
            Self::Aborted => "an ACK with ABORT",
            Self::Malformed => "a frame that is not an ACK with the expected list of actions",
            Self::TooLarge => "a frame larger than the agreed max-frame-size",
            Self::Lost => "no ACK for a NOTIFY",
            Self::Disconnected => "the agent disconnected",
        })
    }
}

/// Those that there are, or `none`.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = self.named().into_iter().filter(|&(_, count)| count > 0);
        let list: Vec<_> = there.map(|(name, count)| format!("{count} {name}")).collect();
        f.write_str(if list.is_empty() { "none" } else { "" })?;
        f.write_str(&list.join(", "))
    }
}
