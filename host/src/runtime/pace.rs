//! Where a partition's task belongs: on the fast lane, or on the slow one while its guest computes for long.
//!
//! Owns the judgement of what is long, by the clock of the thread. Must not know how tasks are moved: it says where one belongs,
//! and the lanes say where it is. Cannot fail.

use super::lane_cpu::LaneCpu;
use rustix::time::{ClockId, clock_gettime};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

/// The CPU time from which on a turn is long.
pub(super) const LONG: Duration = Duration::from_micros(100);
/// What a long turn weighs against short ones.
const WEIGHT: u32 = 10;
/// Beyond this a partition is slow: one long turn alone is not enough, unless it breaks off.
const SLOW: u32 = 16;
pub(super) const MOST: u32 = 64;

/// A turn that has taken so many ticks where it is slow is more than middling.
pub(super) const MIDDLING: u32 = 5;
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
    /// It is where those are. Told by the lanes.
    is_away: AtomicBool,
    weight: AtomicU32,
    /// The call in hand: its first tick, and the thread's CPU time then, in nanoseconds; 0: not measured.
    began: AtomicU64,
    cpu: AtomicU64,
    /// It was found to be long before its end.
    long: AtomicBool,
    /// What it has taken so far where it is slow, in ticks. Told by the lanes.
    ticks: AtomicU32,
    /// Turns that are to be answered before it counts again as one that does not break off.
    probation: AtomicU32,
    /// What it has taken so far. Written by the lanes.
    pub(super) taken: LaneCpu,
}

impl Pace {
    /// A guest is about to be called. Comes back on the lane where that belongs.
    pub async fn guest_begins(&self, tick: u64) {
        self.began.store(tick, Ordering::Relaxed);
        self.long.store(false, Ordering::Relaxed);
        self.ticks.store(0, Ordering::Relaxed);
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

    /// The turn in hand has broken off: a trap, a limit, a time-out. If it was long, one was enough: the next begins away.
    pub fn broke_off(&self) {
        self.probation.store(PROBATION, Ordering::Relaxed);
        if self.long.load(Ordering::Relaxed) {
            self.weight.fetch_max(SLOW, Ordering::Relaxed);
        }
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

    pub(super) fn belongs_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Where it is polled from now on.
    pub(super) fn is_moved(&self, away: bool) {
        self.is_away.store(away, Ordering::Relaxed);
    }

    /// It has been polled where it is slow, and is not at the end of its turn.
    pub(super) fn took_a_tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_middling(&self) -> bool {
        self.ticks.load(Ordering::Relaxed) < MIDDLING
    }

    /// One of its last turns has broken off.
    pub(super) fn is_on_probation(&self) -> bool {
        self.probation.load(Ordering::Relaxed) > 0
    }
}

pub(super) fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::pin::pin;

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

    /// Where the turn after one long turn begins.
    async fn after_a_long_turn(breaks_off: bool) -> bool {
        let pace = Pace::default();
        pace.guest_begins(1).await;
        pace.slow_down();
        pace.is_moved(true);
        if breaks_off {
            pace.broke_off();
        }
        pace.is_moved(false);
        pace.guest_has_ended(4, false).await;
        let mut next = pin!(pace.guest_begins(5));
        next.as_mut().now_or_never();
        pace.belongs_away()
    }

    #[tokio::test]
    async fn a_turn_is_middling_until_it_has_taken_some_ticks_and_the_next_one_is_again() {
        let pace = Pace::default();
        for _ in 0..2 {
            pace.guest_begins(1).await;
            for _ in 0..MIDDLING {
                assert!(pace.is_middling());
                pace.took_a_tick();
            }
            assert!(!pace.is_middling());
            pace.guest_has_ended(9, true).await;
        }
    }

    #[tokio::test]
    async fn one_long_turn_sends_a_partition_away_only_if_it_broke_off() {
        assert!(!after_a_long_turn(false).await);
        assert!(after_a_long_turn(true).await);
    }
}
