//! What is counted for each engine: for so many of them on an arbiter, as a peer may call itself as it
//! likes.

use std::{cell::RefCell, rc::Rc};

use crate::{group::Group, spop::EngineId};

/// How many engines are counted each by itself.
const MOST: usize = 64;
/// The name of all the others.
const OTHER: &str = "other";
/// The name of those that say none.
const NONE: &str = "none";

/// The connections of one engine, from their HELLO on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct EngineStatistics {
    /// The engine-id of its HELLO; `none` without one. Beyond 64 engines on an arbiter, those that have had no
    /// connection for the longest time are counted as `other`.
    pub engine_id: String,
    /// Connections that are open now.
    pub open: u64,
    /// Connections on which HELLO was agreed.
    pub accepted: u64,
}

/// The engines that have connected to one arbiter.
#[derive(Debug)]
pub(crate) struct Engines {
    /// In the order in which they came.
    groups: RefCell<Vec<Rc<Group>>>,
    others: Rc<Group>,
}

impl Default for Engines {
    fn default() -> Self {
        Self { groups: RefCell::default(), others: Group::new(OTHER.into()) }
    }
}

impl Engines {
    /// HELLO is agreed with this engine on a connection.
    pub(crate) fn join(&self, engine_id: Option<&EngineId>) -> Rc<Group> {
        let name = engine_id.map(EngineId::to_string).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| NONE.to_owned());
        let mut groups = self.groups.borrow_mut();
        if let Some(known) = groups.iter().find(|group| **group.name() == *name) {
            return known.join();
        }
        if groups.len() == MOST
            && let Some(index) = groups.iter().position(|group| group.open() == 0)
        {
            self.others.inherit(&groups.remove(index));
        }
        if groups.len() == MOST || name == OTHER {
            return self.others.join();
        }
        let group = Group::new(name.into());
        let joined = group.join();
        groups.push(group);
        joined
    }

    pub(crate) fn snapshot(&self) -> Vec<EngineStatistics> {
        let groups = self.groups.borrow();
        let others = Some(&self.others).filter(|others| others.accepted() > 0);
        let statistics = groups.iter().chain(others).map(|group| EngineStatistics {
            engine_id: group.name().to_string(),
            open: group.open(),
            accepted: group.accepted(),
        });
        statistics.collect()
    }
}

/// Adds those of another arbiter. All that are named on one stay so: were some of them counted among the
/// others, these would go back as soon as one is named again.
pub(crate) fn add_all(sum: &mut Vec<EngineStatistics>, others: &[EngineStatistics]) {
    for other in others {
        match sum.iter_mut().find(|one| one.engine_id == other.engine_id) {
            Some(one) => {
                one.open += other.open;
                one.accepted += other.accepted;
            }
            None => sum.push(other.clone()),
        }
    }
}
