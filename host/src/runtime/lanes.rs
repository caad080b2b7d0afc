//! Two lanes for each executor: what the host does, and guests whose turns are short, run on the fast one; guests that
//! compute for longer go on on the slow one, whose thread runs when no other wants the core.
//!
//! Owns the moves of a partition's task between the two. Must not know what a turn does, or what makes one long: the task's
//! `Pace` says where it belongs. So a guest that computes for long costs its neighbours the ticks that it takes to notice, not
//! its budget, however many do so at once. Only guests are sent away, and they come back before anything else is done: what
//! holds a lock of the host is never off the core because others are on it.
//!
//! What is away computes, so it can always be polled, and waits for nothing but its turn: a queue is all there is to it. The slow
//! thread takes from it whenever it gets the core; while it gets none, the fast thread lends a tick now and then, and more of
//! them when it has nothing else to do.

use super::cpu_share::{CpuShare, WINDOW};
use super::idle::Idle;
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
use tokio::select;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{sleep, sleep_until};

/// When the slow thread has not been seen on a core for so long although there was something to do, it is starved.
const STARVED: Duration = Duration::from_millis(20);
/// How often the fast thread then lends a tick though it is busy, at most.
const GAP: Duration = Duration::from_millis(20);
/// So it lends a fiftieth of its time, whatever a tick comes to: long turns reach their end also where others keep the machine
/// busy, and cost those no more than that. The default budget of a turn so takes 25 of the 30 seconds that a turn may last.
const LENT: u32 = 50;
/// And a hundredth to those that have broken off lately.
const LENT_AFTER_FAULTS: u32 = 100;
/// To turns that are only middling it also lends when it has nothing else to do and other processes keep the machine busy, up
/// to a quarter of its time. It begins a tick only when no guest here wants to run; one that wants to then waits for its end.
const LENT_WHEN_IDLE: u32 = 4;
/// A starved thread takes nothing for so long, because what it took would stay with it until it gets the core.
const REST: Duration = Duration::from_millis(100);
/// It goes on when it wakes no later than this: then there is a core to be had.
const PUNCTUAL: Duration = Duration::from_millis(2);

/// How long the fast thread lends nothing after a tick that took so long, unless it is idle.
fn gap_after(took: Duration) -> Duration {
    GAP.max(took * LENT)
}

/// And then.
fn gap_when_idle(took: Duration) -> Duration {
    took * (LENT_WHEN_IDLE - 1)
}

/// The two threads of one executor.
#[derive(Clone)]
pub struct Lanes {
    fast: Handle,
    away: Arc<Away>,
    idle: Arc<Idle>,
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
    /// Of a fast thread, with word of when it is idle, and a slow one that is to run `compute`.
    pub fn new(fast: Handle, idle: Arc<Idle>, counts_cpu: bool) -> Self {
        let lanes = Lanes { fast, away: Arc::default(), idle, counts_cpu };
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
            let Some(computing) = self.away.next().await else {
                self.rest().await;
                continue;
            };
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
        self.away.is_starved();
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
        let mut share = CpuShare::new();
        let mut due = Instant::now();
        let mut after_faults = due;
        let mut when_idle = due;
        loop {
            let (computing, is_idle) = select! {
                biased;
                computing = self.lend_at(due, after_faults) => (computing, false),
                computing = self.lend_when_idle(when_idle, &mut share) => (computing, true),
            };
            let broke_off = computing.pace.is_on_probation();
            let before = thread_cpu();
            self.go_on(computing, Lane::Fast).await;
            let took = Duration::from_nanos(thread_cpu().saturating_sub(before));
            let now = Instant::now();
            when_idle = now + gap_when_idle(took);
            if !is_idle {
                due = now + gap_after(took);
            }
            if broke_off {
                after_faults = now + took * LENT_AFTER_FAULTS;
            }
        }
    }

    /// One of all that are away, then or when there is one.
    async fn lend_at(&self, due: Instant, after_faults: Instant) -> Computing {
        sleep_until(due.into()).await;
        loop {
            self.away.starves(&self.away.came_to_lend, |line| !line.is_empty()).await;
            if let Some(computing) = self.away.lock().lend(after_faults <= Instant::now()) {
                return computing;
            }
            sleep(GAP).await;
        }
    }

    /// One whose turn is middling, when the fast thread has nothing else to do and this process is not what keeps the machine
    /// busy.
    async fn lend_when_idle(&self, due: Instant, share: &mut CpuShare) -> Computing {
        sleep_until(due.into()).await;
        loop {
            self.away.starves(&self.away.middling_came, |line| !line.middling.is_empty()).await;
            if !share.is_less_than_half() {
                sleep(WINDOW).await;
                continue;
            }
            self.idle.comes().await;
            if let Some(computing) = self.away.lock().lend_middling() {
                return computing;
            }
        }
    }

    /// Lets the guest compute for a tick, and puts it where it belongs then. Its wakers are not needed: it is polled again in any
    /// case, and over there at once, so whatever wakes it from then on wakes it there.
    async fn go_on(&self, mut computing: Computing, lane: Lane) {
        if poll_fn(|context| Poll::Ready(computing.poll(context, lane, self.counts_cpu))).await.is_pending() {
            match computing.pace.belongs_away() {
                true => {
                    computing.pace.took_a_tick();
                    self.away.arrive(computing);
                }
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
    /// Rung when there may be something to do, for the slow thread.
    came: Notify,
    /// And for those who lend.
    came_to_lend: Notify,
    /// Rung for middling turns alone: the others are of no use to an idle thread, and come at every tick of the slow one.
    middling_came: Notify,
}

#[derive(Default)]
struct Line {
    /// Whose turns have not taken long so far.
    middling: VecDeque<Computing>,
    long: VecDeque<Computing>,
    /// Of partitions that have broken off lately.
    after_faults: VecDeque<Computing>,
    /// Which kind was taken last, and which lent.
    taken: usize,
    lent: usize,
    slow: Slow,
    closed: bool,
}

/// What the slow thread was last known to do.
#[derive(Default, Clone, Copy)]
enum Slow {
    /// It waits for somebody to come.
    #[default]
    Waits,
    /// It was rung for then, or was on a core.
    Seen(Instant),
    Starved,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.middling.is_empty() && self.long.is_empty() && self.after_faults.is_empty()
    }

    fn kind_of(&mut self, pace: &Pace) -> &mut VecDeque<Computing> {
        match (pace.is_on_probation(), pace.is_middling()) {
            (true, _) => &mut self.after_faults,
            (false, true) => &mut self.middling,
            (false, false) => &mut self.long,
        }
    }

    /// The three kinds in turn, as long as there are all.
    fn take(&mut self) -> Option<Computing> {
        (0..3).find_map(|_| {
            self.taken = (self.taken + 1) % 3;
            let kinds = [&mut self.middling, &mut self.long, &mut self.after_faults];
            kinds.into_iter().nth(self.taken)?.pop_front()
        })
    }

    /// One for the fast thread, if the slow one is starved.
    fn lend(&mut self, after_faults: bool) -> Option<Computing> {
        if !self.is_starved() {
            return None;
        }
        let after_faults = if after_faults { self.after_faults.pop_front() } else { None };
        after_faults.or_else(|| {
            self.lent = (self.lent + 1) % 2;
            let (first, second) = match self.lent {
                0 => (&mut self.middling, &mut self.long),
                _ => (&mut self.long, &mut self.middling),
            };
            first.pop_front().or_else(|| second.pop_front())
        })
    }

    fn lend_middling(&mut self) -> Option<Computing> {
        if self.is_starved() { self.middling.pop_front() } else { None }
    }

    fn is_starved(&self) -> bool {
        match self.slow {
            Slow::Waits => false,
            Slow::Seen(at) => at.elapsed() >= STARVED,
            Slow::Starved => true,
        }
    }
}

impl Away {
    fn arrive(&self, computing: Computing) {
        let mut line = self.lock();
        if line.closed {
            // What it drops may do anything.
            return drop(line);
        }
        if let Slow::Waits = line.slow {
            line.slow = Slow::Seen(Instant::now());
        }
        let is_middling = computing.pace.is_middling();
        line.kind_of(&computing.pace).push_back(computing);
        drop(line);
        self.came.notify_one();
        self.came_to_lend.notify_waiters();
        if is_middling {
            self.middling_came.notify_waiters();
        }
    }

    /// The next one for the slow thread. None: it was rung for, and has come too late.
    async fn next(&self) -> Option<Computing> {
        loop {
            let came = self.came.notified();
            {
                let mut line = self.lock();
                if line.is_starved() {
                    return None;
                }
                if let Some(computing) = line.take() {
                    line.slow = Slow::Seen(Instant::now());
                    return Some(computing);
                }
                line.slow = Slow::Waits;
            }
            came.await;
        }
    }

    /// Waits until there are such, of which `came` tells, and the slow thread is starved.
    async fn starves(&self, came: &Notify, there_are: impl Fn(&Line) -> bool) {
        loop {
            let came = came.notified();
            let seen = {
                let line = self.lock();
                match line.slow {
                    _ if !there_are(&line) => None,
                    Slow::Waits => None,
                    Slow::Seen(at) if at.elapsed() < STARVED => Some(at),
                    Slow::Seen(_) | Slow::Starved => return,
                }
            };
            match seen {
                Some(at) => sleep_until((at + STARVED).into()).await,
                None => came.await,
            }
        }
    }

    fn is_seen(&self) {
        self.lock().slow = Slow::Seen(Instant::now());
    }

    fn is_starved(&self) {
        self.lock().slow = Slow::Starved;
    }

    fn close(&self) {
        let mut line = self.lock();
        line.closed = true;
        let left = [
            std::mem::take(&mut line.middling),
            std::mem::take(&mut line.long),
            std::mem::take(&mut line.after_faults),
        ];
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
    use super::super::pace::{LONG, MIDDLING, MOST, thread_cpu};
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
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let idle = Idle::of(&mut builder);
        let runtime = builder.enable_time().build().unwrap();
        // Nobody runs its `compute`.
        let lanes = Lanes::new(runtime.handle().clone(), idle, false);
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

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Kind {
        Middling,
        Long,
        AfterFaults,
    }
    use Kind::{AfterFaults, Long, Middling};

    fn kind_of(computing: &Computing) -> Kind {
        match (computing.pace.is_on_probation(), computing.pace.is_middling()) {
            (true, _) => AfterFaults,
            (false, true) => Middling,
            (false, false) => Long,
        }
    }

    fn computing(kind: Kind) -> Computing {
        let pace = Arc::<Pace>::default();
        match kind {
            Middling => {}
            Long => (0..MIDDLING).for_each(|_| pace.took_a_tick()),
            AfterFaults => pace.broke_off(),
        }
        Computing { task: Box::pin(async {}), pace }
    }

    /// For which no test is off the core.
    const A_WHILE: Duration = Duration::from_secs(3_600);

    /// So many of each.
    fn line_of(slow: Slow, of_each: usize) -> Line {
        let mut line = Line { slow, ..Line::default() };
        for kind in [Middling, Long, AfterFaults].into_iter().cycle().take(3 * of_each) {
            let one = computing(kind);
            line.kind_of(&one.pace.clone()).push_back(one);
        }
        line
    }

    #[test]
    fn nothing_is_lent_while_the_slow_thread_is_on_a_core_however_many_compute() {
        let now = Instant::now();
        for (slow, lends) in [
            (Slow::Waits, false),
            (Slow::Seen(now + A_WHILE), false),
            (Slow::Seen(now.checked_sub(STARVED).unwrap()), true),
            (Slow::Starved, true),
        ] {
            let mut line = line_of(slow, 100);
            assert_eq!((line.lend(true).is_some(), line.lend_middling().is_some()), (lends, lends));
        }
    }

    #[test]
    fn what_is_lent_is_no_more_than_a_fiftieth_of_the_time_or_a_quarter_of_an_idle_one_however_long_a_tick_takes() {
        for took in [1, 50, 400, 1_000, 2_000, 100_000].map(Duration::from_micros) {
            let share = |gap: Duration| took.as_secs_f64() / (took + gap).as_secs_f64();
            assert!(share(gap_after(took)) <= 0.02, "{took:?}");
            assert!((0.24..0.26).contains(&share(gap_when_idle(took))), "{took:?}");
        }
        assert!(gap_after(Duration::ZERO) >= GAP);
    }

    #[test]
    fn those_that_have_broken_off_are_lent_a_tick_less_often_and_then_before_the_others() {
        let mut line = line_of(Slow::Starved, 2);
        let mut lend = |after_faults| line.lend(after_faults).as_ref().map(kind_of);
        assert_eq!(lend(true), Some(AfterFaults));
        let others: Vec<_> = (0..4).filter_map(|_| lend(false)).collect();
        assert_eq!(others.iter().filter(|kind| **kind == Long).count(), 2);
        assert_eq!(others.iter().filter(|kind| **kind == Middling).count(), 2);
        assert_eq!([false, true, true].map(lend), [None, Some(AfterFaults), None]);
    }

    #[test]
    fn an_idle_thread_lends_to_middling_turns_only() {
        let mut line = line_of(Slow::Starved, 2);
        let lent: Vec<_> = std::iter::from_fn(|| line.lend_middling()).map(|computing| kind_of(&computing)).collect();
        assert_eq!(lent, [Middling, Middling]);
    }

    #[test]
    fn those_who_are_lent_a_tick_and_those_who_are_taken_do_not_take_each_other_s_turns() {
        let mut line = line_of(Slow::Starved, 4);
        let mut kinds = Vec::new();
        for _ in 0..3 {
            kinds.extend(line.take().as_ref().map(kind_of));
            line.lend(false).expect("one of the others");
        }
        kinds.sort_by_key(|kind| *kind as usize);
        assert_eq!(kinds, [Middling, Long, AfterFaults]);
    }

    #[test]
    fn a_middling_turn_goes_on_when_all_others_of_the_fast_thread_wait_and_not_before() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let idle = Idle::of(&mut builder);
        let runtime = builder.enable_time().build().unwrap();
        let lanes = Lanes { fast: runtime.handle().clone(), away: Arc::default(), idle, counts_cpu: false };
        *lanes.away.lock() = line_of(Slow::Starved, 1);
        let (sender, others_wait) = mpsc::channel();
        runtime.spawn(async move {
            // For longer than its timers are late.
            let begun = Instant::now();
            while begun.elapsed() < STARVED {
                yield_now().await;
            }
            sender.send(()).unwrap();
        });
        let lent = runtime.block_on(lanes.lend_when_idle(Instant::now(), &mut CpuShare::of_a_small_process()));
        assert_eq!((kind_of(&lent), others_wait.try_recv()), (Middling, Ok(())));
    }

    #[test]
    fn a_slow_thread_that_comes_late_takes_nothing() {
        let away = Away::default();
        *away.lock() = line_of(Slow::Seen(Instant::now().checked_sub(STARVED).unwrap()), 1);
        assert!(away.next().now_or_never().expect("no wait").is_none());
        away.lock().slow = Slow::Seen(Instant::now() + A_WHILE);
        assert!(away.next().now_or_never().expect("no wait").is_some());
    }

    #[test]
    fn the_slow_thread_takes_from_all_kinds_in_turn() {
        let mut line = line_of(Slow::Waits, 2);
        let mut taken: Vec<_> = std::iter::from_fn(|| line.take()).map(|computing| kind_of(&computing)).collect();
        assert_eq!(taken.len(), 6);
        assert_eq!(taken[..3], taken[3..]);
        taken.truncate(3);
        taken.sort_by_key(|kind| *kind as usize);
        assert_eq!(taken, [Middling, Long, AfterFaults]);
    }
}
