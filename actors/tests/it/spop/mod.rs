//! Tests of what lies in `src/spop/`.

mod disconnect;
mod foreign_protocol;
mod foreign_text;
mod fragmentation;
mod framing;
mod grammar;
mod handshake;
mod ids;
mod laws;
mod vectors;
