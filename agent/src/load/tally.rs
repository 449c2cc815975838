//! Tally: counts of NOTIFYs, ACKs and faults.

use hdrhistogram::Histogram;

use crate::{
    hex,
    load::fault::{Fault, Faults},
};

/// A latency of more than an hour counts as an hour.
const LONGEST: u64 = 3_600_000_000_000;
/// How many bytes of a frame are shown.
const SHOWN: usize = 48;

/// Counts of NOTIFYs, ACKs and faults; times are in nanoseconds since the start.
///
/// Faults are counted from the first NOTIFY on, everything else after the warm-up.
#[derive(Debug)]
pub(crate) struct Tally {
    /// NOTIFYs with an ACK that is right.
    pub(crate) frames: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// Reads that brought ACKs.
    pub(crate) reads: u64,
    pub(crate) out_of_order: u64,
    /// The fewest and the most actions of an ACK.
    pub(crate) actions: Option<(u64, u64)>,
    pub(crate) latency: Histogram<u64>,
    pub(crate) last_ack: u64,
    pub(crate) faults: Faults,
    pub(crate) first_fault: Option<String>,
    /// NOTIFYs that wait for their ACK.
    pub(crate) in_flight: u64,
    run: Run,
}

/// How far a load has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Progress {
    pub(crate) frames: u64,
    pub(crate) in_flight: u64,
}

/// Some ACKs that have all taken as long: those of one read were often sent by one write.
#[derive(Debug, Default)]
struct Run {
    latency: u64,
    count: u64,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            frames: 0,
            bytes_sent: 0,
            bytes_received: 0,
            reads: 0,
            out_of_order: 0,
            actions: None,
            latency: latencies(),
            last_ack: 0,
            faults: Faults::default(),
            first_fault: None,
            in_flight: 0,
            run: Run::default(),
        }
    }

    /// Resets everything but the faults.
    pub(crate) fn end_warm_up(&mut self) {
        *self = Self {
            faults: std::mem::take(&mut self.faults),
            first_fault: self.first_fault.take(),
            in_flight: self.in_flight,
            ..Self::new()
        };
    }

    /// Counts an ACK that is right.
    #[inline]
    pub(crate) fn answer(&mut self, latency: u64, actions: u64, is_overtaken: bool) {
        self.frames += 1;
        self.out_of_order += u64::from(is_overtaken);
        let (min, max) = self.actions.unwrap_or((actions, actions));
        self.actions = Some((min.min(actions), max.max(actions)));
        if latency != self.run.latency {
            self.end_of_run();
            self.run.latency = latency;
        }
        self.run.count += 1;
    }

    /// Counts a read, whose ACKs have all been counted.
    #[inline]
    pub(crate) fn end_of_read(&mut self, frames: u64, now: u64) {
        self.end_of_run();
        if frames > 0 {
            self.reads += 1;
            self.last_ack = now;
        }
    }

    #[inline]
    fn end_of_run(&mut self) {
        if self.run.count > 0 {
            self.latency.saturating_record_n(self.run.latency, self.run.count);
            self.run.count = 0;
        }
    }

    /// Counts a fault, and remembers the first with the beginning of its frame.
    #[cold]
    pub(crate) fn fault(&mut self, fault: Fault, frame: &[u8]) {
        let shown = &frame[..frame.len().min(SHOWN)];
        let rest = if frame.len() > SHOWN { "..." } else { "" };
        self.fault_with(fault, || format!("{fault}: {}{rest}", hex::encode(shown)));
    }

    /// Counts a fault, and remembers the first.
    #[cold]
    pub(crate) fn fault_with(&mut self, fault: Fault, text: impl FnOnce() -> String) {
        self.faults.add(fault, 1);
        self.first_fault.get_or_insert_with(text);
    }

    /// What changes whenever an ACK comes.
    pub(crate) fn progress(&self) -> Progress {
        Progress { frames: self.frames, in_flight: self.in_flight }
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self) {
        if self.in_flight > 0 {
            self.faults.add(Fault::Lost, self.in_flight);
            self.first_fault.get_or_insert_with(|| Fault::Lost.to_string());
        }
    }
}

/// In nanoseconds, and three digits of them.
fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are good ones")
}
