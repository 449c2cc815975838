//! A reason: one word for why a handler has decided as it did.

/// Why a handler decides; a closed list, so that metrics have a bound.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// The word, as it stands in the variable `reason`.
    pub word: &'static str,
    /// What it means.
    pub doc: &'static str,
}

impl Reason {
    /// A reason.
    #[must_use]
    pub const fn new(word: &'static str, doc: &'static str) -> Self {
        Self { word, doc }
    }
}
