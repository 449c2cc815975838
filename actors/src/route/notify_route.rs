//! Notify route: a route that takes several messages of a NOTIFY together, on one arbiter.

use std::{cell::Cell, rc::Rc};

use super::live_route::LiveRoute;

/// A route that takes several messages of a NOTIFY together.
pub(crate) struct NotifyRoute {
    pub(crate) route: Rc<LiveRoute>,
    names: Box<[Box<[u8]>]>,
    /// The number of the last NOTIFY whose messages it took.
    taken: Cell<u64>,
}

/// What a message is to the routes that take several together.
pub(crate) enum Together<'a> {
    /// The first message of its NOTIFY for this route.
    First(&'a NotifyRoute),
    /// The route has taken it with the first one.
    Taken,
    /// No such route names it.
    Unnamed,
}

impl NotifyRoute {
    pub(super) fn new(route: Rc<LiveRoute>, names: &[String]) -> Self {
        let names = names.iter().map(|name| name.as_bytes().into()).collect();
        Self { route, names, taken: Cell::new(0) }
    }

    /// Whether it takes the messages of this name.
    pub(crate) fn takes(&self, name: &[u8]) -> bool {
        self.names.iter().any(|known| **known == *name)
    }

    /// Takes the messages of the NOTIFY with this number.
    pub(super) fn take(&self, notify: u64) -> Together<'_> {
        match self.taken.replace(notify) == notify {
            true => Together::Taken,
            false => Together::First(self),
        }
    }
}
