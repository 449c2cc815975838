//! Listener statistics: what is counted for each listener.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::SystemTime};

use super::group::Group;

/// The connections of one listener.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ListenerStatistics {
    /// The address: `127.0.0.1:12345` or `unix:/run/spoa.sock`.
    pub listener: String,
    /// Connections that are open.
    pub open: u64,
    /// Connections accepted, health checks included; those over the limit are not.
    pub accepted: u64,
    /// When the current certificate expires, if the listener has TLS.
    pub certificate_expires: Option<SystemTime>,
}

/// The listeners that have given connections to one arbiter.
#[derive(Debug, Default)]
pub(crate) struct Listeners(RefCell<Vec<Rc<Group>>>);

impl ListenerStatistics {
    /// A listener without connections.
    pub(super) fn new(listener: &str, certificate_expires: Option<SystemTime>) -> Self {
        Self { listener: listener.to_owned(), certificate_expires, ..Self::default() }
    }
}

impl Listeners {
    /// Counts a connection of this listener.
    pub(crate) fn join(&self, listener: &Arc<str>) -> Rc<Group> {
        let mut groups = self.0.borrow_mut();
        if let Some(group) = groups.iter().find(|group| group.name() == listener) {
            return group.join();
        }
        let group = Group::new(Arc::clone(listener));
        let joined = group.join();
        groups.push(group);
        joined
    }

    pub(super) fn snapshot(&self) -> Vec<ListenerStatistics> {
        let groups = self.0.borrow();
        let statistics = groups.iter().map(|group| ListenerStatistics {
            listener: group.name().to_string(),
            open: group.open(),
            accepted: group.accepted(),
            certificate_expires: None,
        });
        statistics.collect()
    }
}

/// Adds those of another arbiter.
pub(super) fn add_all(sum: &mut Vec<ListenerStatistics>, others: &[ListenerStatistics]) {
    for other in others {
        match sum.iter_mut().find(|one| one.listener == other.listener) {
            Some(one) => {
                one.open += other.open;
                one.accepted += other.accepted;
                one.certificate_expires = one.certificate_expires.or(other.certificate_expires);
            }
            None => sum.push(other.clone()),
        }
    }
}
