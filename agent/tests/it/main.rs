//! The real binary, started as a child and asked as a user would.

mod admin;
mod admin_attack;
mod broken_agent;
mod call;
mod certificates;
mod collector;
mod config_file;
mod discovery;
mod file_commands;
mod handover;
mod healthcheck;
mod help;
mod hostile;
mod hostile_words;
mod listen;
mod load;
mod precedence;
mod resources;
mod run;
mod scene;
mod shortage;
mod signals;
mod telemetry;
mod tls;
mod unread_log;
mod wrong_usage;
