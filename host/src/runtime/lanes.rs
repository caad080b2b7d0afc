//! Two lanes for each executor: what the host does, and guests whose turns are short, run on the fast one; guests that
//! compute for longer go on on the slow one, whose thread runs when no other wants the core.
//!
//! Owns the moves of a partition's task between the two, and the judgement of what is short. Must not know what a turn does;
//! whoever does tells the task's `Pace`. So a guest that computes for long costs its neighbours the ticks that it takes to
//! notice, not its budget, however many do so at once. Only guests are sent away, and they come back before anything else is
//! done: what holds a lock of the host is never off the core because others are on it.

use rustix::time::{ClockId, clock_gettime};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The CPU time from which on a turn is long.
const LONG: Duration = Duration::from_micros(100);
/// What a long turn weighs against short ones.
const WEIGHT: u32 = 10;
/// Beyond this a partition is slow: one long turn alone is not enough.
const SLOW: u32 = 16;
const MOST: u32 = 64;

/// A tick on the slow lane that has taken this long was off the core for most of it.
const STARVED: Duration = Duration::from_millis(20);
/// How often an executor gives one of its starved tasks a tick on the fast lane: a twentieth of its time at most, so that long
/// turns come to their end also where others keep the machine busy. And how often one of those that have broken off lately.
const GAP: Duration = Duration::from_millis(20);
const GAP_AFTER_FAULTS: Duration = Duration::from_millis(100);
/// So many ticks later it is seen again whether there is a core to be had.
const DOLED: u32 = 32;
/// So many turns must be answered after one that broke off.
const PROBATION: u32 = 100;

/// Where a task belongs now. Told by its own turns only.
///
/// Most turns cost a few reads of memory. One during which a tick has come makes the partition suspect, no more: its thread may
/// have been off the core. The turns of a suspect are measured by the clock of the thread, until enough of them were short.
#[derive(Debug, Default)]
pub struct Pace {
    /// A guest computes that belongs on the slow lane.
    away: AtomicBool,
    /// It is where those are: on the slow lane, or by doles on the fast one. Told by the lanes.
    is_away: AtomicBool,
    weight: AtomicU32,
    /// The call in hand: its first tick, and the thread's CPU time then, in nanoseconds; 0: not measured.
    began: AtomicU64,
    cpu: AtomicU64,
    /// It was found to be long before its end.
    long: AtomicBool,
    /// Turns that are to be answered before it counts again as one that does not break off.
    probation: AtomicU32,
}

impl Pace {
    /// A guest is about to be called. Comes back on the lane where that belongs.
    pub async fn guest_begins(&self, tick: u64) {
        self.began.store(tick, Ordering::Relaxed);
        self.long.store(false, Ordering::Relaxed);
        let weight = self.weight.load(Ordering::Relaxed);
        if weight > SLOW {
            self.away.store(true, Ordering::Relaxed);
            self.arrive().await;
        }
        self.cpu.store(if weight > 0 { thread_cpu() } else { 0 }, Ordering::Relaxed);
    }

    /// The guest in hand has computed for longer than guests do.
    pub fn slow_down(&self) {
        self.long.store(true, Ordering::Relaxed);
        self.away.store(true, Ordering::Relaxed);
    }

    /// The turn in hand has broken off: a trap, a limit, a time-out.
    pub fn broke_off(&self) {
        self.probation.store(PROBATION, Ordering::Relaxed);
    }

    /// The guest in hand waits for somebody, and is woken where nobody is in its way. Answers what `guest_goes_on` wants to know.
    pub fn guest_waits(&self) -> bool {
        self.away.swap(false, Ordering::Relaxed)
    }

    /// It has waited long enough. Comes back on the lane where it was: waiting now and then is no way to stay on the fast one.
    pub async fn guest_goes_on(&self, was_away: bool) {
        if was_away {
            self.away.store(true, Ordering::Relaxed);
            self.arrive().await;
        }
    }

    /// The call has ended. Comes back on the fast lane. `waited`: for a reply, while others had the thread.
    pub async fn guest_has_ended(&self, tick: u64, waited: bool) {
        let before = self.weight.load(Ordering::Relaxed);
        let long = match self.cpu.load(Ordering::Relaxed) {
            _ if waited => false,
            // It may have been on two threads, whose clocks say nothing of it.
            _ if self.long.load(Ordering::Relaxed) => true,
            0 => tick > self.began.load(Ordering::Relaxed),
            cpu => thread_cpu().saturating_sub(cpu) >= LONG.as_nanos() as u64,
        };
        let weight = if long { (before + WEIGHT).min(MOST) } else { before.saturating_sub(1) };
        self.weight.store(weight, Ordering::Relaxed);
        let probation = self.probation.load(Ordering::Relaxed);
        if probation > 0 {
            self.probation.store(probation - 1, Ordering::Relaxed);
        }
        self.away.store(false, Ordering::Relaxed);
        self.arrive().await;
    }

    /// The lanes move the task when it waits, and go on with it at once.
    async fn arrive(&self) {
        poll_fn(|_| {
            if self.belongs_away() == self.is_away.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn belongs_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }
}

fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// The two threads of one executor.
#[derive(Debug, Clone)]
pub struct Lanes {
    fast: Handle,
    slow: Handle,
    doles: Arc<Doles>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Fast,
    Slow,
    /// On the thread of the fast one, a tick now and then.
    Doled,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Lanes {
    pub fn new(fast: Handle, slow: Handle) -> Self {
        Lanes { fast, slow, doles: Arc::default() }
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static, pace: Arc<Pace>) {
        run(self.clone(), Box::pin(task), pace, Lane::Fast);
    }
}

/// Runs the task on one of the lanes until it ends or belongs on another.
fn run(lanes: Lanes, mut task: Task, pace: Arc<Pace>, lane: Lane) {
    pace.is_away.store(lane != Lane::Fast, Ordering::Relaxed);
    let handle = if lane == Lane::Slow { lanes.slow.clone() } else { lanes.fast.clone() };
    handle.spawn(async move {
        let next = match lane {
            Lane::Fast => on_the_fast_lane(&mut task, &pace).await,
            Lane::Slow => on_the_slow_lane(&mut task, &pace, Instant::now()).await,
            Lane::Doled => by_doles(&mut task, &pace, &lanes.doles).await,
        };
        // It is polled over there at once, so whatever wakes it from then on wakes it there.
        if let Some(next) = next {
            run(lanes, task, pace, next);
        }
    });
}

/// Each of these returns the lane that is next, or none at the end of the task.
async fn on_the_fast_lane(task: &mut Task, pace: &Pace) -> Option<Lane> {
    poll_fn(|context| match task.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending if pace.belongs_away() => Poll::Ready(Some(Lane::Slow)),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// What is here computes, and so is always about to be polled: time between two polls is time without a core.
async fn on_the_slow_lane(task: &mut Task, pace: &Pace, mut since: Instant) -> Option<Lane> {
    poll_fn(|context| {
        if task.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let took = since.elapsed();
        since += took;
        match pace.belongs_away() {
            false => Poll::Ready(Some(Lane::Fast)),
            true if took >= STARVED => Poll::Ready(Some(Lane::Doled)),
            true => Poll::Pending,
        }
    })
    .await
}

async fn by_doles(task: &mut Task, pace: &Pace, doles: &Doles) -> Option<Lane> {
    for _ in 0..DOLED {
        tokio::time::sleep_until(doles.next(pace.probation.load(Ordering::Relaxed) > 0).into()).await;
        if poll_fn(|context| Poll::Ready(task.as_mut().poll(context))).await.is_ready() {
            return None;
        }
        if !pace.belongs_away() {
            return Some(Lane::Fast);
        }
    }
    Some(Lane::Slow)
}

/// When an executor's starved tasks have their next ticks: one after the other, in the order in which they come.
#[derive(Debug, Default)]
struct Doles {
    usual: Mutex<Option<Instant>>,
    after_faults: Mutex<Option<Instant>>,
}

impl Doles {
    fn next(&self, after_faults: bool) -> Instant {
        match after_faults {
            false => place(&self.usual, GAP, Instant::now()),
            true => place(&self.after_faults, GAP_AFTER_FAULTS, Instant::now()),
        }
    }
}

/// The first moment that is at least a gap after the one before.
fn place(last: &Mutex<Option<Instant>>, gap: Duration, now: Instant) -> Instant {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let next = last.map_or(now, |last| now.max(last + gap));
    *last = Some(next);
    next
}

#[cfg(test)]
mod tests {
    use super::super::executors::Executors;
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

    /// The lanes on which the task says it is, on one executor.
    fn lanes_of<F: Future<Output = ()> + Send + 'static>(
        task: impl FnOnce(Arc<Pace>, mpsc::Sender<String>) -> F,
    ) -> Vec<String> {
        let executors = Executors::start(1).unwrap();
        let pace = Arc::<Pace>::default();
        let (sender, seen) = mpsc::channel();
        executors.next().spawn(task(pace.clone(), sender), pace);
        let lanes = seen.iter().collect();
        executors.stop();
        lanes
    }

    #[test]
    fn a_guest_that_computes_for_long_goes_on_on_the_slow_lane_and_the_host_on_the_fast_one() {
        let lanes = lanes_of(|pace, sender| async move {
            pace.guest_begins(0).await;
            pace.slow_down();
            sender.send(lane()).unwrap();
            tokio::task::yield_now().await;
            sender.send(lane()).unwrap();
            pace.guest_has_ended(5, false).await;
            sender.send(lane()).unwrap();
        });
        assert_eq!(lanes, ["executor-0", "executor-0-slow", "executor-0"]);
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
        assert_eq!(lanes[..4], ["executor-0", "executor-0", "executor-0-slow", "executor-0-slow"]);
        assert_eq!(lanes.last().unwrap(), "executor-0");
    }

    #[test]
    fn a_guest_that_waits_is_woken_on_the_fast_lane_and_goes_on_where_it_was() {
        let lanes = lanes_of(|pace, sender| async move {
            pace.guest_begins(0).await;
            pace.slow_down();
            tokio::task::yield_now().await;
            sender.send(lane()).unwrap();
            let was_away = pace.guest_waits();
            tokio::time::sleep(Duration::from_millis(1)).await;
            sender.send(lane()).unwrap();
            pace.guest_goes_on(was_away).await;
            sender.send(lane()).unwrap();
        });
        assert_eq!(lanes, ["executor-0-slow", "executor-0", "executor-0-slow"]);
    }

    #[test]
    fn a_task_that_gets_no_core_on_the_slow_lane_has_ticks_on_the_fast_one_for_a_while() {
        let lanes = lanes_of(|pace, sender| async move {
            pace.guest_begins(0).await;
            pace.slow_down();
            tokio::task::yield_now().await;
            // As if others had the core.
            std::thread::sleep(STARVED);
            for _ in 0..DOLED + 2 {
                sender.send(lane()).unwrap();
                tokio::task::yield_now().await;
            }
        });
        let fast = lanes.iter().filter(|lane| *lane == "executor-0").count();
        assert_eq!((lanes[0].as_str(), lanes[1].as_str(), fast), ("executor-0-slow", "executor-0", DOLED as usize));
        assert_eq!(lanes.last().unwrap(), "executor-0-slow");
    }

    #[test]
    fn a_turn_that_follows_one_that_ended_by_doles_waits_for_none() {
        let lanes = lanes_of(|pace, sender| async move {
            for _ in 0..3 {
                pace.guest_begins(0).await;
                pace.slow_down();
                tokio::task::yield_now().await;
                sender.send(lane()).unwrap();
                std::thread::sleep(STARVED);
                tokio::task::yield_now().await;
                sender.send(lane()).unwrap();
                pace.guest_has_ended(1, false).await;
            }
        });
        // Each begins where a core may be had, and is lent a tick when there was none.
        assert_eq!(lanes, ["executor-0-slow", "executor-0"].repeat(3));
    }

    #[test]
    fn ticks_for_the_starved_are_a_small_part_of_the_time_and_fewer_after_faults() {
        let (doles, now) = (Doles::default(), Instant::now());
        let all = |last, gap| (0..11).map(|_| place(last, gap, now) - now).collect::<Vec<_>>();
        assert_eq!(all(&doles.usual, GAP), (0..11).map(|n| n * GAP).collect::<Vec<_>>());
        assert_eq!(all(&doles.after_faults, GAP_AFTER_FAULTS)[10], 10 * GAP_AFTER_FAULTS);
        // Nobody saves up.
        let later = now + 100 * GAP;
        assert_eq!((place(&doles.usual, GAP, later), place(&doles.usual, GAP, later)), (later, later + GAP));
    }

    #[tokio::test]
    async fn a_thread_that_was_off_the_core_makes_no_turn_long() {
        let pace = Pace::default();
        for tick in 0..100 {
            pace.guest_begins(tick).await;
            // A tick has come, and nothing was computed.
            pace.guest_has_ended(tick + 1, false).await;
            assert!(pace.weight.load(Ordering::Relaxed) <= SLOW, "{tick}");
        }
    }
}
