//! Report: the result of a load, for people and for machines.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::load::{fault::Faults, tally::Tally};

/// The result of a load. The names of its fields are those of the JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) target: String,
    pub(crate) connections: u32,
    pub(crate) window: u32,
    pub(crate) rate: Option<u32>,
    pub(crate) seconds: f64,
    frames: u64,
    frames_per_second: f64,
    bytes_sent: u64,
    bytes_received: u64,
    latency_us: Latency,
    errors: Faults,
    out_of_order: u64,
    acks_per_read: f64,
    actions: ActionCount,
    generator: Generator,
    agent: Option<Agent>,
}

/// In microseconds, from when a NOTIFY was due to its ACK.
#[derive(Debug, Default, Serialize)]
struct Latency {
    min: f64,
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// Of an ACK.
#[derive(Debug, Serialize)]
struct ActionCount {
    min: u64,
    max: u64,
}

#[derive(Debug, Serialize)]
struct Generator {
    cpu_us_per_frame: f64,
}

#[derive(Debug, Serialize)]
struct Agent {
    pid: u32,
    cpu_us_per_frame: f64,
    cpu_seconds: f64,
    rss_kib_before: u64,
    rss_kib_after: u64,
    rss_kib_per_connection: f64,
}

/// What the agent's process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgentUse {
    pub(crate) pid: u32,
    pub(crate) cpu: Duration,
    pub(crate) rss_kib_before: u64,
    pub(crate) rss_kib_after: u64,
}

/// What was measured beside the tally.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) target: String,
    pub(crate) connections: u32,
    pub(crate) window: u32,
    pub(crate) rate: Option<u32>,
    pub(crate) time: Duration,
    pub(crate) generator_cpu: Duration,
    pub(crate) agent: Option<AgentUse>,
}

impl Report {
    pub(crate) fn new(tally: &Tally, measured: Measured) -> Self {
        let frames = tally.frames;
        let seconds = measured.time.as_secs_f64();
        let (min, max) = tally.actions.unwrap_or_default();
        let connections = f64::from(measured.connections);
        Self {
            target: measured.target,
            connections: measured.connections,
            window: measured.window,
            rate: measured.rate,
            seconds,
            frames,
            frames_per_second: ratio(frames as f64, seconds),
            bytes_sent: tally.bytes_sent,
            bytes_received: tally.bytes_received,
            latency_us: Latency::of(tally),
            errors: tally.faults.clone(),
            out_of_order: tally.out_of_order,
            acks_per_read: ratio(frames as f64, tally.reads as f64),
            actions: ActionCount { min, max },
            generator: Generator { cpu_us_per_frame: per_frame(measured.generator_cpu, frames) },
            agent: measured.agent.map(|agent| Agent::new(agent, frames, connections)),
        }
    }
}

impl Latency {
    fn of(tally: &Tally) -> Self {
        let latency = &tally.latency;
        if latency.is_empty() {
            return Self::default();
        }
        let at = |quantile| microseconds(latency.value_at_quantile(quantile));
        Self {
            min: microseconds(latency.min()),
            mean: latency.mean() / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: microseconds(latency.max()),
        }
    }
}

impl Agent {
    fn new(used: AgentUse, frames: u64, connections: f64) -> Self {
        let AgentUse { pid, cpu, rss_kib_before, rss_kib_after } = used;
        Self {
            pid,
            cpu_us_per_frame: per_frame(cpu, frames),
            cpu_seconds: cpu.as_secs_f64(),
            rss_kib_before,
            rss_kib_after,
            rss_kib_per_connection: (rss_kib_after as f64 - rss_kib_before as f64) / connections,
        }
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

fn per_frame(time: Duration, frames: u64) -> f64 {
    ratio(time.as_secs_f64() * 1e6, frames as f64)
}

/// JSON has no infinity.
fn ratio(of: f64, to: f64) -> f64 {
    if to > 0.0 { of / to } else { 0.0 }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, connections, window, seconds, frames, .. } = self;
        let pace = match self.rate {
            Some(rate) => format!("{rate} frames/s due"),
            None => "closed loop".to_owned(),
        };
        writeln!(f, "{target}: {connections} connections, window {window}, {pace}")?;
        let ActionCount { min, max } = self.actions;
        writeln!(f, "frames         {frames} in {seconds:.3} s: {:.0}/s", self.frames_per_second)?;
        writeln!(f, "bytes          {} sent, {} received", self.bytes_sent, self.bytes_received)?;
        let Latency { min: least, mean, p50, p90, p99, p999, max: most } = self.latency_us;
        writeln!(f, "latency in us  min {least:.1}, mean {mean:.1}, max {most:.1}")?;
        writeln!(f, "               p50 {p50:.1}, p90 {p90:.1}, p99 {p99:.1}, p99.9 {p999:.1}")?;
        writeln!(f, "actions        {min} to {max} an ACK")?;
        writeln!(f, "out of order   {}", self.out_of_order)?;
        writeln!(f, "ACKs per read  {:.1}", self.acks_per_read)?;
        writeln!(f, "generator      {:.3} us CPU a frame", self.generator.cpu_us_per_frame)?;
        if let Some(agent) = &self.agent {
            writeln!(
                f,
                "agent          {:.3} us CPU a frame, {:.3} s in all",
                agent.cpu_us_per_frame, agent.cpu_seconds
            )?;
            writeln!(
                f,
                "               {} KiB before, {} KiB after: {:.1} KiB a connection",
                agent.rss_kib_before, agent.rss_kib_after, agent.rss_kib_per_connection
            )?;
        }
        write!(f, "errors         {}", self.errors)
    }
}
