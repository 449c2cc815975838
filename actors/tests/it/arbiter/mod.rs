//! Tests of what lies in `src/arbiter/`.

mod asynchronous;
mod engines;
pub(crate) mod limits;
mod memory;
