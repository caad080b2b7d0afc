//! Two lanes for each executor: what the host does, and guests whose turns are short, run on the fast one; guests that
//! compute for longer go on on the slow one, whose thread runs when no other wants the core.
//!
//! Owns the moves of a partition's task between the two. Must not know what a turn does, or what makes one long: the task's
//! `Pace` says where it belongs. So a guest that computes for long costs its neighbours the ticks that it takes to notice, not
//! its budget, however many do so at once. Only guests are sent away, and they come back before anything else is done: what
//! holds a lock of the host is never off the core because others are on it.
//!
//! What is away computes, so it can always be polled, and waits for nothing but its turn: a queue is all there is to it. The slow
//! thread takes from it whenever it gets the core; while it gets none, the fast thread lends a tick now and then.

use super::lane_cpu::Lane;
use super::pace::{Pace, thread_cpu};
use futures::FutureExt;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{sleep, sleep_until};

/// When the slow thread has not been seen on a core for so long although there was something to do, it is starved.
const STARVED: Duration = Duration::from_millis(20);
/// How often the fast thread then lends a tick, at most.
const GAP: Duration = Duration::from_millis(20);
/// It lends a fiftieth of its time, whatever a tick comes to: long turns reach their end also where others keep the machine
/// busy, and cost those no more than that. The default budget of a turn so takes 25 of the 30 seconds that a turn may last.
const LENT: u32 = 50;
/// And a hundredth to those that have broken off lately.
const LENT_AFTER_FAULTS: u32 = 100;
/// A starved thread takes nothing for so long, because what it took would stay with it until it gets the core.
const REST: Duration = Duration::from_millis(100);
/// It goes on when it wakes no later than this: then there is a core to be had.
const PUNCTUAL: Duration = Duration::from_millis(2);

/// How long the fast thread lends nothing after a tick that took so long.
fn gap_after(took: Duration) -> Duration {
    GAP.max(took * LENT)
}

/// The two threads of one executor.
#[derive(Clone)]
pub struct Lanes {
    fast: Handle,
    away: Arc<Away>,
    counts_cpu: bool,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Computing {
    task: Task,
    pace: Arc<Pace>,
}

impl Computing {
    fn poll(&mut self, context: &mut Context, lane: Lane, counts_cpu: bool) -> Poll<()> {
        let mut poll = || self.task.as_mut().poll(context);
        if counts_cpu { self.pace.taken.count(lane, poll) } else { poll() }
    }
}

impl Lanes {
    /// Of a fast thread, and a slow one that is to run `compute`.
    pub fn new(fast: Handle, counts_cpu: bool) -> Self {
        let lanes = Lanes { fast, away: Arc::default(), counts_cpu };
        lanes.fast.spawn(lanes.clone().lend());
        lanes
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static, pace: Arc<Pace>) {
        // The lanes outlive what panics on them.
        let task = AssertUnwindSafe(task).catch_unwind().map(drop);
        self.run(Computing { task: Box::pin(task), pace });
    }

    /// Runs the task on the fast lane until it ends or belongs away.
    fn run(&self, mut computing: Computing) {
        let (away, counts_cpu) = (self.away.clone(), self.counts_cpu);
        computing.pace.is_moved(false);
        self.fast.spawn(async move {
            let ended = poll_fn(|context| match computing.poll(context, Lane::Fast, counts_cpu) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending if computing.pace.belongs_away() => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            });
            if !ended.await {
                computing.pace.is_moved(true);
                away.arrive(computing);
            }
        });
    }

    /// What the slow thread does.
    pub async fn compute(&self) {
        loop {
            let computing = self.away.next().await;
            let begun = Instant::now();
            self.go_on(computing, Lane::Slow).await;
            if begun.elapsed() < STARVED {
                self.away.is_seen();
            } else {
                self.rest().await;
            }
            // So that its runtime sees to its timers, too.
            yield_now().await;
        }
    }

    async fn rest(&self) {
        self.away.rests();
        loop {
            let due = Instant::now() + REST;
            sleep_until(due.into()).await;
            if due.elapsed() <= PUNCTUAL {
                return self.away.is_seen();
            }
        }
    }

    /// What the fast thread does for the slow one.
    async fn lend(self) {
        let mut gap = GAP;
        let mut after_faults = Instant::now();
        loop {
            self.away.has_some().await;
            sleep(gap).await;
            gap = GAP;
            let lent = self.away.lock().lend(after_faults <= Instant::now());
            let Some(computing) = lent else { continue };
            let broke_off = computing.pace.is_on_probation();
            let before = thread_cpu();
            self.go_on(computing, Lane::Fast).await;
            let took = Duration::from_nanos(thread_cpu().saturating_sub(before));
            gap = gap_after(took);
            if broke_off {
                after_faults = Instant::now() + took * LENT_AFTER_FAULTS;
            }
        }
    }

    /// Lets the guest compute for a tick, and puts it where it belongs then. Its wakers are not needed: it is polled again in any
    /// case, and over there at once, so whatever wakes it from then on wakes it there.
    async fn go_on(&self, mut computing: Computing, lane: Lane) {
        if poll_fn(|context| Poll::Ready(computing.poll(context, lane, self.counts_cpu))).await.is_pending() {
            match computing.pace.belongs_away() {
                true => self.away.put_back(computing),
                false => self.run(computing),
            }
        }
    }

    /// Drops what is away, and whatever comes from now on: its thread has ended.
    pub fn close(&self) {
        self.away.close();
    }
}

/// Those who compute.
#[derive(Default)]
struct Away {
    line: Mutex<Line>,
    /// Rung when there may be something to do, for the slow thread and for who lends.
    came: Notify,
    came_to_lend: Notify,
}

struct Line {
    usual: VecDeque<Computing>,
    /// Of partitions that have broken off lately.
    after_faults: VecDeque<Computing>,
    /// The slow thread takes from these next, if it can.
    next_is_usual: bool,
    /// When the slow thread was on a core, or had nothing to do. None: it rests.
    seen: Option<Instant>,
    closed: bool,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            usual: VecDeque::new(),
            after_faults: VecDeque::new(),
            next_is_usual: true,
            seen: Some(Instant::now()),
            closed: false,
        }
    }
}

impl Line {
    fn is_empty(&self) -> bool {
        self.usual.is_empty() && self.after_faults.is_empty()
    }

    /// The two in turn, as long as there are both.
    fn take(&mut self) -> Option<Computing> {
        self.next_is_usual = !self.next_is_usual;
        let (first, second) = match self.next_is_usual {
            true => (&mut self.usual, &mut self.after_faults),
            false => (&mut self.after_faults, &mut self.usual),
        };
        first.pop_front().or_else(|| second.pop_front())
    }

    /// One for the fast thread, if the slow one is starved.
    fn lend(&mut self, after_faults: bool) -> Option<Computing> {
        if self.seen.is_some_and(|seen| seen.elapsed() < STARVED) {
            return None;
        }
        let after_faults = if after_faults { self.after_faults.pop_front() } else { None };
        after_faults.or_else(|| self.usual.pop_front())
    }
}

impl Away {
    fn arrive(&self, computing: Computing) {
        let mut line = self.lock();
        if line.is_empty() && line.seen.is_some() {
            line.seen = Some(Instant::now());
        }
        self.add(line, computing);
    }

    fn put_back(&self, computing: Computing) {
        self.add(self.lock(), computing);
    }

    fn add(&self, mut line: MutexGuard<'_, Line>, computing: Computing) {
        if line.closed {
            // What it drops may do anything.
            return drop(line);
        }
        match computing.pace.is_on_probation() {
            true => line.after_faults.push_back(computing),
            false => line.usual.push_back(computing),
        }
        drop(line);
        self.came.notify_one();
        self.came_to_lend.notify_one();
    }

    /// The next one for the slow thread.
    async fn next(&self) -> Computing {
        loop {
            if let Some(computing) = self.lock().take() {
                return computing;
            }
            self.came.notified().await;
        }
    }

    async fn has_some(&self) {
        while self.lock().is_empty() {
            self.came_to_lend.notified().await;
        }
    }

    fn is_seen(&self) {
        self.lock().seen = Some(Instant::now());
    }

    fn rests(&self) {
        self.lock().seen = None;
    }

    fn close(&self) {
        let mut line = self.lock();
        line.closed = true;
        let left = (std::mem::take(&mut line.usual), std::mem::take(&mut line.after_faults));
        drop(line);
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // Each change of the line is one step.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::executors::Executors;
    use super::super::pace::{LONG, MOST, thread_cpu};
    use super::*;
    use std::sync::mpsc;

    fn lane() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    fn compute(time: Duration) {
        let begun = thread_cpu();
        while thread_cpu() - begun < time.as_nanos() as u64 {
            std::hint::spin_loop();
        }
    }

    /// Computes until it does so on the slow lane.
    async fn get_away(pace: Arc<Pace>) {
        pace.guest_begins(0).await;
        pace.slow_down();
        while lane() != "executor-0-slow" {
            yield_now().await;
        }
    }

    /// The lanes on which the task says it is, on one executor.
    fn lanes_of<F: Future<Output = ()> + Send + 'static>(
        task: impl FnOnce(Arc<Pace>, mpsc::Sender<String>) -> F,
    ) -> Vec<String> {
        let executors = Executors::start(1, false).unwrap();
        let pace = Arc::<Pace>::default();
        let (sender, seen) = mpsc::channel();
        executors.next().spawn(task(pace.clone(), sender), pace);
        let lanes = seen.iter().collect();
        executors.stop();
        lanes
    }

    #[test]
    fn a_partition_whose_turns_compute_for_long_is_sent_away_before_they_begin_and_until_enough_were_short() {
        let lanes = lanes_of(|pace, sender| async move {
            let turn = async |tick, time| {
                pace.guest_begins(0).await;
                sender.send(lane()).unwrap();
                compute(time);
                pace.guest_has_ended(tick, false).await;
            };
            for _ in 0..3 {
                turn(1, 2 * LONG).await;
            }
            for _ in 0..MOST {
                turn(0, Duration::ZERO).await;
            }
        });
        // Where it computes then depends on the machine: it is lent a tick where there is no core.
        assert_eq!(lanes[..2], ["executor-0", "executor-0"]);
        assert_eq!(lanes.last().unwrap(), "executor-0");
    }

    #[test]
    fn a_guest_that_gets_no_core_on_the_slow_lane_has_ticks_on_the_fast_one_and_goes_back_when_there_is_one() {
        let lanes = lanes_of(|pace, sender| async move {
            let tick = async || {
                yield_now().await;
                sender.send(lane()).unwrap();
            };
            pace.guest_begins(0).await;
            pace.slow_down();
            while lane() != "executor-0-slow" {
                tick().await;
            }
            // As if others had the core.
            std::thread::sleep(STARVED);
            while lane() != "executor-0" {
                tick().await;
            }
            while lane() != "executor-0-slow" {
                tick().await;
            }
            pace.guest_has_ended(1, false).await;
            sender.send(lane()).unwrap();
        });
        assert_eq!(lanes.last().unwrap(), "executor-0");
    }

    #[test]
    fn a_guest_that_computes_for_long_comes_to_its_end_also_where_the_slow_thread_gets_no_core_at_all() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        // Nobody runs its `compute`.
        let lanes = Lanes::new(runtime.handle().clone(), false);
        let (sender, ended) = tokio::sync::oneshot::channel();
        let pace = Arc::<Pace>::default();
        let task = {
            let pace = pace.clone();
            async move {
                pace.guest_begins(0).await;
                pace.slow_down();
                for _ in 0..3 {
                    yield_now().await;
                }
                pace.guest_has_ended(3, false).await;
                sender.send(()).unwrap();
            }
        };
        lanes.spawn(task, pace);
        runtime.block_on(ended).unwrap();
    }

    #[test]
    fn a_guest_that_waits_is_woken_on_the_fast_lane_and_goes_on_away() {
        let lanes = lanes_of(|pace, sender| async move {
            get_away(pace.clone()).await;
            let was_away = pace.guest_waits();
            sleep(Duration::from_millis(1)).await;
            sender.send(lane()).unwrap();
            pace.guest_goes_on(was_away).await;
            while lane() != "executor-0-slow" {
                yield_now().await;
            }
            sender.send(lane()).unwrap();
        });
        assert_eq!(lanes, ["executor-0", "executor-0-slow"]);
    }

    #[test]
    fn a_task_that_panics_on_the_slow_lane_ends_alone() {
        let executors = Executors::start(1, false).unwrap();
        let spawn = |end: Box<dyn FnOnce() + Send>| {
            let pace = Arc::<Pace>::default();
            let task = get_away(pace.clone()).map(|()| end());
            executors.next().spawn(task, pace);
        };
        spawn(Box::new(|| panic!("as a test wants")));
        let (sender, ended) = mpsc::channel();
        spawn(Box::new(move || sender.send(()).unwrap()));
        ended.recv().unwrap();
        executors.stop();
    }

    fn computing(after_faults: bool) -> Computing {
        let pace = Arc::<Pace>::default();
        if after_faults {
            pace.broke_off();
        }
        Computing { task: Box::pin(async {}), pace }
    }

    fn line_of(usual: usize, after_faults: usize) -> Line {
        Line {
            usual: (0..usual).map(|_| computing(false)).collect(),
            after_faults: (0..after_faults).map(|_| computing(true)).collect(),
            ..Line::default()
        }
    }

    fn broke_off(computing: Option<Computing>) -> Option<bool> {
        computing.map(|computing| computing.pace.is_on_probation())
    }

    #[test]
    fn nothing_is_lent_while_the_slow_thread_is_on_a_core_however_many_compute() {
        let mut line = line_of(100, 100);
        assert!(line.lend(true).is_none());
        line.seen = Some(Instant::now() - STARVED);
        assert!(line.lend(true).is_some());
        line.seen = None;
        assert!(line.lend(true).is_some());
    }

    #[test]
    fn what_is_lent_is_no_more_than_a_fiftieth_of_the_time_however_long_a_tick_takes() {
        for took in [1, 50, 400, 1_000, 2_000, 100_000].map(Duration::from_micros) {
            let share = took.as_secs_f64() / (took + gap_after(took)).as_secs_f64();
            assert!(share <= 0.02, "{took:?}: {share}");
        }
        assert!(gap_after(Duration::ZERO) >= GAP);
    }

    #[test]
    fn those_that_have_broken_off_are_lent_a_tick_less_often_and_then_before_the_others() {
        let mut line = Line { seen: None, ..line_of(2, 2) };
        assert_eq!(
            [true, false, false, false, true, true].map(|turn| broke_off(line.lend(turn))),
            [Some(true), Some(false), Some(false), None, Some(true), None]
        );
    }

    #[test]
    fn the_slow_thread_takes_from_both_in_turn() {
        let mut line = line_of(3, 2);
        let mut taken: Vec<_> = (0..4).filter_map(|_| broke_off(line.take())).collect();
        assert_eq!(taken.iter().filter(|after_faults| **after_faults).count(), 2);
        taken.extend(broke_off(line.take()));
        assert_eq!((taken.len(), taken[4], line.take().is_none()), (5, false, true));
    }
}
