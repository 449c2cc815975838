//! Tests of what lies in `src/layers/`.

mod cache;
mod others;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use spoa_actors::{observe::Statistics, testing::InMemoryAgent};

/// How often something happened, wherever.
#[derive(Clone, Default)]
struct Count(Arc<AtomicU64>);

impl Count {
    /// Adds one; returns how many there were before.
    fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a layer of the only route has counted.
async fn counted(agent: &InMemoryAgent, event: &str) -> u64 {
    count_of(&agent.statistics().await, event)
}

fn count_of(statistics: &Statistics, event: &str) -> u64 {
    let layers = &statistics.routes[0].layers;
    let count = layers.iter().find(|count| count.event == event);
    count.unwrap_or_else(|| panic!("{layers:?}")).count
}
