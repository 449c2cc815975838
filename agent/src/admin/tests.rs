//! The endpoint over HTTP, with a real agent behind it.

mod json;
mod paths;
mod readiness;
mod scene;
