//! Makes agents for HAProxy's SPOE: programs with your handlers, and with all that `spoa-agent`
//! has.
//!
//! [`run`] makes a program from a [`Registry`](spoa_actors::Registry). It has every option, command and
//! endpoint of `spoa-agent`: listeners with TLS, a status page, metrics for Prometheus and OTLP,
//! traces, logs, graceful stop, and the commands `call`, `load` and `healthcheck`. [`App`] adds a
//! name, a version and options of your own.
//!
//! ```no_run
//! use std::{net::IpAddr, process::ExitCode};
//!
//! use spoa_agent::spoa_actors::{Actions, Registry, Var};
//!
//! const IP_SCORE: Var = Var::session("ip_score");
//!
//! #[derive(serde::Deserialize)]
//! struct Client {
//!     ip: IpAddr,
//! }
//!
//! fn score(client: Client) -> Actions {
//!     let score = if client.ip.is_loopback() { 20 } else { 10 };
//!     Actions::new().set(IP_SCORE, score)
//! }
//!
//! fn main() -> ExitCode {
//!     spoa_agent::run(Registry::new().on("check-client-ip", score))
//! }
//! ```
//!
//! Its commands:
//!
//! ```text
//! app ─▶ cli ─▶ run (a registry)                           serves until a signal
//!                   └▶ admin                               serves the status page, metrics and probes
//!            ─▶ call ─▶ answer                             sends one NOTIFY and prints the actions
//!            ─▶ load                                       sends many NOTIFYs and measures
//!            ─▶ listen                                     answers every message and prints it
//!            ─▶ file_commands                              lists kinds of handlers, prints the file's schema
//!            ─▶ manual                                     prints completions and manual pages
//!            ─▶ check ─▶ config_file                        reads the configuration file and prints all findings
//!            ─▶ healthcheck ─▶ discovery                   finds the agent, checks it and prints the result
//! ```

mod admin;
mod admin_options;
mod announcement;
mod answer;
mod app;
mod ask;
mod call;
mod cgroup;
mod check;
mod cli;
mod config_file;
mod discovery;
mod failure;
mod file_commands;
mod file_keys;
mod file_options;
#[cfg(test)]
mod file_page;
mod gen_config;
mod healthcheck;
mod help;
mod help_form;
mod hex;
mod into_registry;
mod json;
mod limit_options;
mod listen;
mod listeners;
mod load;
mod manual;
mod open_files;
mod option_values;
mod options;
mod precedence;
mod program;
mod run;
mod run_options;
mod served;
mod settled;
mod shortage;
mod show_config;
mod show_config_options;
mod sockets;
mod spoe_file;
mod telemetry;
mod timeout_options;
mod version;

pub use app::{App, run};
pub use into_registry::IntoRegistry;

pub use clap;
pub use spoa_actors;
