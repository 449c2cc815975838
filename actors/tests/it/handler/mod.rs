//! Tests of what lies in `src/handler/`.

mod blocking;
mod raw_actors;
mod ready;
mod threads;
