//! CPU budget of one call: what its thread has computed for it, looked at when an epoch tick finds it running.
//!
//! Most calls end before the first tick and cost no look at any clock. From that tick on the time is exact: work in the
//! host on the guest's behalf is charged, waiting is not, and neither is a thread that was off the CPU. Exhaustion ends
//! the call with `Spent`.

use rustix::time::{ClockId, clock_gettime};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime::UpdateDeadline;

/// The period of the epoch ticker, and with it the longest time a guest keeps its thread.
pub const TICK: Duration = Duration::from_millis(1);

/// Ticks granted before the first look. Two, because the first may come at once.
pub const FIRST_DEADLINE: u64 = 2;

/// Ticks granted after a wait. One, so that a guest that computes a little between many waits is found at it as often as
/// it does.
pub const NEXT_DEADLINE: u64 = 1;

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
    meter: Arc<Meter>,
    /// On the sync path: this thread's CPU time when the first tick fired. Ticks alone would punish a guest whose
    /// thread was merely off the CPU.
    first_tick: Option<Duration>,
    may_yield: bool,
}

impl Budget {
    pub fn new() -> Self {
        Budget { limit: Duration::MAX, meter: Arc::default(), first_tick: None, may_yield: false }
    }

    /// Begins a call: on the fiber path (`may_yield`) it gives way to others at each tick, on the sync path it ends
    /// after one slice.
    pub fn begin(&mut self, limit: Duration, may_yield: bool) {
        self.meter.used.store(0, Ordering::Relaxed);
        self.meter.since.store(UNKNOWN, Ordering::Relaxed);
        (self.limit, self.first_tick, self.may_yield) = (limit, None, may_yield);
    }

    pub fn used(&self) -> Duration {
        self.meter.used()
    }

    /// What the future that polls the call is to be wrapped with.
    pub fn meter(&self) -> Arc<Meter> {
        self.meter.clone()
    }

    /// The deadline has passed with the guest running: charge it, and decide how it goes on.
    pub fn tick(&mut self) -> Result<UpdateDeadline, Spent> {
        let now = thread_cpu_time();
        self.meter.charge(now);
        if self.used() > self.limit {
            return Err(Spent::Budget);
        }
        if self.may_yield {
            return Ok(UpdateDeadline::Yield(NEXT_DEADLINE));
        }
        let since = now.saturating_sub(*self.first_tick.get_or_insert(now));
        if since >= TICK / 2 { Err(Spent::Slice) } else { Ok(UpdateDeadline::Continue(1)) }
    }
}

/// What a call has used. Shared by its store, which ticks find running, and the future that polls it.
#[derive(Debug, Default)]
pub struct Meter {
    /// In nanoseconds; 0 until a tick has found the call running.
    used: AtomicU64,
    /// The thread's CPU time up to which all is charged.
    since: AtomicU64,
}

/// Nobody has looked at the clock since the call went on.
const UNKNOWN: u64 = u64::MAX;

impl Meter {
    fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    /// Up to now; a tick, where nobody knows since when. There is one writer at a time: the thread that polls.
    fn charge(&self, now: Duration) {
        let now = nanos(now);
        let more = match self.since.swap(now, Ordering::Relaxed) {
            UNKNOWN => nanos(TICK),
            since => now.saturating_sub(since),
        };
        self.used.store(self.used.load(Ordering::Relaxed).saturating_add(more), Ordering::Relaxed);
    }

    fn is_running(&self) -> bool {
        self.used.load(Ordering::Relaxed) > 0
    }

    /// The same call; from its first tick on, what it uses between its waits is charged, and nothing else.
    pub async fn metered<F: Future>(self: Arc<Self>, call: F) -> F::Output {
        let mut call = pin!(call);
        std::future::poll_fn(|context| {
            let begun = self.is_running();
            let since = if begun { nanos(thread_cpu_time()) } else { UNKNOWN };
            self.since.store(since, Ordering::Relaxed);
            let polled = call.as_mut().poll(context);
            if begun && polled.is_pending() {
                self.charge(thread_cpu_time());
            }
            polled
        })
        .await
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(UNKNOWN - 1)
}

fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use std::task::Poll;

    fn compute_for(time: Duration) {
        let start = thread_cpu_time();
        while thread_cpu_time() - start < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_yielding_call_runs_until_its_budget_is_spent() {
        let mut budget = Budget::new();
        budget.begin(TICK * 3, true);
        assert!(matches!(budget.tick(), Ok(UpdateDeadline::Yield(1))));
        compute_for(TICK);
        assert!(matches!(budget.tick(), Ok(UpdateDeadline::Yield(1))));
        compute_for(TICK * 2);
        assert_eq!(budget.tick().err(), Some(Spent::Budget));
    }

    #[test]
    fn once_a_tick_has_found_a_call_running_its_waits_cost_nothing_and_its_work_what_it_took() {
        let mut budget = Budget::new();
        budget.begin(TICK * 1_000, true);
        budget.tick().unwrap();
        let mut polls = 0;
        let call = std::future::poll_fn(|context| {
            compute_for(TICK * 2);
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 5 { Poll::Ready(()) } else { Poll::Pending }
        });
        let mut call = pin!(budget.meter().metered(call));
        block_on(std::future::poll_fn(|context| {
            // Others on this thread.
            compute_for(TICK * 20);
            call.as_mut().poll(context)
        }));
        let used = budget.used();
        assert!(used >= TICK * 9 && used < TICK * 50, "{used:?}");
    }

    #[test]
    fn a_call_that_no_tick_has_found_running_has_used_nothing() {
        let mut budget = Budget::new();
        budget.begin(TICK, true);
        block_on(budget.meter().metered(async { compute_for(TICK) }));
        assert_eq!(budget.used(), Duration::ZERO);
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
        compute_for(TICK);
        assert_eq!(budget.tick().err(), Some(Spent::Slice));
    }
}
