//! Group: connections with a common property, such as those of one listener.

use std::{cell::Cell, rc::Rc, sync::Arc};

/// The connections of one arbiter with a common property. Each connection holds a reference.
#[derive(Debug)]
pub(crate) struct Group {
    name: Arc<str>,
    joined: Cell<u64>,
}

impl Group {
    /// A group without connections.
    pub(crate) fn new(name: Arc<str>) -> Rc<Self> {
        Rc::new(Self { name, joined: Cell::new(0) })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Adds a connection, for as long as it holds the returned reference.
    pub(super) fn join(self: &Rc<Self>) -> Rc<Self> {
        self.joined.set(self.joined.get() + 1);
        Rc::clone(self)
    }

    /// How many connections the group has.
    pub(super) fn open(self: &Rc<Self>) -> u64 {
        Rc::strong_count(self) as u64 - 1
    }

    /// How many connections have joined the group so far.
    pub(super) fn accepted(&self) -> u64 {
        self.joined.get()
    }
}
