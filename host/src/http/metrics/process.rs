//! The process as the system sees it, under the names that all exporters give it.
//!
//! Reads `/proc`. Whatever cannot be read is left out.

use super::series::{counter, gauge};
use prometheus::proto::MetricFamily;
use rustix::time::{ClockId, clock_gettime};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// As near to the process's start as the first look at it.
static STARTED: LazyLock<f64> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));

/// Called when the host starts.
pub fn note_start() {
    LazyLock::force(&STARTED);
}

pub fn families() -> Vec<MetricFamily> {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let files = std::fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    let mut families = vec![
        counter("process_cpu_seconds_total", "CPU time of the process.", [(Vec::new(), cpu)]),
        gauge("process_start_time_seconds", "When the host was started, since 1970.", [(Vec::new(), *STARTED)]),
    ];
    let read = [
        ("process_resident_memory_bytes", "Memory of the process.", field(&status, "VmRSS:").map(|kib| kib * 1024.0)),
        ("process_threads", "Threads of the process.", field(&status, "Threads:")),
        ("process_open_fds", "Files that are open.", files.map(|count| count as f64)),
    ];
    let found = read.into_iter().filter_map(|(name, help, value)| Some(gauge(name, help, [(Vec::new(), value?)])));
    families.extend(found);
    families
}

fn field(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_without_their_units() {
        let status = "Name:\ta\nVmRSS:\t  1234 kB\nThreads:\t7\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:")), (Some(1234.0), Some(7.0)));
        assert_eq!(field(status, "VmSwap:"), None);
    }
}
