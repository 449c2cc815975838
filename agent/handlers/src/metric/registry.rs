//! Registry: the metrics of a process. They outlive the chains that count, so that a reload sets nothing back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    metric::{Metric, Shape},
    sample::Family,
};

/// Metrics by name.
#[derive(Debug)]
pub struct Registry(Mutex<BTreeMap<String, Arc<Metric>>>);

static OF_PROCESS: Registry = Registry(Mutex::new(BTreeMap::new()));

impl Registry {
    /// The one of this process, which the kind `metrics` counts into.
    #[must_use]
    pub fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// The metric of this shape, with what it has counted before; one of another shape takes the place of the one
    /// that had its name.
    pub fn metric(&self, shape: Shape, help: String, most: usize) -> Arc<Metric> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&shape.name).filter(|known| *known.shape() == shape);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let name = shape.name.clone();
        let metric = Arc::new(Metric::new(shape, help, most));
        all.insert(name, Arc::clone(&metric));
        metric
    }

    /// What all of them have counted, in the order of their names.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|metric| metric.family()).collect()
    }
}
