//! The real binary, started as a child and asked as a user would.

mod call;
mod certificates;
mod healthcheck;
mod resources;
mod run;
mod scene;
mod tls;
