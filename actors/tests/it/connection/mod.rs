//! Tests of what lies in `src/connection/`.

mod backlog;
mod backpressure;
mod drain;
mod endings;
mod recycling;
mod slow_drain;
mod slow_frames;
