//! The bounded inbox of a partition: two lanes, control before messages, many senders, one receiver.
//!
//! Room is reserved before a message exists and held until it is gone: waiting, in hand, in back-off. So a sender learns
//! of a full mailbox at its call, and a discarded turn gives back what it reserved. Nothing here waits but the receiver.

use super::actor::Control;
use super::envelope::Envelope;
use crate::words::limits::client_share;
use crate::words::message::PartitionName;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The mailbox is full for this sender.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

/// How much of a mailbox a sender may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Clients: four fifths. (Timers are bounded by their number.)
    Client,
    /// Spaces: all of it.
    Space,
    /// One message in place of the one consumed, which keeps rings from blocking themselves.
    Replacement,
}

#[derive(Default)]
struct Lanes {
    control: VecDeque<Control>,
    messages: VecDeque<Box<Envelope>>,
    /// The receiver waits for the bell.
    asleep: bool,
}

pub struct Mailbox {
    /// Whose it is.
    name: Arc<PartitionName>,
    lanes: Mutex<Lanes>,
    bell: Notify,
    control_waiting: AtomicBool,
    used: Usage,
    most_messages: AtomicU64,
    most_bytes: AtomicU64,
}

#[derive(Default)]
struct Usage {
    messages: AtomicU64,
    bytes: AtomicU64,
}

/// Room for one message, given back when dropped.
pub struct Room {
    mailbox: Option<Arc<Mailbox>>,
    weight: u64,
}

impl Room {
    /// For what is bounded elsewhere: timers by their number, requests by one per caller.
    pub fn unbounded() -> Self {
        Room { mailbox: None, weight: 0 }
    }

    /// Where it was reserved.
    pub fn mailbox(&self) -> Option<&Arc<Mailbox>> {
        self.mailbox.as_ref()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.used.messages.fetch_sub(1, Ordering::Relaxed);
            mailbox.used.bytes.fetch_sub(self.weight, Ordering::Relaxed);
        }
    }
}

impl Mailbox {
    pub fn new(name: Arc<PartitionName>, most_messages: u64, most_bytes: u64) -> Self {
        Mailbox {
            name,
            lanes: Mutex::default(),
            bell: Notify::new(),
            control_waiting: AtomicBool::new(false),
            used: Usage::default(),
            most_messages: AtomicU64::new(most_messages),
            most_bytes: AtomicU64::new(most_bytes),
        }
    }

    pub fn name(&self) -> &PartitionName {
        &self.name
    }

    /// New limits, for what arrives from now on.
    pub fn resize(&self, most_messages: u64, most_bytes: u64) {
        self.most_messages.store(most_messages, Ordering::Relaxed);
        self.most_bytes.store(most_bytes, Ordering::Relaxed);
    }

    pub fn reserve(self: &Arc<Self>, weight: usize, share: Share) -> Result<Room, Full> {
        let weight = weight as u64;
        let messages = self.used.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.used.bytes.fetch_add(weight, Ordering::Relaxed) + weight;
        let room = Room { mailbox: Some(self.clone()), weight };
        let (most_messages, most_bytes) = self.allowed(share);
        // On refusal dropping the room gives the counts back.
        if messages > most_messages || bytes > most_bytes { Err(Full) } else { Ok(room) }
    }

    fn allowed(&self, share: Share) -> (u64, u64) {
        let messages = self.most_messages.load(Ordering::Relaxed);
        let bytes = self.most_bytes.load(Ordering::Relaxed);
        match share {
            Share::Client => (client_share(messages), client_share(bytes)),
            Share::Space => (messages, bytes),
            Share::Replacement => (u64::MAX, u64::MAX),
        }
    }

    /// Whether so much has been worked off that a cut-off subscription may go on.
    pub fn has_recovered(&self) -> bool {
        self.used.messages.load(Ordering::Relaxed) <= self.most_messages.load(Ordering::Relaxed) / 2
            && self.used.bytes.load(Ordering::Relaxed) <= self.most_bytes.load(Ordering::Relaxed) / 2
    }

    /// Messages and bytes that wait or are in hand.
    pub fn backlog(&self) -> (u64, u64) {
        (self.used.messages.load(Ordering::Relaxed), self.used.bytes.load(Ordering::Relaxed))
    }

    pub fn push(&self, envelope: Box<Envelope>) {
        let mut lanes = self.lock();
        lanes.messages.push_back(envelope);
        self.wake(lanes);
    }

    pub fn push_control(&self, control: Control) {
        let mut lanes = self.lock();
        lanes.control.push_back(control);
        self.control_waiting.store(true, Ordering::Release);
        self.wake(lanes);
    }

    fn wake(&self, mut lanes: MutexGuard<'_, Lanes>) {
        let asleep = std::mem::take(&mut lanes.asleep);
        drop(lanes);
        if asleep {
            self.bell.notify_one();
        }
    }

    /// The next order, if there is one. Cheap to ask between any two turns.
    pub fn take_control(&self) -> Option<Control> {
        if !self.control_waiting.load(Ordering::Acquire) {
            return None;
        }
        let mut lanes = self.lock();
        let control = lanes.control.pop_front();
        self.control_waiting.store(!lanes.control.is_empty(), Ordering::Release);
        control
    }

    /// Moves all that waits into `batch`, which must be empty. False when there is nothing.
    pub fn take_batch(&self, batch: &mut VecDeque<Box<Envelope>>) -> bool {
        debug_assert!(batch.is_empty());
        std::mem::swap(&mut self.lock().messages, batch);
        !batch.is_empty()
    }

    /// Waits until there is an order, or a message where messages are `wanted`.
    pub async fn wait(&self, wanted: bool) {
        loop {
            {
                let mut lanes = self.lock();
                if !lanes.control.is_empty() || (wanted && !lanes.messages.is_empty()) {
                    return;
                }
                lanes.asleep = true;
            }
            self.bell.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // Nothing under this lock can leave the lanes half-changed.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::SpaceName;

    fn name() -> Arc<PartitionName> {
        Arc::new(PartitionName { space: SpaceName::parse("a").unwrap(), index: 0 })
    }

    fn mailbox(messages: u64) -> Arc<Mailbox> {
        Arc::new(Mailbox::new(name(), messages, 1_000_000))
    }

    #[test]
    fn clients_are_refused_before_spaces_and_a_replacement_never() {
        let mailbox = mailbox(10);
        let mut rooms: Vec<_> = (0..8).map(|_| mailbox.reserve(1, Share::Client).unwrap()).collect();
        assert_eq!(mailbox.reserve(1, Share::Client).err(), Some(Full));
        rooms.extend((0..2).map(|_| mailbox.reserve(1, Share::Space).unwrap()));
        assert_eq!(mailbox.reserve(1, Share::Space).err(), Some(Full));
        rooms.push(mailbox.reserve(1, Share::Replacement).unwrap());
        assert_eq!(mailbox.backlog(), (11, 11));
    }

    #[test]
    fn room_comes_back_when_it_is_dropped_and_a_refusal_costs_none() {
        let mailbox = mailbox(1);
        let room = mailbox.reserve(5, Share::Space).unwrap();
        assert!(mailbox.reserve(5, Share::Space).is_err());
        assert_eq!(mailbox.backlog(), (1, 5));
        drop(room);
        assert_eq!(mailbox.backlog(), (0, 0));
        assert!(mailbox.reserve(5, Share::Space).is_ok());
    }

    #[test]
    fn bytes_are_a_bound_of_their_own() {
        let mailbox = Arc::new(Mailbox::new(name(), 100, 10));
        let _room = mailbox.reserve(6, Share::Space).unwrap();
        assert!(mailbox.reserve(5, Share::Space).is_err());
        assert!(mailbox.reserve(4, Share::Space).is_ok());
    }
}
