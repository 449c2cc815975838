//! State: values of a registry or a route for its handlers.

use std::{
    any::{Any, TypeId, type_name},
    fmt, ptr,
    sync::Arc,
};

use crate::error::BoxError;

/// A value of the registry, as an argument of a function: a configuration, a client, a pool.
///
/// [`Registry::state`](crate::Registry::state) gives it to all handlers of an agent,
/// [`Route::state`](crate::Route::state) to one. Each call gets a clone, so put large or shared values into
/// an `Arc`; most clients and pools of other crates contain one already. If the registry lacks the
/// value, the agent does not start.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
///
/// use spoa_actors::{ActionError, Actions, Registry, Scope, State};
///
/// #[derive(Clone, Default)]
/// struct Requests(Arc<AtomicU64>);
///
/// fn count(State(Requests(seen)): State<Requests>) -> Result<Actions, ActionError> {
///     let number = seen.fetch_add(1, Ordering::Relaxed) + 1;
///     Actions::new().set_var(Scope::Transaction, "number", number)
/// }
///
/// let registry = Registry::new().state(Requests::default()).on("count-request", count);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct State<T>(pub T);

/// Values by type.
#[derive(Clone, Default)]
pub(crate) struct States(Vec<(TypeId, Arc<dyn Any + Send + Sync>)>);

impl States {
    /// Adds a value; replaces one of the same type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let key = TypeId::of::<T>();
        self.0.retain(|(known, _)| *known != key);
        self.0.push((key, Arc::new(value)));
    }

    /// These values, and those of `others` with other types.
    pub(crate) fn or(&self, others: &Self) -> Self {
        let is_new = |key: &TypeId| self.0.iter().all(|(known, _)| known != key);
        let more = others.0.iter().filter(|(key, _)| is_new(key));
        Self(self.0.iter().chain(more).cloned().collect())
    }

    /// Whether both have the same values, and not only equal ones.
    pub(crate) fn are_same(&self, others: &Self) -> bool {
        let is_same = |((_, one), (_, other)): (&(_, Arc<_>), &(_, Arc<_>))| {
            ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
        };
        self.0.len() == others.0.len() && self.0.iter().zip(&others.0).all(is_same)
    }

    pub(crate) fn get<T: Clone + 'static>(&self) -> Result<T, BoxError> {
        let key = TypeId::of::<T>();
        let found = self.0.iter().find(|(known, _)| *known == key);
        let value = found.and_then(|(_, value)| value.downcast_ref::<T>());
        value.cloned().ok_or_else(|| {
            let name = type_name::<T>();
            format!("it takes `State<{name}>`, which was not set; add it by `Registry::state`")
                .into()
        })
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}
