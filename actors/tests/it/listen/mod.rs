//! Tests of what lies in `src/listen/`.

mod listeners;
mod padding;
mod proxy;
mod tls;
mod tls_expiry;
mod tls_limits;
