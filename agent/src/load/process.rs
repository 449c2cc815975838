//! Process: the CPU time and the memory of the agent, as Linux counts them.

use std::{fs, io, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// `/proc` counts the time of a process in these.
const TICK: Duration = Duration::from_millis(10);
/// The two ways to count differ by less, unless threads have ended.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Another process of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

/// The CPU time that a process has used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CpuTime {
    /// Of the threads that there are, to the nanosecond.
    threads: Duration,
    /// Of all threads that ever were, to the tick.
    process: Duration,
}

impl Process {
    /// The CPU time that it has used.
    ///
    /// The time of a running thread lags by up to one tick of the scheduler.
    pub(crate) fn cpu_time(self) -> io::Result<CpuTime> {
        let mut threads = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0))? {
            // A thread may end meanwhile.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            threads += Duration::from_nanos(first_number(&text));
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        Ok(CpuTime { threads, process: TICK * ticks(&stat) })
    }

    /// The memory that it holds, in KiB.
    pub(crate) fn rss_kib(self) -> io::Result<u64> {
        // The sum over its pages is exact; the kernel's running count may be behind.
        let exact = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0)).ok();
        if let Some(kib) = exact.and_then(|text| field(&text, "Rss:")) {
            return Ok(kib);
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        Ok(field(&status, "VmRSS:").unwrap_or_default())
    }
}

impl CpuTime {
    /// What was used since; by the ticks if a thread that ended has taken its count with it.
    pub(crate) fn since(self, before: Self) -> Duration {
        let threads = self.threads.saturating_sub(before.threads);
        let process = self.process.saturating_sub(before.process);
        if process > threads + TOLERANCE { process } else { threads }
    }
}

/// The CPU time that this process has used.
pub(crate) fn own_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// utime and stime of `/proc/PID/stat`: the 12th and 13th word behind the name, which may hold any.
fn ticks(stat: &str) -> u32 {
    let words = stat.rsplit_once(')').map_or("", |(_, words)| words);
    words.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u32>().ok()).sum()
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(first_number(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_counted() {
        let this = Process(std::process::id());
        let before = this.cpu_time().unwrap();
        let own = own_cpu_time();
        let sum = (0..50_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
        assert!(own_cpu_time() > own, "{sum}");
        let worked = this.cpu_time().unwrap().since(before);
        assert!(worked > Duration::ZERO && worked < Duration::from_secs(60), "{worked:?}");
        assert!(this.rss_kib().unwrap() > 0);
    }

    #[test]
    fn threads_that_ended_are_counted_by_the_ticks() {
        let time = |threads, process| CpuTime {
            threads: Duration::from_millis(threads),
            process: Duration::from_millis(process),
        };
        assert_eq!(time(1500, 1510).since(time(1000, 1000)), Duration::from_millis(500));
        assert_eq!(time(200, 1500).since(time(1000, 1000)), Duration::from_millis(500));
    }

    #[test]
    fn the_files_of_proc_are_read() {
        let stat = "9 (a) b) R 1 2 3 4 5 6 7 8 9 10 49 4 6 0 20";
        assert_eq!(ticks(stat), 53);
        assert_eq!(field("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
        assert_eq!(first_number("539112729 97013577 124\n"), 539_112_729);
    }
}
