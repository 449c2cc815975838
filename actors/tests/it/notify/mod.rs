//! Tests of what lies in `src/notify/`.

mod deadlines;
pub(crate) mod exchanges;
mod fairness;
mod many_messages;
mod notify;
mod together;
