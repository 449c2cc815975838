//! Group: the connections that have something in common, as those of one listener have.

use std::{cell::Cell, rc::Rc, sync::Arc};

/// The connections of one arbiter that have something in common; each of them holds it.
#[derive(Debug)]
pub(crate) struct Group {
    name: Arc<str>,
    joined: Cell<u64>,
}

impl Group {
    /// A group that nobody has joined.
    pub(crate) fn new(name: Arc<str>) -> Rc<Self> {
        Rc::new(Self { name, joined: Cell::new(0) })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// A connection belongs to it for as long as it keeps this.
    pub(super) fn join(self: &Rc<Self>) -> Rc<Self> {
        self.joined.set(self.joined.get() + 1);
        Rc::clone(self)
    }

    /// How many connections belong to it now.
    pub(super) fn open(self: &Rc<Self>) -> u64 {
        Rc::strong_count(self) as u64 - 1
    }

    /// How many have ever joined it.
    pub(super) fn accepted(&self) -> u64 {
        self.joined.get()
    }
}
