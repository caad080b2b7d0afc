//! What is to be seen of one webhook: its state, its counters, its last failure.
//!
//! Owns the numbers since the start; they go on when settings change. Must not know how anything is posted. Cannot fail.

use crate::words::{Distribution, Histogram};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a webhook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookState {
    /// It is in the settings, and about to begin.
    #[default]
    Starting,
    /// There is nothing to post.
    Idle,
    Delivering,
    /// It waits before the next attempt.
    BackingOff,
    /// Its dead letters are full.
    Blocked,
    /// Its receiver has answered 410.
    Gone,
    /// Its settings cannot be used.
    Refused,
    /// It is in the settings no more; where it was and its dead letters are kept.
    Removed,
}

impl HookState {
    pub const ALL: [HookState; 8] = [
        HookState::Starting,
        HookState::Idle,
        HookState::Delivering,
        HookState::BackingOff,
        HookState::Blocked,
        HookState::Gone,
        HookState::Refused,
        HookState::Removed,
    ];

    pub fn word(self) -> &'static str {
        match self {
            HookState::Starting => "starting",
            HookState::Idle => "idle",
            HookState::Delivering => "delivering",
            HookState::BackingOff => "backing-off",
            HookState::Blocked => "blocked",
            HookState::Gone => "gone",
            HookState::Refused => "refused",
            HookState::Removed => "removed",
        }
    }
}

#[derive(Default)]
pub struct Board {
    shown: Mutex<Shown>,
    delivered: AtomicU64,
    failed: AtomicU64,
    buried: AtomicU64,
    gaps: AtomicU64,
    took: Histogram,
}

/// As it is now.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    pub state: HookState,
    /// Why it does not post.
    pub reason: String,
    /// When the next attempt is, in milliseconds since 1970.
    pub next_attempt_ms: Option<u64>,
    pub last_failure: Option<LastFailure>,
    pub last_gap: Option<LastGap>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastFailure {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastGap {
    pub time_ms: u64,
    pub what: String,
}

#[derive(Debug, Clone)]
pub struct Counts {
    pub delivered: u64,
    pub failed: u64,
    pub buried: u64,
    pub gaps: u64,
    pub took: Distribution,
}

impl Board {
    pub fn is(&self, state: HookState) {
        self.set(state, String::new(), None);
    }

    pub fn is_because(&self, state: HookState, reason: String) {
        self.set(state, reason, None);
    }

    pub fn backs_off(&self, wait: Duration) {
        self.set(HookState::BackingOff, String::new(), Some(ms(SystemTime::now() + wait)));
    }

    fn set(&self, state: HookState, reason: String, next_attempt_ms: Option<u64>) {
        let mut shown = self.lock();
        (shown.state, shown.reason, shown.next_attempt_ms) = (state, reason, next_attempt_ms);
    }

    /// By the webhook's one task.
    pub fn took(&self, took: Duration) {
        self.took.note(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub fn failed(&self, why: &str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.lock().last_failure = Some(LastFailure { time_ms: ms(SystemTime::now()), why: why.to_owned() });
    }

    pub fn buried(&self) {
        self.buried.fetch_add(1, Ordering::Relaxed);
    }

    pub fn has_gap(&self, what: String) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
        self.lock().last_gap = Some(LastGap { time_ms: ms(SystemTime::now()), what });
    }

    pub fn shown(&self) -> Shown {
        self.lock().clone()
    }

    pub fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [delivered, failed, buried, gaps] = [&self.delivered, &self.failed, &self.buried, &self.gaps].map(count);
        Counts { delivered, failed, buried, gaps, took: self.took.read() }
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
