//! Whether it is this process that keeps the machine busy, or others.
//!
//! Owns a window of some time. Must not know what follows from it. Cannot fail: what is not known counts as ours.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

pub const WINDOW: Duration = Duration::from_millis(100);
/// Nobody has asked for so long that there is no last window.
const STALE: Duration = Duration::from_millis(400);

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

    /// This process had less than half of the machine in the last `WINDOW`. To be asked at least once in each.
    pub fn is_less_than_half(&mut self) -> bool {
        self.after(self.since.elapsed())
    }

    /// So long after the window began.
    fn after(&mut self, wall: Duration) -> bool {
        if wall >= WINDOW {
            let cpu = process_cpu();
            // What was long ago says nothing about now.
            self.is_less_than_half = wall < STALE && is_less_than_half(cpu.saturating_sub(self.cpu), wall * self.cores);
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

    fn share_after(wall: Duration) -> bool {
        CpuShare { is_less_than_half: false, ..CpuShare::of_a_small_process() }.after(wall)
    }

    #[test]
    fn what_the_process_had_is_known_after_a_window_and_no_more_when_nobody_has_asked_for_long() {
        assert!(!share_after(WINDOW / 2));
        assert!(share_after(WINDOW));
        assert!(share_after(STALE - Duration::from_nanos(1)));
        assert!(!share_after(STALE));
    }

    #[test]
    fn a_process_that_has_had_all_of_it_has_not_had_less_than_half() {
        let mut share = CpuShare { cores: 0, ..CpuShare::of_a_small_process() };
        assert!(!share.after(WINDOW));
    }

    #[test]
    fn half_of_it_is_not_less() {
        let half = Duration::from_millis(50);
        assert!(!is_less_than_half(half, 2 * half));
        assert!(is_less_than_half(half, 2 * half + Duration::from_nanos(1)));
    }
}
