//! Requests whose SPOE status was not 0, by who lost them.

use std::collections::BTreeMap;
use std::fmt;

use spoa_integration::{Haproxy, SpoeLine, Tally};

use crate::scene::SOON;

/// The status of a stream that has waited for the processing timeout.
const TIMED_OUT: u32 = 1;

/// What a load has cost.
#[derive(Debug)]
pub(crate) struct Losses {
    /// Sent to an agent, and not answered.
    pub(crate) sent: Vec<SpoeLine>,
    /// Never sent: an engine that waits for a connection which it does not open (2.6.12).
    pub(crate) by_engine: Vec<SpoeLine>,
    requests: u64,
}

impl Losses {
    /// Reads who lost what in the log of HAProxy, which logs what fails, and that alone, and has set
    /// the error by which the keys of the tally end.
    pub(crate) async fn of(tally: &Tally, haproxy: &Haproxy) -> Self {
        assert_eq!((tally.of("error"), tally.of("200  ")), (0, 0), "no answer at all: {tally:?}");
        let failed = tally.counts.iter().filter(|(key, _)| !key.ends_with(' '));
        let failed = failed.map(|(_, count)| *count as usize).sum();
        let lines = haproxy.logs().spoe_lines(SOON, failed).await.unwrap();
        assert_eq!(
            lines.len(),
            failed,
            "the log knows of the same losses and no others: {tally:?}"
        );
        let (by_engine, sent) = lines.into_iter().partition(was_never_sent);
        Self { sent, by_engine, requests: tally.total() }
    }
}

/// The new engine does not tell whether it has sent anything: the benefit is not the agent's.
fn was_never_sent(line: &SpoeLine) -> bool {
    line.status == TIMED_OUT && line.waiting_ms() == Some(-1)
}

impl fmt::Display for Losses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut statuses = BTreeMap::new();
        for line in &self.sent {
            *statuses.entry(line.status).or_insert(0) += 1;
        }
        let (requests, sent, engine) = (self.requests, self.sent.len(), self.by_engine.len());
        write!(formatter, "of {requests} requests {sent} lost, by status {statuses:?}; ")?;
        write!(formatter, "{engine} by the engine itself")
    }
}
