//! The pages of this repository: what they link to, list, show and tell to run is so.

mod commands;
mod error_codes;
mod first_handler;
mod haproxy_files;
mod heads;
mod links;
mod log_lines;
mod metrics;
mod page;
mod prose;
mod rustdoc;
mod systemd;
mod versions;
