//! Source: what the instances of a handler are made from. Routes with the same source have the same
//! handler.

use std::{pin::Pin, ptr, sync::Arc};

use crate::{
    error::BoxError,
    handler::{Adapter, Handover, States},
    layer::{LayerFactory, Layers},
    supervision::FailureSignal,
};

/// How a handler is started, each time from its factory.
pub(super) type Start = Arc<dyn Fn(FailureSignal, &States) -> Starting + Send + Sync>;
/// A handler that is starting.
pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<Box<dyn Adapter>, BoxError>>>>;

/// What the instances of a handler are made from.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) start: Start,
    /// Values for its functions; none for other handlers.
    pub(super) states: States,
    /// What makes the layers around the handler, the innermost first.
    pub(super) layers: Vec<LayerFactory>,
}

impl Source {
    /// Makes and starts a handler, and its layers if there are none from the instance before.
    pub(super) async fn start(
        &self,
        handover: Option<Handover>,
        layers: Option<Layers>,
        signal: FailureSignal,
    ) -> Result<(Box<dyn Adapter>, Option<Layers>), BoxError> {
        let handler = match handover {
            Some(handover) => handover(signal),
            None => (self.start)(signal, &self.states).await?,
        };
        let layers = match layers {
            None if !self.layers.is_empty() => Some(Layers::start(&self.layers).await?),
            layers => layers,
        };
        Ok((handler, layers))
    }

    /// Whether both are the same closures with the same states, and not only equal ones.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let are_same_layers = self.layers.len() == other.layers.len()
            && self.layers.iter().zip(&other.layers).all(|(one, other)| is_same(one, other));
        is_same(&self.start, &other.start) && self.states.are_same(&other.states) && are_same_layers
    }
}

/// Whether both are one closure, whatever the compiler makes of its vtable.
fn is_same<T: ?Sized>(one: &Arc<T>, other: &Arc<T>) -> bool {
    ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}
