//! The timers of one partition, by name. Time is passed in as milliseconds since 1970.
//!
//! A firing takes its timer out of the schedule until its turn has ended; an interval then goes on at its next multiple,
//! so that missed firings collapse into one.

use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// What a committed turn did to a timer.
#[derive(Debug, Clone)]
pub enum TimerChange {
    Set { name: Arc<str>, body: Bytes, due_ms: u64, every_ms: Option<u64> },
    Cancel { name: Arc<str> },
}

/// A timer of before the host started.
#[derive(Debug, Clone)]
pub struct PastTimer {
    pub name: Arc<str>,
    pub body: Bytes,
    pub due_ms: u64,
    pub every_ms: Option<u64>,
    /// It is an interval whose last firing is pending.
    pub firing: bool,
}

/// Settings of timers that are gone and still lie in the schedule.
const MOST_STALE: usize = 64;

struct Timer {
    body: Bytes,
    due_ms: u64,
    every_ms: Option<u64>,
    /// Tells this setting of the name from earlier ones still in the heap.
    setting: u64,
    /// An interval whose turn has not ended.
    firing: bool,
}

#[derive(Default)]
pub struct Timers {
    by_name: HashMap<Arc<str>, Timer>,
    schedule: BinaryHeap<Reverse<(u64, u64, Arc<str>)>>,
    settings: u64,
}

/// A timer that is due.
#[derive(Debug, PartialEq)]
pub struct Firing {
    pub name: Arc<str>,
    pub body: Bytes,
}

impl TimerChange {
    pub fn name(&self) -> &Arc<str> {
        match self {
            TimerChange::Set { name, .. } | TimerChange::Cancel { name } => name,
        }
    }
}

impl Timers {
    pub fn apply(&mut self, change: TimerChange) {
        match change {
            TimerChange::Set { name, body, due_ms, every_ms } => {
                self.settings += 1;
                let setting = self.settings;
                self.schedule.push(Reverse((due_ms, setting, name.clone())));
                self.by_name.insert(name, Timer { body, due_ms, every_ms, setting, firing: false });
            }
            TimerChange::Cancel { name } => {
                self.by_name.remove(&name);
            }
        }
        self.drop_stale();
    }

    /// Takes up a timer as it was when the host ended; one whose firing is pending does not fire before that has ended.
    pub fn take_up(&mut self, timer: PastTimer) {
        let PastTimer { name, body, due_ms, every_ms, firing } = timer;
        self.apply(TimerChange::Set { name: name.clone(), body, due_ms, every_ms });
        if firing && let Some(timer) = self.by_name.get_mut(&name) {
            timer.firing = true;
            self.schedule.retain(|Reverse((_, setting, _))| *setting != timer.setting);
        }
    }

    /// When the next timer is due.
    pub fn next_due(&self) -> Option<u64> {
        self.schedule.peek().map(|Reverse((due, ..))| *due)
    }

    /// The first timer due by `now_ms`; it does not fire again before `ended`.
    pub fn fire(&mut self, now_ms: u64) -> Option<Firing> {
        let Reverse((due, ..)) = self.schedule.peek()?;
        if *due > now_ms {
            return None;
        }
        let Reverse((_, _, name)) = self.schedule.pop()?;
        let timer = self.by_name.get_mut(&name)?;
        let firing = Firing { name: name.clone(), body: timer.body.clone() };
        timer.firing = true;
        if timer.every_ms.is_none() {
            self.by_name.remove(&name);
        }
        self.drop_stale();
        Some(firing)
    }

    /// The turn of a firing has ended, one way or the other: an interval goes on.
    pub fn ended(&mut self, name: &Arc<str>, now_ms: u64) {
        let Some(timer) = self.by_name.get_mut(name) else { return };
        let (Some(every), true) = (timer.every_ms, timer.firing) else { return };
        timer.firing = false;
        let missed = now_ms.saturating_sub(timer.due_ms) / every;
        timer.due_ms = timer.due_ms.saturating_add(every.saturating_mul(missed.saturating_add(1)));
        self.schedule.push(Reverse((timer.due_ms, timer.setting, name.clone())));
    }

    /// What makes the timer of that name as it is now again, whatever becomes of it meanwhile. The pending firing of an interval
    /// stays a message of its own, so the timer goes on after it.
    pub fn restoring(&self, name: &Arc<str>) -> TimerChange {
        let Some(timer) = self.by_name.get(name) else { return TimerChange::Cancel { name: name.clone() } };
        let Timer { body, due_ms, every_ms, firing, .. } = timer;
        let step = if *firing { every_ms.unwrap_or_default() } else { 0 };
        let due_ms = due_ms.saturating_add(step);
        TimerChange::Set { name: name.clone(), body: body.clone(), due_ms, every_ms: *every_ms }
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Keeps the head of the schedule true, so that `next_due` never wakes for a timer that is gone; and the rest small, for
    /// timers that are set again and again long before they are due.
    fn drop_stale(&mut self) {
        if self.schedule.len() > 2 * self.by_name.len() + MOST_STALE {
            let by_name = &self.by_name;
            self.schedule
                .retain(|Reverse((_, setting, name))| by_name.get(name).is_some_and(|timer| timer.setting == *setting));
        }
        while let Some(Reverse((_, setting, name))) = self.schedule.peek() {
            if self.by_name.get(name).is_some_and(|timer| timer.setting == *setting) {
                break;
            }
            self.schedule.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(timers: &mut Timers, name: &str, due_ms: u64, every_ms: Option<u64>) {
        timers.apply(TimerChange::Set { name: name.into(), body: Bytes::new(), due_ms, every_ms });
    }

    fn fire(timers: &mut Timers, now: u64) -> Option<String> {
        timers.fire(now).map(|firing| firing.name.to_string())
    }

    #[test]
    fn timers_fire_in_order_and_not_before_their_time() {
        let mut timers = Timers::default();
        set(&mut timers, "late", 20, None);
        set(&mut timers, "early", 10, None);
        assert_eq!(fire(&mut timers, 9), None);
        assert_eq!(fire(&mut timers, 20).as_deref(), Some("early"));
        assert_eq!(fire(&mut timers, 20).as_deref(), Some("late"));
        assert_eq!((fire(&mut timers, 99), timers.len(), timers.next_due()), (None, 0, None));
    }

    #[test]
    fn a_timer_that_is_set_over_and_over_leaves_little_behind() {
        let mut timers = Timers::default();
        set(&mut timers, "first", 1, None);
        for due_ms in 0..100_000 {
            set(&mut timers, "t", 1_000 + due_ms, None);
        }
        assert!(timers.schedule.len() < 100, "{}", timers.schedule.len());
        assert_eq!(fire(&mut timers, 10).as_deref(), Some("first"));
        assert_eq!((fire(&mut timers, 100_999).as_deref(), fire(&mut timers, u64::MAX)), (Some("t"), None));
    }

    #[test]
    fn setting_a_name_again_replaces_it() {
        let mut timers = Timers::default();
        set(&mut timers, "t", 10, None);
        set(&mut timers, "t", 30, None);
        assert_eq!(timers.next_due(), Some(30));
        assert_eq!(fire(&mut timers, 20), None);
        assert_eq!(fire(&mut timers, 30).as_deref(), Some("t"));
    }

    #[test]
    fn a_cancelled_timer_does_not_fire() {
        let mut timers = Timers::default();
        set(&mut timers, "t", 10, Some(10));
        timers.apply(TimerChange::Cancel { name: "t".into() });
        assert_eq!((fire(&mut timers, 99), timers.next_due()), (None, None));
    }

    #[test]
    fn an_interval_goes_on_at_its_next_multiple_when_its_turn_has_ended() {
        let mut timers = Timers::default();
        set(&mut timers, "t", 10, Some(10));
        assert_eq!(fire(&mut timers, 12).as_deref(), Some("t"));
        assert_eq!(fire(&mut timers, 99), None, "its turn has not ended");
        timers.ended(&"t".into(), 47);
        assert_eq!(timers.next_due(), Some(50), "20, 30 and 40 have collapsed into one that has just run");
    }

    #[test]
    fn an_interval_of_before_whose_firing_is_pending_goes_on_when_that_has_ended() {
        let mut timers = Timers::default();
        let past = |name: &str, firing| PastTimer {
            name: name.into(),
            body: Bytes::new(),
            due_ms: 10,
            every_ms: Some(10),
            firing,
        };
        timers.take_up(past("t", true));
        assert_eq!((fire(&mut timers, 99), timers.len()), (None, 1));
        timers.take_up(past("u", false));
        assert_eq!(fire(&mut timers, 99).as_deref(), Some("u"));
        timers.ended(&"t".into(), 25);
        assert_eq!(timers.next_due(), Some(30));
    }

    #[test]
    fn a_timer_is_restored_as_it_was_whatever_came_between() {
        let mut timers = Timers::default();
        set(&mut timers, "set", 10, Some(10));
        set(&mut timers, "firing", 10, Some(10));
        timers.schedule.retain(|Reverse((_, _, name))| &**name != "firing");
        timers.by_name.get_mut("firing").unwrap().firing = true;
        let names: Vec<Arc<str>> = ["set", "firing", "new"].map(Arc::from).into();
        let undo: Vec<_> = names.iter().map(|name| timers.restoring(name)).collect();
        timers.apply(TimerChange::Cancel { name: "set".into() });
        set(&mut timers, "firing", 500, None);
        set(&mut timers, "new", 600, None);
        undo.into_iter().for_each(|change| timers.apply(change));
        assert_eq!((fire(&mut timers, 10).as_deref(), fire(&mut timers, 19)), (Some("set"), None));
        assert_eq!((fire(&mut timers, 20).as_deref(), timers.len()), (Some("firing"), 2));
    }

    #[test]
    fn a_one_shot_that_its_own_turn_set_anew_is_left_alone_when_the_turn_ends() {
        let mut timers = Timers::default();
        set(&mut timers, "t", 10, None);
        fire(&mut timers, 10);
        set(&mut timers, "t", 40, Some(10));
        timers.ended(&"t".into(), 20);
        assert_eq!(timers.next_due(), Some(40));
    }
}
