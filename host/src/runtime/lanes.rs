//! Two lanes for each executor: partitions whose turns are short share the fast one, and those whose turns are not go on on
//! the slow one, whose thread has a low priority.
//!
//! Owns the moves of a partition's task between the two, at its next wait, and the judgement of what is short. Must not know
//! what a turn does; whoever does tells the task's `Pace`. So a guest that computes for long costs its neighbours the ticks
//! that it takes to notice, not its budget, however many do so at once.

use rustix::time::{ClockId, clock_gettime};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;

/// The CPU time from which on a turn is long.
const LONG: Duration = Duration::from_micros(100);
/// What a long turn weighs against short ones.
const WEIGHT: u32 = 10;
/// Beyond this a partition is slow: one long turn alone is not enough.
const SLOW: u32 = 16;
const MOST: u32 = 64;

/// Where a task belongs now. Told by its own turns only.
///
/// Most turns cost two reads of memory. One during which a tick has come makes the partition suspect, no more: its thread may
/// have been off the core. The turns of a suspect are measured by the clock of the thread, until enough of them were short.
#[derive(Debug, Default)]
pub struct Pace {
    slow: AtomicBool,
    weight: AtomicU32,
    /// The turn in hand: its first tick, and the thread's CPU time then, in nanoseconds; 0: not measured.
    began: AtomicU64,
    cpu: AtomicU64,
}

impl Pace {
    pub fn turn_begins(&self, tick: u64) {
        self.began.store(tick, Ordering::Relaxed);
        let suspect = self.weight.load(Ordering::Relaxed) > 0;
        self.cpu.store(if suspect { thread_cpu() } else { 0 }, Ordering::Relaxed);
    }

    /// The turn in hand has computed for longer than turns do.
    pub fn slow_down(&self) {
        self.slow.store(true, Ordering::Relaxed);
    }

    /// `waited`: for a reply, while others had the thread.
    pub fn turn_ends(&self, tick: u64, waited: bool) {
        let (before, slow) = (self.weight.load(Ordering::Relaxed), self.is_slow());
        let long = match self.cpu.load(Ordering::Relaxed) {
            _ if waited => false,
            // It may have moved to another thread meanwhile.
            _ if slow && before <= SLOW => true,
            0 => tick > self.began.load(Ordering::Relaxed),
            cpu => thread_cpu().saturating_sub(cpu) >= LONG.as_nanos() as u64,
        };
        let weight = if long { (before + WEIGHT).min(MOST) } else { before.saturating_sub(1) };
        self.weight.store(weight, Ordering::Relaxed);
        self.slow.store(weight > SLOW, Ordering::Relaxed);
    }

    fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }
}

fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// The two threads of one executor.
#[derive(Debug, Clone)]
pub struct Lanes {
    pub fast: Handle,
    pub slow: Handle,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Lanes {
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static, pace: Arc<Pace>) {
        run(self.clone(), Box::pin(task), pace, false);
    }
}

/// Runs the task on one of the lanes until it ends or belongs on the other.
fn run(lanes: Lanes, mut task: Task, pace: Arc<Pace>, slow: bool) {
    let lane = if slow { lanes.slow.clone() } else { lanes.fast.clone() };
    lane.spawn(async move {
        let polled = |context: &mut std::task::Context<'_>| match task.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            // It is polled over there at once, so whatever wakes it from then on wakes it there.
            Poll::Pending if pace.is_slow() != slow => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        };
        let ended = poll_fn(polled).await;
        if !ended {
            run(lanes, task, pace, !slow);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::executors::Executors;
    use super::*;
    use std::sync::mpsc;

    fn lane() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_task_moves_to_the_slow_lane_at_its_next_wait_and_back_when_it_has_recovered() {
        let executors = Executors::start(1).unwrap();
        let pace = Arc::<Pace>::default();
        let (sender, seen) = mpsc::channel();
        let marked = pace.clone();
        let task = async move {
            sender.send(lane()).unwrap();
            marked.slow_down();
            sender.send(lane()).unwrap();
            tokio::task::yield_now().await;
            sender.send(lane()).unwrap();
            marked.turn_ends(0, true);
            tokio::time::sleep(Duration::from_millis(1)).await;
            sender.send(lane()).unwrap();
        };
        executors.next().spawn(task, pace);
        let lanes: Vec<String> = seen.iter().collect();
        assert_eq!(lanes, ["executor-0", "executor-0", "executor-0-slow", "executor-0"]);
        executors.stop();
    }

    fn compute(time: Duration) {
        let begun = thread_cpu();
        while thread_cpu() - begun < time.as_nanos() as u64 {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_partition_is_slow_as_long_as_its_turns_compute_for_long() {
        let pace = Pace::default();
        for tick in 0..3 {
            pace.turn_begins(tick);
            compute(2 * LONG);
            pace.turn_ends(tick + 1, false);
        }
        assert!(pace.is_slow());
        for _ in 0..MOST {
            pace.turn_begins(9);
            pace.turn_ends(9, false);
        }
        assert!(!pace.is_slow());
    }

    #[test]
    fn a_thread_that_was_off_the_core_makes_no_turn_long() {
        let pace = Pace::default();
        for tick in 0..100 {
            pace.turn_begins(tick);
            // A tick has come, and nothing was computed.
            pace.turn_ends(tick + 1, false);
            assert!(!pace.is_slow(), "{tick}");
        }
    }

    #[test]
    fn what_wakes_a_task_after_its_move_wakes_it_where_it_is() {
        let executors = Executors::start(1).unwrap();
        let pace = Arc::<Pace>::default();
        let (wake, woken) = tokio::sync::oneshot::channel::<()>();
        let (sender, seen) = mpsc::channel();
        let marked = pace.clone();
        let task = async move {
            marked.slow_down();
            woken.await.unwrap();
            sender.send(lane()).unwrap();
        };
        executors.next().spawn(task, pace);
        wake.send(()).unwrap();
        let lane = seen.recv_timeout(Duration::from_secs(30)).unwrap();
        // Woken before its first wait, it had no reason to move.
        assert!(lane.starts_with("executor-0"), "{lane}");
        executors.stop();
    }
}
