//! Whether events still reach a partition, and what it must read later if they do not.
//!
//! Publishing must neither fail nor wait for a subscriber. So a partition without room for an event is *cut off*: its
//! events are left in the journal, each record saying who missed it, and the partition reads them when it has worked off
//! enough. In memory there is no journal, and what was missed is only counted. Nothing here waits or fails.

use super::{Partition, Space};
use crate::runtime::space::actor::Control;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct Subscription {
    cut_off: AtomicBool,
    /// Nothing before this sequence is still to be read. Holds only while it is cut off; changes with `cut_off`.
    from: Mutex<u64>,
    /// Turns that leave an event to be read and have not submitted their record yet.
    leaving: AtomicU64,
    missed: AtomicU64,
    /// The last of what it missed is being counted: it must not be cut off again before that is done.
    resuming: AtomicBool,
}

/// An event that a partition reads later. Held until the record that says so is submitted.
pub struct Missed {
    partition: Arc<Partition>,
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

    /// Events reach it from now on. True when no turn is still about to leave it one: then all that it misses is written.
    pub fn resume(&self) -> bool {
        self.resuming.store(true, Ordering::SeqCst);
        let from = self.from();
        self.cut_off.store(false, Ordering::SeqCst);
        drop(from);
        self.nobody_is_leaving()
    }

    /// All that it has missed is known.
    pub fn resumed(&self) {
        self.resuming.store(false, Ordering::SeqCst);
    }

    pub fn is_resuming(&self) -> bool {
        self.resuming.load(Ordering::SeqCst)
    }

    pub fn nobody_is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst) == 0
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
        partition.subscription.leaving.fetch_add(1, Ordering::SeqCst);
        Missed { partition: partition.clone(), cuts_off }
    }

    /// The record is submitted.
    pub fn written(self, space: &Space, sequence: u64) {
        let partition = &self.partition;
        partition.subscription.missed.fetch_add(1, Ordering::Relaxed);
        if self.cuts_off {
            let index = partition.name.index;
            space.note("warn", format!("subscription of partition {index} cut off at {sequence}: its backlog is full"));
            // It may have nothing to do, if the event alone is more than it has room for.
            partition.mailbox.push_control(Control::Look);
        }
    }
}

impl Drop for Missed {
    fn drop(&mut self) {
        self.partition.subscription.leaving.fetch_sub(1, Ordering::SeqCst);
    }
}
