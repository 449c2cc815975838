//! Layered: a handler behind its layers, on one arbiter.

use std::{rc::Rc, sync::Arc};

use async_trait::async_trait;

use super::layer::{Chain, Layer};
use crate::{
    error::BoxError,
    handler::{Adapter, Call, Handler, Handover, Reply},
    observe::LayerCount,
    spop::Actions,
    supervision::{Catch, FailureSignal, Panic, PanicGuard, panics::catch},
};

/// Makes a layer on each arbiter.
pub(crate) type LayerFactory = Arc<dyn Fn() -> Box<dyn Layer> + Send + Sync>;

/// The layers of one route on one arbiter. They outlive a handler that panics.
#[derive(Clone)]
pub(crate) struct Layers(Rc<[PanicGuard<Box<dyn Layer>>]>);

impl Layers {
    /// Makes and starts the layers, the innermost first.
    pub(crate) async fn start(factories: &[LayerFactory]) -> Result<Self, BoxError> {
        let layers: Rc<[_]> = factories.iter().map(|factory| PanicGuard::new(factory())).collect();
        for layer in layers.iter() {
            layer.started().await?;
        }
        Ok(Self(layers))
    }
}

/// A handler behind its layers.
pub(crate) struct Layered(Rc<Chain>);

impl Layered {
    /// Puts a handler with its failure signal behind the layers.
    pub(crate) fn new(layers: Layers, handler: Box<dyn Adapter>, signal: FailureSignal) -> Self {
        Self(Rc::new(Chain { layers: layers.0, handler, signal }))
    }
}

impl Handler for Layered {
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        // A list of its own: layers do not see the answers to other messages.
        let mut own = Actions::new();
        let reply = self.0.call(self.0.layers.len(), call, &mut own);
        if let Reply::Answered = reply {
            actions.append(own);
        }
        reply
    }
}

#[async_trait(?Send)]
impl Adapter for Layered {
    fn is_queued(&self) -> bool {
        self.0.handler.is_queued()
    }

    fn handover(&self) -> Option<Handover> {
        self.0.handler.handover()
    }

    fn layer_counts(&self) -> Vec<LayerCount> {
        let mut counts = Vec::new();
        for layer in self.0.layers.iter() {
            // A layer of the user's own may panic; its counts are not worth more than that.
            let own = catch(|| layer.counts()).unwrap_or_default();
            LayerCount::add_all(&mut counts, &own);
        }
        counts
    }

    async fn stop(&self) -> Result<(), Panic> {
        let mut stopped = self.0.handler.stop().await;
        for layer in self.0.layers.iter() {
            stopped = stopped.and(Catch::new(async { layer.stopping().await }).await);
        }
        stopped
    }
}
