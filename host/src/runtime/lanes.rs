//! Two lanes for each executor: partitions whose turns are short share the fast one, and those whose turns are not go on on
//! the slow one, whose thread the kernel lets run when no other wants the core.
//!
//! Owns the moves of a partition's task between the two, at its next wait, and the judgement of what is short. Must not know
//! what a turn does; whoever does tells the task's `Pace`. So a guest that computes for long costs its neighbours the ticks
//! that it takes to notice, not its budget, however many do so at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use tokio::runtime::Handle;

/// What a turn that has crossed a tick weighs against those that have not: turns of a tenth of a tick on average are slow.
const CROSSED: u32 = 10;
/// Beyond this they are slow: one turn alone that has crossed a tick by chance is not enough.
const SLOW: u32 = 16;
const MOST: u32 = 64;

/// Where a task belongs now. Told by its own turns only.
#[derive(Debug, Default)]
pub struct Pace {
    slow: AtomicBool,
    weight: AtomicU32,
}

impl Pace {
    /// The turn in hand takes long.
    pub fn slow_down(&self) {
        self.slow.store(true, Ordering::Relaxed);
    }

    /// A turn has ended. `crossed`: while it computed a tick has come.
    pub fn turn_ended(&self, crossed: bool) {
        let before = self.weight.load(Ordering::Relaxed);
        let weight = if crossed { (before + CROSSED).min(MOST) } else { before.saturating_sub(1) };
        self.weight.store(weight, Ordering::Relaxed);
        self.slow.store(weight > SLOW, Ordering::Relaxed);
    }

    fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }
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
    use std::time::Duration;

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
            marked.turn_ended(false);
            tokio::time::sleep(Duration::from_millis(1)).await;
            sender.send(lane()).unwrap();
        };
        executors.next().spawn(task, pace);
        let lanes: Vec<String> = seen.iter().collect();
        assert_eq!(lanes, ["executor-0", "executor-0", "executor-0-slow", "executor-0"]);
        executors.stop();
    }

    #[test]
    fn turns_that_often_take_long_are_slow_and_a_long_one_among_many_short_ones_is_not() {
        let pace = Pace::default();
        for turn in 0..1_000 {
            pace.turn_ended(turn % 20 == 0);
            assert!(!pace.is_slow(), "{turn}");
        }
        (0..3).for_each(|_| pace.turn_ended(true));
        assert!(pace.is_slow());
        (0..MOST).for_each(|_| pace.turn_ended(false));
        assert!(!pace.is_slow());
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
