//! Whether events still reach a partition, and what it must read later if they do not.
//!
//! Publishing must neither fail nor wait for a subscriber. So a partition without room for an event is *cut off*: its
//! events are left in the journal, each record saying who missed it, and the partition reads them when it has worked off
//! enough. In memory there is no journal, and what was missed is only counted. Nothing here waits or fails.

use super::{Partition, Space};
use crate::runtime::audit::Audit;
use crate::runtime::space::actor::Control;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct Subscription {
    cut_off: AtomicBool,
    /// Nothing before this sequence is still to be read. Holds only while it is cut off; changes with `cut_off`.
    from: Mutex<u64>,
    leaving: Mutex<Leaving>,
    missed: AtomicU64,
    /// The last of what it missed is being counted: it must not be cut off again before that is done.
    resuming: AtomicBool,
}

/// Turns that leave an event to be read, and have not delivered what they emitted before it. A reader waits for those only
/// that began before it looked: others may go on beginning for ever.
#[derive(Default)]
struct Leaving {
    look: u64,
    before: u64,
    since: u64,
}

/// An event that a partition reads later. Held until the record that says so is submitted, and all that the turn has emitted
/// before is delivered.
pub struct Missed {
    partition: Arc<Partition>,
    /// The look before which it began.
    look: u64,
    /// It is the first one.
    cuts_off: bool,
}

impl Subscription {
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::SeqCst)
    }

    /// Events that it has not got.
    pub fn missed(&self) -> &AtomicU64 {
        &self.missed
    }

    /// As it was when the host ended.
    pub fn take_up(&self, from: u64) {
        *self.from() = from;
        self.cut_off.store(true, Ordering::SeqCst);
    }

    /// From where to read; None when it is not cut off.
    pub fn unread_from(&self) -> Option<u64> {
        let from = self.from();
        self.is_cut_off().then_some(*from)
    }

    /// Everything before `next` has been read, `events` of it missed ones.
    pub fn read_up_to(&self, next: u64, events: u64) {
        let mut from = self.from();
        *from = next.max(*from);
        // Of before a restart nobody knows how many there are.
        let _ = self
            .missed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |missed| Some(missed.saturating_sub(events)));
    }

    /// Events reach it from now on. What turns are still about to leave it is written when they `have_left`.
    pub fn resume(&self) {
        self.resuming.store(true, Ordering::SeqCst);
        let from = self.from();
        self.cut_off.store(false, Ordering::SeqCst);
        drop(from);
    }

    /// All that it has missed is known.
    pub fn resumed(&self) {
        self.resuming.store(false, Ordering::SeqCst);
    }

    pub fn is_resuming(&self) -> bool {
        self.resuming.load(Ordering::SeqCst)
    }

    /// Looks who is about to leave an event by now. Only its one reader does.
    pub fn look_who_leaves(&self) {
        let mut leaving = self.leaving();
        leaving.look += 1;
        leaving.before += std::mem::take(&mut leaving.since);
    }

    /// Whether those that the last look saw have delivered what goes before the events they left.
    pub fn have_left(&self) -> bool {
        self.leaving().before == 0
    }

    fn leaving(&self) -> MutexGuard<'_, Leaving> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn from(&self) -> MutexGuard<'_, u64> {
        self.from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition {
    /// Leaves an event to be read, if the partition is cut off.
    pub fn misses(self: &Arc<Self>) -> Option<Missed> {
        if !self.subscription.is_cut_off() {
            return None;
        }
        let missed = Missed::new(self, false);
        // Looked at again: whoever resumes waits only for those that had counted themselves before.
        self.subscription.is_cut_off().then_some(missed)
    }

    /// Leaves an event to be read because there is no room for it. `next`: no later record has a lower sequence.
    pub fn cut_off(self: &Arc<Self>, next: u64) -> Missed {
        let subscription = &self.subscription;
        let mut missed = Missed::new(self, false);
        let mut from = subscription.from();
        missed.cuts_off = !subscription.cut_off.swap(true, Ordering::SeqCst);
        if missed.cuts_off {
            // What was read since `next` was looked up is not read again.
            *from = next.max(*from);
        }
        drop(from);
        missed
    }
}

impl Missed {
    fn new(partition: &Arc<Partition>, cuts_off: bool) -> Self {
        let mut leaving = partition.subscription.leaving();
        leaving.since += 1;
        Missed { partition: partition.clone(), look: leaving.look, cuts_off }
    }

    /// The record is submitted, and what the turn has emitted before is delivered.
    pub fn written(self, space: &Space, sequence: u64, audit: &Audit) {
        let partition = &self.partition;
        partition.subscription.missed.fetch_add(1, Ordering::Relaxed);
        if self.cuts_off {
            let index = partition.name.index;
            let line = format!("subscription of partition {index} cut off at {sequence}: its backlog is full");
            audit.of_space(space, "subscription-cut-off", &line);
            space.note("warn", line);
            // It may have nothing to do, if the event alone is more than it has room for.
            partition.mailbox.push_control(Control::Look);
        }
    }
}

impl Drop for Missed {
    fn drop(&mut self) {
        let mut leaving = self.partition.subscription.leaving();
        if self.look == leaving.look {
            leaving.since -= 1;
        } else {
            leaving.before -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Limits;

    #[test]
    fn a_reader_waits_for_those_that_leave_when_it_looks_and_for_no_others() {
        let partition = Space::nobody(&Limits::default()).partitions[0].clone();
        let subscription = &partition.subscription;
        let early = partition.cut_off(1);
        subscription.look_who_leaves();
        let late = partition.misses().expect("it is cut off");
        assert!(!subscription.have_left());
        drop(early);
        assert!(subscription.have_left());
        subscription.look_who_leaves();
        assert!(!subscription.have_left());
        drop(late);
        assert!(subscription.have_left());
    }
}
