//! Tests of what lies in `src/route/`.

pub(crate) mod lifecycle;
mod routes;
mod starts;
