//! Whether it is this process that keeps the machine busy, or others.
//!
//! Owns a window of some time. Must not know what follows from it. Cannot fail: what is not known counts as ours.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

pub const WINDOW: Duration = Duration::from_millis(100);

pub struct CpuShare {
    cores: u32,
    since: Instant,
    cpu: Duration,
    is_less_than_half: bool,
}

impl CpuShare {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        CpuShare { cores, since: Instant::now(), cpu: process_cpu(), is_less_than_half: false }
    }

    /// As if all others had the machine.
    #[cfg(test)]
    pub fn of_a_small_process() -> Self {
        CpuShare { cores: 1_000_000, is_less_than_half: true, ..Self::new() }
    }

    /// This process had less than half of the machine when that was last looked at, which is once in a `WINDOW`.
    pub fn is_less_than_half(&mut self) -> bool {
        let wall = self.since.elapsed();
        if wall >= WINDOW {
            let cpu = process_cpu();
            self.is_less_than_half = is_less_than_half(cpu.saturating_sub(self.cpu), wall * self.cores);
            (self.since, self.cpu) = (Instant::now(), cpu);
        }
        self.is_less_than_half
    }
}

fn is_less_than_half(of: Duration, all: Duration) -> bool {
    of * 2 < all
}

/// Of all its threads, those that have ended among them.
fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_before_a_window_is_over() {
        assert!(!CpuShare::new().is_less_than_half());
    }

    #[test]
    fn after_a_window_it_is_known_what_the_process_had_of_it() {
        let share = |cores| {
            let since = Instant::now().checked_sub(WINDOW).unwrap();
            CpuShare { cores, since, cpu: process_cpu(), is_less_than_half: false }.is_less_than_half()
        };
        // However much the other tests compute in an instant.
        assert_eq!([0, 1_000_000].map(share), [false, true]);
    }

    #[test]
    fn half_of_it_is_not_less() {
        let half = Duration::from_millis(50);
        assert!(!is_less_than_half(half, 2 * half));
        assert!(is_less_than_half(half, 2 * half + Duration::from_nanos(1)));
    }
}
