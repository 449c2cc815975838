//! States: what handlers count in, by their names. All chains that run a handler share one, and a reload keeps it.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

type Kept = Arc<dyn Any + Send + Sync>;

/// States by the names of their handlers.
#[derive(Default)]
pub(super) struct States {
    /// Those of the generation before: one goes on if it is asked for.
    before: BTreeMap<String, (String, Kept)>,
    own: Mutex<BTreeMap<String, (String, Kept)>>,
}

impl States {
    /// None yet, but those of the generation before may go on.
    pub(super) fn after(before: Option<&Self>) -> Self {
        let own = before.map(|before| before.lock().clone());
        Self { before: own.unwrap_or_default(), own: Mutex::default() }
    }

    /// The state of a handler. It goes on if it has the same identity: what would make another state of it.
    pub(super) fn get<T: Send + Sync + 'static>(
        &self,
        handler: &str,
        identity: &str,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let mut own = self.lock();
        let known = own.get(handler).or_else(|| self.before.get(handler));
        let known = known.filter(|(known, _)| known == identity);
        let known = known.and_then(|(_, state)| Arc::clone(state).downcast::<T>().ok());
        let state = known.unwrap_or_else(|| Arc::new(make()));
        let kept: Kept = Arc::clone(&state) as Kept;
        own.insert(handler.to_owned(), (identity.to_owned(), kept));
        state
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (String, Kept)>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
