//! Tests of what lies in `src/handler/`.

mod blocking;
mod functions;
mod own;
mod raw_actors;
mod ready;
mod shared;
mod threads;
