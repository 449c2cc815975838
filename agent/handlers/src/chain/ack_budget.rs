//! How much an ACK takes: what does not fit is left out and counted, and the verdict comes first.

use std::mem;

use spoa_actors::{Actions, Scope, ToTypedData};

/// HAProxy drops a frame that is larger than its buffer of 16 KiB, and counts its variables in a byte.
const BYTES: usize = 15 << 10;
const VARIABLES: usize = 255;

/// What is still free in an ACK.
pub(super) struct AckBudget {
    bytes: usize,
    variables: usize,
    /// How many variables did not fit.
    pub(super) dropped: u64,
}

impl AckBudget {
    pub(super) fn new() -> Self {
        Self { bytes: BYTES, variables: VARIABLES, dropped: 0 }
    }

    /// Sets a variable whose value has so many bytes, if it fits.
    pub(super) fn set(
        &mut self,
        actions: &mut Actions,
        scope: Scope,
        name: &str,
        value: impl ToTypedData,
        length: usize,
    ) {
        if self.takes(name.len() + length) {
            let all = mem::take(actions);
            *actions = all.set_var_unchecked(scope, name.as_bytes(), value);
        }
    }

    pub(super) fn unset(&mut self, actions: &mut Actions, scope: Scope, name: &str) {
        if self.takes(name.len()) {
            *actions = mem::take(actions).unset_var_unchecked(scope, name.as_bytes());
        }
    }

    fn takes(&mut self, length: usize) -> bool {
        // Type, scope, and the lengths in front of the name and the value.
        let length = length + 16;
        if self.variables == 0 || length > self.bytes {
            self.dropped += 1;
            return false;
        }
        self.variables -= 1;
        self.bytes -= length;
        true
    }
}
