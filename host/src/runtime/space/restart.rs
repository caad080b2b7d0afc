//! The policy after a failed turn: try again, set aside, rest, or stop serving. Pure: time and jitter are passed in.

use crate::words::MessageId;
use crate::words::{Failure, Limits};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How a turn failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The guest, or the host on its behalf, answered a failure.
    Failed(Failure),
    /// Trap, budget, limit or time-out.
    Broken(Failure),
}

impl Fault {
    pub fn failure(&self) -> &Failure {
        match self {
            Fault::Failed(failure) | Fault::Broken(failure) => failure,
        }
    }
}

/// What becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another attempt, after a while.
    Retry {
        after: Duration,
    },
    /// The same attempt once more, after a while: the host was congested.
    Again {
        after: Duration,
    },
    DeadLetter,
}

/// Judges a message that nobody waits for. `attempt` counts the one that has just failed; `congested_for` is how long the
/// turn has been put off already; `jitter` is a number in 0..1.
pub fn judge(limits: &Limits, attempt: u32, congested_for: Duration, fault: &Fault, jitter: f64) -> Verdict {
    if let Fault::Failed(failure) = fault {
        if failure.is_congestion() && failure.retryable {
            let within = congested_for < Duration::from_millis(limits.congestion_ms);
            return if within {
                Verdict::Again { after: congestion_pause(congested_for, jitter) }
            } else {
                Verdict::DeadLetter
            };
        }
        if !failure.retryable {
            return Verdict::DeadLetter;
        }
    }
    if u64::from(attempt) >= limits.attempts {
        return Verdict::DeadLetter;
    }
    Verdict::Retry { after: back_off(limits, attempt, jitter) }
}

/// Doubles from the first wait to the longest; up to a tenth is taken off at random, so that what failed together does
/// not return together.
fn back_off(limits: &Limits, attempt: u32, jitter: f64) -> Duration {
    let doubled = limits.retry_first_ms.saturating_mul(1 << attempt.saturating_sub(1).min(30));
    let wait = Duration::from_millis(doubled.min(limits.retry_most_ms));
    wait.mul_f64(1.0 - jitter / 10.0)
}

/// Short at first, since room may appear at once; longer the longer it lasts.
fn congestion_pause(congested_for: Duration, jitter: f64) -> Duration {
    let base = (congested_for / 4).clamp(Duration::from_millis(2), Duration::from_millis(500));
    base.mul_f64(0.5 + jitter)
}

/// Whether a partition is fit to go on after faults that are its own rather than one message's.
#[derive(Debug, Default)]
pub struct Health {
    faults: VecDeque<Instant>,
    /// The messages of these faults, and of earlier ones: traps of one message lead only to its own dead letter.
    messages: VecDeque<MessageId>,
    rests: u32,
}

/// What a partition does after a fault.
#[derive(Debug, PartialEq, Eq)]
pub enum Fitness {
    GoOn,
    Rest(Duration),
    Quarantine,
}

/// Messages remembered. So many that fail, and nothing that succeeds between them, are no fault of theirs.
const MESSAGES: usize = 64;
const FAULTS: usize = 3;
const WITHIN: Duration = Duration::from_secs(5);
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

impl Health {
    pub fn succeeded(&mut self) {
        if !self.faults.is_empty() || !self.messages.is_empty() || self.rests > 0 {
            *self = Health::default();
        }
    }

    /// `message` identifies the message that trapped; none for a failed instantiation or `start`.
    pub fn faulted(&mut self, message: Option<MessageId>, now: Instant) -> Fitness {
        if let Some(message) = message {
            if self.messages.contains(&message) {
                return Fitness::GoOn;
            }
            if self.messages.len() == MESSAGES {
                self.messages.pop_front();
            }
            self.messages.push_back(message);
        }
        self.faults.push_back(now);
        while self.faults.front().is_some_and(|first| now.duration_since(*first) > WITHIN) {
            self.faults.pop_front();
        }
        // After a rest one more fault is enough: nothing has succeeded since.
        if self.faults.len() < FAULTS && self.rests == 0 {
            return Fitness::GoOn;
        }
        self.faults.clear();
        let rest = FIRST_REST * 2u32.pow(self.rests.min(10));
        self.rests += 1;
        if rest > LONGEST_REST { Fitness::Quarantine } else { Fitness::Rest(rest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(sequence: u64) -> MessageId {
        MessageId { sequence, ordinal: 0 }
    }

    const NO_WAIT: Duration = Duration::ZERO;

    fn passing() -> Fault {
        Fault::Failed(Failure::passing("busy", "later"))
    }

    fn trap() -> Fault {
        Fault::Broken(Failure::passing("trapped", "unreachable"))
    }

    fn overloaded() -> Fault {
        Fault::Failed(Failure::passing("overloaded", "full"))
    }

    #[test]
    fn retryable_failures_and_traps_wait_ever_longer_until_the_last_attempt() {
        let limits = Limits::default();
        for fault in [passing(), trap()] {
            let waits: Vec<_> = (1..=5).map(|attempt| judge(&limits, attempt, NO_WAIT, &fault, 0.0)).collect();
            let seconds = |s| Verdict::Retry { after: Duration::from_secs(s) };
            assert_eq!(waits, [seconds(1), seconds(2), seconds(4), seconds(8), Verdict::DeadLetter]);
        }
    }

    #[test]
    fn a_final_failure_is_set_aside_at_once() {
        let fault = Fault::Failed(Failure::last("no-such-order", "4711"));
        assert_eq!(judge(&Limits::default(), 1, NO_WAIT, &fault, 0.0), Verdict::DeadLetter);
    }

    #[test]
    fn the_wait_has_a_ceiling() {
        let limits = Limits { attempts: 1_000, ..Limits::default() };
        let expected = Verdict::Retry { after: Duration::from_secs(60) };
        assert_eq!(judge(&limits, 999, NO_WAIT, &passing(), 0.0), expected);
    }

    #[test]
    fn congestion_does_not_count_as_an_attempt_but_has_a_deadline() {
        let limits = Limits::default();
        let again = judge(&limits, 5, NO_WAIT, &overloaded(), 0.5);
        assert!(matches!(again, Verdict::Again { after } if after <= Duration::from_millis(500)));
        let late = Duration::from_millis(limits.congestion_ms);
        assert_eq!(judge(&limits, 1, late, &overloaded(), 0.5), Verdict::DeadLetter);
    }

    #[test]
    fn traps_of_one_message_never_quarantine() {
        let mut health = Health::default();
        let now = Instant::now();
        for _ in 0..100 {
            assert_eq!(health.faulted(Some(id(7)), now), Fitness::GoOn);
        }
    }

    #[test]
    fn two_messages_that_trap_in_turn_do_not_quarantine_either() {
        let mut health = Health::default();
        let now = Instant::now();
        for attempt in 0..10 {
            assert_eq!(health.faulted(Some(id(1 + attempt % 2)), now), Fitness::GoOn);
        }
    }

    #[test]
    fn traps_of_different_messages_bring_longer_rests_and_then_quarantine() {
        let mut health = Health::default();
        let now = Instant::now();
        assert_eq!(health.faulted(Some(id(1)), now), Fitness::GoOn);
        assert_eq!(health.faulted(Some(id(2)), now), Fitness::GoOn);
        let rests: Vec<_> = (3..10).map(|message| health.faulted(Some(id(message)), now)).collect();
        let rest = |s| Fitness::Rest(Duration::from_secs(s));
        assert_eq!(rests, [rest(1), rest(2), rest(4), rest(8), rest(16), rest(32), Fitness::Quarantine]);
    }

    #[test]
    fn a_success_clears_the_account_and_slow_faults_do_not_add_up() {
        let mut health = Health::default();
        let now = Instant::now();
        health.faulted(Some(id(1)), now);
        health.faulted(Some(id(2)), now);
        health.succeeded();
        assert_eq!(health.faulted(Some(id(3)), now), Fitness::GoOn);
        assert_eq!(health.faulted(Some(id(4)), now), Fitness::GoOn);
        assert_eq!(health.faulted(Some(id(5)), now + Duration::from_secs(6)), Fitness::GoOn);
    }
}
