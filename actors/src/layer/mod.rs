//! Layers around a handler: they answer instead of it, change its answers, or observe them.
//!
//! | file | what |
//! |---|---|
//! | `layer` | `Layer`, and what it calls: `Next` in place, `KeptNext` after the frame |
//! | `layered` | a handler behind the layers of its route, on one arbiter |

#[expect(clippy::module_inception, reason = "the noun of the room")]
mod layer;
mod layered;

pub use layer::{KeptNext, Layer, Next};
pub(crate) use layered::{LayerFactory, Layered, Layers};
