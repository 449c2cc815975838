//! Engine statistics: what is counted for each of the first engines; a peer can invent any number
//! of names.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, OnceLock},
};

use super::group::Group;
use crate::spop::EngineId;

/// How many engines have their own counts.
const MOST: usize = 64;
/// The longest name, in bytes, that gets its own counts; HAProxy's names have 36.
const LONGEST: usize = 128;
/// The name of all other engines.
const OTHER: &str = "other";
/// The name of engines without an engine-id.
const NONE: &str = "none";

/// The connections of one engine, from their HELLO on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct EngineStatistics {
    /// The engine-id from the HELLO; `none` without one. The first 64 engine-ids that connect to an
    /// agent have their own counts until the agent ends. All others are `other`, and so are those
    /// of more than 128 bytes.
    pub engine_id: String,
    /// Connections that are open.
    pub open: u64,
    /// Accepted HELLOs.
    pub accepted: u64,
}

/// The names of the engines with their own counts, the same on all arbiters. Clones belong to the
/// same agent. A name stays until the agent ends, so that the number of labels has a limit.
#[derive(Clone, Debug)]
pub(crate) struct EngineNames(Arc<[OnceLock<Arc<str>>]>);

impl Default for EngineNames {
    fn default() -> Self {
        Self((0..MOST).map(|_| OnceLock::new()).collect())
    }
}

impl EngineNames {
    /// The name, if it has a slot or gets a free one.
    fn admit(&self, name: &str) -> Option<Arc<str>> {
        // Each slot is written once, so that arbiters agree on the names without a lock.
        let mut slots = self.0.iter().map(|slot| slot.get_or_init(|| name.into()));
        slots.find(|taken| ***taken == *name).cloned()
    }
}

/// The engines that have connected to one arbiter.
#[derive(Debug)]
pub(crate) struct Engines {
    names: EngineNames,
    /// In the order of their first connection.
    groups: RefCell<Vec<Rc<Group>>>,
    others: Rc<Group>,
}

impl Engines {
    pub(super) fn new(names: EngineNames) -> Self {
        Self { names, groups: RefCell::default(), others: Group::new(OTHER.into()) }
    }

    /// Counts an accepted HELLO of this engine.
    pub(crate) fn join(&self, engine_id: Option<&EngineId>) -> Rc<Group> {
        let name = engine_id.map(EngineId::to_string).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| NONE.to_owned());
        let mut groups = self.groups.borrow_mut();
        // A list, because there are few engines: a hash map would cost more, and a peer could
        // choose its keys.
        if let Some(known) = groups.iter().find(|group| **group.name() == *name) {
            return known.join();
        }
        if name.len() > LONGEST || name == OTHER {
            return self.others.join();
        }
        let Some(name) = self.names.admit(&name) else { return self.others.join() };
        let group = Group::new(name);
        let joined = group.join();
        groups.push(group);
        joined
    }

    pub(super) fn snapshot(&self) -> Vec<EngineStatistics> {
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

impl Default for Engines {
    fn default() -> Self {
        Self::new(EngineNames::default())
    }
}

/// Adds those of another arbiter, which has the same names.
pub(super) fn add_all(sum: &mut Vec<EngineStatistics>, others: &[EngineStatistics]) {
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
