//! Status counts: DISCONNECTs by status-code.

use std::collections::BTreeMap;

use crate::spop::StatusCode;

/// DISCONNECTs by status-code. Codes without a name count as [`StatusCode::UNKNOWN`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StatusCounts(BTreeMap<u32, u64>);

impl StatusCounts {
    /// The count of this status-code.
    #[must_use]
    pub fn of(&self, status_code: StatusCode) -> u64 {
        self.0.get(&status_code.0).copied().unwrap_or_default()
    }

    /// Every status-code that occurred, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (StatusCode, u64)> {
        self.0.iter().map(|(&code, &count)| (StatusCode(code), count))
    }

    pub(crate) fn count(&mut self, status_code: StatusCode) {
        // A peer can send any number: codes without a name share one entry.
        let known = if status_code.is_registered() { status_code } else { StatusCode::UNKNOWN };
        *self.0.entry(known.0).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (status_code, count) in other.iter() {
            *self.0.entry(status_code.0).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unregistered_status_codes_share_one_entry() {
        let mut counts = StatusCounts::default();
        for code in [0, 4, 42, 77, 1 << 31] {
            counts.count(StatusCode(code));
        }
        assert_eq!(counts.of(StatusCode::NORMAL), 1);
        assert_eq!(counts.of(StatusCode::UNKNOWN), 3);
        assert_eq!(counts.iter().count(), 3);
    }
}
