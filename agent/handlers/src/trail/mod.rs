//! Trails: lines that a thread of its own writes to a file, so that no request waits for a disk.
//!
//! | file | what |
//! |---|---|
//! | `sink` | where lines go |
//! | `rotated_file` | a file that is rotated by its size, and opened again after somebody has renamed it |
//! | `stdout` | the standard output |
//! | `trail` | lines that wait, bounded, and the thread that writes them |

mod rotated_file;
mod sink;
mod stdout;
mod trail;

pub use rotated_file::{RotatedFile, Rotation};
pub use sink::Sink;
pub use stdout::Stdout;
pub use trail::{Trail, TrailCounts, flush_all};
