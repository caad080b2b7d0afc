//! What the task of a partition takes of the CPU on each of the two lanes: who pays for whom.
//!
//! Counted only if the runtime's configuration wants it, because that takes two system calls whenever a task goes on. Must not know
//! what a task does. Cannot fail.

use super::Runtime;
use super::pace::thread_cpu;
use crate::words::SpaceName;
use std::iter::Sum;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Of one task, in nanoseconds.
#[derive(Debug, Default)]
pub struct LaneCpu {
    fast: AtomicU64,
    slow: AtomicU64,
}

/// Of a space, since it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneTimes {
    /// Taken from others who wanted the core: on the fast lane, lent ticks among it.
    pub fast: Duration,
    /// Of what nobody else wanted.
    pub slow: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Fast,
    Slow,
}

impl Sum for LaneTimes {
    fn sum<I: Iterator<Item = LaneTimes>>(times: I) -> Self {
        times.fold(LaneTimes::default(), |sum, of| LaneTimes { fast: sum.fast + of.fast, slow: sum.slow + of.slow })
    }
}

impl LaneCpu {
    /// What `work` does is done on that lane.
    pub fn count<T>(&self, lane: Lane, work: impl FnOnce() -> T) -> T {
        let before = thread_cpu();
        let done = work();
        let counter = match lane {
            Lane::Fast => &self.fast,
            Lane::Slow => &self.slow,
        };
        counter.fetch_add(thread_cpu().saturating_sub(before), Ordering::Relaxed);
        done
    }

    fn read(&self) -> LaneTimes {
        let time = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        LaneTimes { fast: time(&self.fast), slow: time(&self.slow) }
    }
}

impl Runtime {
    /// All zero unless the configuration has `lane_cpu`, and for a space that is not there.
    pub fn lane_times(&self, name: &SpaceName) -> LaneTimes {
        let Some(space) = self.0.router.space(name) else { return LaneTimes::default() };
        space.partitions.iter().map(|partition| partition.pace.taken.read()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_counted_on_its_lane_and_nowhere_else() {
        let cpu = LaneCpu::default();
        let compute = || {
            let before = thread_cpu();
            while thread_cpu() - before < 1_000_000 {}
            "done"
        };
        assert_eq!(cpu.count(Lane::Slow, compute), "done");
        let LaneTimes { fast, slow } = cpu.read();
        assert!(fast.is_zero() && slow >= Duration::from_millis(1), "{slow:?}");
        cpu.count(Lane::Fast, compute);
        let after = cpu.read();
        assert!(after.fast >= Duration::from_millis(1) && after.slow == slow, "{after:?}");
    }
}
