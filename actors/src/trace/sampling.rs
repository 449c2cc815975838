//! Sampling: which NOTIFYs become spans.

use super::trace_parent::TraceParent;

/// Sets which NOTIFYs become spans. The decision is made before a span is built.
///
/// ```
/// use spoa_actors::Sampling;
///
/// let sampling = Sampling::default().ratio(0.01)
///     .message("check-login", 1.0)
///     .message("log-request", 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sampling {
    /// If a NOTIFY has a parent with a sampling decision, that decision applies.
    pub parent_based: bool,
    /// The ratio of other NOTIFYs to sample, from 0.0 to 1.0. The agent does not start with another
    /// value.
    pub ratio: f64,
    /// Ratios for single messages, instead of [`ratio`](Self::ratio). A NOTIFY is sampled if one of
    /// its messages is. If all its messages have the ratio 0, it is not sampled, whatever its
    /// parent's decision.
    pub by_message: Vec<(String, f64)>,
    /// Samples a NOTIFY from its first failure on, even if it was not sampled: a handler that
    /// fails, panics, is late or has stopped, or arguments that do not match. If the handler was
    /// not called because its route was full or down, or a message limit was reached, the failure
    /// is only counted.
    pub failures: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { parent_based: true, ratio: 1.0, by_message: Vec::new(), failures: true }
    }
}

impl Sampling {
    /// Sets [`parent_based`](field@Self::parent_based).
    #[must_use]
    pub fn parent_based(mut self, parent_based: bool) -> Self {
        self.parent_based = parent_based;
        self
    }

    /// Sets [`ratio`](field@Self::ratio).
    #[must_use]
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Sets [`failures`](field@Self::failures).
    #[must_use]
    pub fn failures(mut self, failures: bool) -> Self {
        self.failures = failures;
        self
    }

    /// Sets the ratio of this message.
    #[must_use]
    pub fn message(mut self, name: impl Into<String>, ratio: f64) -> Self {
        self.by_message.push((name.into(), ratio));
        self
    }

    /// Whether every ratio is from 0 to 1.
    pub(super) fn are_parts(&self) -> bool {
        let mut ratios = self.by_message.iter().map(|(_, ratio)| *ratio).chain([self.ratio]);
        ratios.all(|ratio| (0.0..=1.0).contains(&ratio))
    }

    /// The ratio of a message.
    pub(super) fn ratio_of(&self, message: &[u8]) -> Ratio {
        let own = self.by_message.iter().find(|(name, _)| name.as_bytes() == message);
        match own {
            Some((_, ratio)) => Ratio { of: *ratio, is_never: *ratio <= 0.0 },
            None => Ratio { of: self.ratio, is_never: false },
        }
    }

    /// Whether to sample a NOTIFY with this parent and this ratio.
    #[inline]
    pub(super) fn decide(&self, parent: Option<&TraceParent>, ratio: Ratio) -> bool {
        if ratio.is_never {
            return false;
        }
        match parent {
            // A trace with gaps is worth little: its first participant has decided for all.
            Some(TraceParent { is_sampled: Some(is_sampled), .. }) if self.parent_based => {
                *is_sampled
            }
            // Every participant of the trace decides alike.
            Some(parent) => ratio.holds(parent.lot()),
            None => ratio.holds(fastrand::u64(..)),
        }
    }
}

/// The ratio of NOTIFYs to sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    of: f64,
    /// Whether parents are ignored.
    is_never: bool,
}

impl Ratio {
    /// The ratio of a NOTIFY without messages.
    pub(super) const NEVER: Self = Self { of: 0.0, is_never: true };

    /// The ratio of a NOTIFY with messages of both ratios.
    #[inline]
    pub(super) fn or(self, other: Self) -> Self {
        Self { of: self.of.max(other.of), is_never: self.is_never && other.is_never }
    }

    /// Whether to sample this one of 2^64 lots.
    fn holds(self, lot: u64) -> bool {
        // OpenTelemetry's samplers compare 63 bits.
        const LOTS: u64 = 1 << 63;
        self.of >= 1.0 || (lot >> 1) < (self.of * LOTS as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(flags: &str) -> TraceParent {
        let text = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        TraceParent::from_traceparent(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_parent_decides_unless_it_has_no_say() {
        let none = Sampling::default().ratio(0.0).message("quiet", 0.0);
        let ratio = none.ratio_of(b"m");
        assert!(none.decide(Some(&parent("01")), ratio));
        assert!(!none.decide(Some(&parent("00")), ratio) && !none.decide(None, ratio));
        assert!(!none.decide(Some(&parent("01")), none.ratio_of(b"quiet")));
        assert!(none.decide(Some(&parent("01")), none.ratio_of(b"quiet").or(ratio)));
        let all = Sampling::default().parent_based(false);
        assert!(all.decide(Some(&parent("00")), all.ratio_of(b"m")));
        assert!(!all.decide(None, Ratio::NEVER));
    }

    #[test]
    fn without_a_parent_the_ratio_of_the_message_decides() {
        let sampling = Sampling::default().ratio(0.25).message("all", 1.0);
        let sampled = |name: &[u8]| {
            let ratio = Ratio::NEVER.or(sampling.ratio_of(name));
            (0..10_000).filter(|_| sampling.decide(None, ratio)).count()
        };
        assert_eq!(sampled(b"all"), 10_000);
        assert!((2_200..2_800).contains(&sampled(b"m")));
    }

    #[test]
    fn a_ratio_decides_alike_for_one_trace() {
        let sampling = Sampling::default().parent_based(false).ratio(0.5);
        let ratio = sampling.ratio_of(b"m");
        // 0x8448eb211c80319c is in the upper half.
        assert!((0..100).all(|_| !sampling.decide(Some(&parent("01")), ratio)));
        let sampling = sampling.ratio(0.52);
        assert!((0..100).all(|_| sampling.decide(Some(&parent("01")), sampling.ratio_of(b"m"))));
    }
}
