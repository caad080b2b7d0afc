//! CPU budget of one call, counted in epoch ticks that found the guest running.
//!
//! A tick that fires while the guest waits in the host is not charged; one that finds it computing, or flooding the
//! host with calls, is. Exhaustion ends the call with `Spent`.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;
use wasmtime::UpdateDeadline;

/// The period of the epoch ticker, and with it the longest time a guest keeps its thread.
pub const TICK: Duration = Duration::from_millis(1);

/// Ticks granted before the first look. Two, because the first may come at once.
pub const FIRST_DEADLINE: u64 = 2;

/// Why the budget ended a call; travels as the error of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Spent {
    #[error("CPU budget exhausted")]
    Budget,
    #[error("the call outlived its slice on the sync path")]
    Slice,
}

#[derive(Debug)]
pub struct Budget {
    limit: Duration,
    used: Duration,
    /// On the sync path: this thread's CPU time when the first tick fired. Ticks alone would punish a guest whose
    /// thread was merely off the CPU.
    first_tick: Option<Duration>,
    may_yield: bool,
}

impl Budget {
    pub fn new() -> Self {
        Budget { limit: Duration::MAX, used: Duration::ZERO, first_tick: None, may_yield: false }
    }

    /// Begins a call: on the fiber path (`may_yield`) it gives way to others at each tick, on the sync path it ends
    /// after one slice.
    pub fn begin(&mut self, limit: Duration, may_yield: bool) {
        *self = Budget { limit, used: Duration::ZERO, first_tick: None, may_yield };
    }

    pub fn used(&self) -> Duration {
        self.used
    }

    /// The deadline has passed with the guest running: charge it, and decide how it goes on.
    pub fn tick(&mut self) -> Result<UpdateDeadline, Spent> {
        self.used += TICK;
        if self.used > self.limit {
            return Err(Spent::Budget);
        }
        if self.may_yield {
            return Ok(UpdateDeadline::Yield(1));
        }
        let now = thread_cpu_time();
        let since = now.saturating_sub(*self.first_tick.get_or_insert(now));
        if since >= TICK / 2 { Err(Spent::Slice) } else { Ok(UpdateDeadline::Continue(1)) }
    }
}

fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yielding_call_runs_until_its_budget_is_spent() {
        let mut budget = Budget::new();
        budget.begin(TICK * 3, true);
        for _ in 0..3 {
            assert!(matches!(budget.tick(), Ok(UpdateDeadline::Yield(1))));
        }
        assert_eq!(budget.tick().err(), Some(Spent::Budget));
    }

    #[test]
    fn a_sync_call_whose_thread_was_off_the_cpu_goes_on() {
        let mut budget = Budget::new();
        budget.begin(TICK * 1_000, false);
        // Two ticks in immediate succession: hardly any CPU time between them.
        assert!(matches!(budget.tick(), Ok(UpdateDeadline::Continue(1))));
        assert!(matches!(budget.tick(), Ok(UpdateDeadline::Continue(1))));
    }

    #[test]
    fn a_sync_call_that_computes_ends_after_its_slice() {
        let mut budget = Budget::new();
        budget.begin(TICK * 1_000, false);
        assert!(budget.tick().is_ok());
        let start = thread_cpu_time();
        while thread_cpu_time() - start < TICK {
            std::hint::spin_loop();
        }
        assert_eq!(budget.tick().err(), Some(Spent::Slice));
    }
}
