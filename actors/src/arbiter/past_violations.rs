//! Past violations: recent violations of the protocol, for the status.

use std::{cell::RefCell, collections::VecDeque, time::SystemTime};

use super::peer_fault::PeerFault;
use crate::{origin::Peer, status::PastViolation};

/// The recent violations on one arbiter.
#[derive(Debug, Default)]
pub(crate) struct PastViolations(RefCell<VecDeque<PastViolation>>);

impl PastViolations {
    /// How many are stored.
    const MOST: usize = 32;

    pub(super) fn keep(&self, peer: &Peer, fault: &PeerFault, advice: String) {
        let mut past = self.0.borrow_mut();
        if past.len() == Self::MOST {
            past.pop_front();
        }
        past.push_back(PastViolation {
            time: SystemTime::now(),
            peer: peer.address,
            engine_id: peer.engine_id.clone(),
            status_code: fault.status(),
            reason: fault.reason(),
            text: fault.to_string(),
            advice,
        });
    }

    /// All stored violations, newest first.
    pub(crate) fn newest_first(&self) -> Vec<PastViolation> {
        self.0.borrow().iter().rev().cloned().collect()
    }
}
