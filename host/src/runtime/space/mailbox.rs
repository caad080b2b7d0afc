//! The bounded inbox of a partition: two lanes, control before messages, many senders, one receiver.
//!
//! Room is reserved before a message exists and held until it is gone: waiting, in hand, in back-off. So a sender learns
//! of a full mailbox at its call, and a discarded turn gives back what it reserved. Nothing here waits but the receiver.
//!
//! ```text
//! push -> [ messages: in memory, up to the window ] [ put off: ids only, read from the journal when their turn comes ]
//! ```
//!
//! Once something is put off, all that arrives joins it until the receiver has caught up, so the order stays. What somebody
//! waits for is in no journal, so it is never put off: it is refused while the window is full.

use super::actor::Control;
use super::envelope::Envelope;
use crate::words::MessageId;
use crate::words::limits::{Limits, client_share};
use crate::words::message::PartitionName;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The mailbox is full for this sender.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

/// What the receiver waits for, besides orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitFor {
    Orders,
    /// Messages that somebody waits for. A space that does not serve has them to refuse, and no use for others: a flood of
    /// events must not wake it.
    Questions,
    Messages,
}

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
    /// How many of `messages` somebody waits for.
    questions: usize,
    /// They come after all in `messages`.
    put_off: VecDeque<PutOff>,
    /// Since the journal was last told what is still needed of it.
    taken_back: usize,
    /// The receiver waits for the bell, and is to be woken for this.
    asleep: Option<WaitFor>,
}

/// A message that waits in the journal only.
pub struct PutOff {
    id: MessageId,
    pub room: Room,
    /// When it was sent.
    pub enqueued_ns: u64,
}

pub struct Mailbox {
    /// Whose it is.
    name: Arc<PartitionName>,
    lanes: Mutex<Lanes>,
    bell: Notify,
    control_waiting: AtomicBool,
    /// All that waits, wherever.
    backlog: Amount,
    most: Amount,
    /// What of it is in memory.
    window: Amount,
    /// None where there is no journal to put anything off to.
    most_in_window: Option<Amount>,
    behind: AtomicBool,
    /// The journal must keep what comes from this sequence on; the highest number: nothing.
    needs_from: Arc<AtomicU64>,
}

/// Messages and their bytes.
#[derive(Default)]
struct Amount {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Amount {
    fn set(&self, messages: u64, bytes: u64) {
        self.messages.store(messages, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// What it comes to.
    fn add(&self, bytes: u64) -> (u64, u64) {
        let messages = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        (messages, self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes)
    }

    fn subtract(&self, bytes: u64) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn reaches(&self, most: &Amount) -> bool {
        let ((messages, bytes), (most_messages, most_bytes)) = (self.get(), most.get());
        messages >= most_messages || bytes >= most_bytes
    }
}

/// Room for one message, given back when dropped.
pub struct Room {
    mailbox: Option<Arc<Mailbox>>,
    weight: u64,
    /// Its message is in memory.
    in_window: bool,
}

impl Room {
    /// For what is bounded elsewhere: timers by their number, requests by one per caller.
    pub fn unbounded() -> Self {
        Room { mailbox: None, weight: 0, in_window: false }
    }

    /// Where it was reserved.
    pub fn mailbox(&self) -> Option<&Arc<Mailbox>> {
        self.mailbox.as_ref()
    }

    /// Its message is in memory from here on.
    pub fn enter_window(&mut self) {
        if let Some(mailbox) = &self.mailbox
            && !std::mem::replace(&mut self.in_window, true)
        {
            mailbox.window.add(self.weight);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.backlog.subtract(self.weight);
            if self.in_window {
                mailbox.window.subtract(self.weight);
            }
        }
    }
}

impl Mailbox {
    /// `keeps`: what is accepted is in a journal, too.
    pub fn new(name: Arc<PartitionName>, limits: &Limits, keeps: bool) -> Self {
        let mailbox = Mailbox {
            name,
            lanes: Mutex::default(),
            bell: Notify::new(),
            control_waiting: AtomicBool::new(false),
            backlog: Amount::default(),
            most: Amount::default(),
            window: Amount::default(),
            most_in_window: keeps.then(Amount::default),
            behind: AtomicBool::new(false),
            needs_from: Arc::new(AtomicU64::new(u64::MAX)),
        };
        mailbox.resize(limits);
        mailbox
    }

    pub fn name(&self) -> &PartitionName {
        &self.name
    }

    /// New limits, for what arrives from now on.
    pub fn resize(&self, limits: &Limits) {
        self.most.set(limits.backlog_messages, limits.backlog_bytes);
        if let Some(most) = &self.most_in_window {
            most.set(limits.window_messages, limits.window_bytes);
        }
    }

    pub fn reserve(self: &Arc<Self>, weight: usize, share: Share) -> Result<Room, Full> {
        let weight = weight as u64;
        let (messages, bytes) = self.backlog.add(weight);
        let room = Room { mailbox: Some(self.clone()), weight, in_window: false };
        let (most_messages, most_bytes) = self.allowed(share);
        // On refusal dropping the room gives the counts back.
        if messages > most_messages || bytes > most_bytes { Err(Full) } else { Ok(room) }
    }

    /// Room for a message that somebody waits for.
    pub fn reserve_now(self: &Arc<Self>, weight: usize, share: Share) -> Result<Room, Full> {
        if self.is_behind() || self.window_is_full() { Err(Full) } else { self.reserve(weight, share) }
    }

    fn allowed(&self, share: Share) -> (u64, u64) {
        let (messages, bytes) = self.most.get();
        match share {
            Share::Client => (client_share(messages), client_share(bytes)),
            Share::Space => (messages, bytes),
            Share::Replacement => (u64::MAX, u64::MAX),
        }
    }

    fn window_is_full(&self) -> bool {
        self.most_in_window.as_ref().is_some_and(|most| self.window.reaches(most))
    }

    /// Whether so much has been worked off that a cut-off subscription may go on.
    pub fn has_recovered(&self) -> bool {
        let ((messages, bytes), (most_messages, most_bytes)) = (self.backlog.get(), self.most.get());
        messages <= most_messages / 2 && bytes <= most_bytes / 2
    }

    /// Messages and bytes that wait or are in hand.
    pub fn backlog(&self) -> (u64, u64) {
        self.backlog.get()
    }

    /// When the first of those that wait here was sent; 0 if that is not known.
    pub fn oldest_ns(&self) -> Option<u64> {
        let lanes = self.lock();
        let put_off = lanes.put_off.front().map(|put_off| put_off.enqueued_ns);
        lanes.messages.front().map(|envelope| envelope.enqueued_ns).or(put_off)
    }

    /// Whether some of what waits is in the journal only.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    /// From which sequence on the journal is needed.
    pub fn needs_from(&self) -> &Arc<AtomicU64> {
        &self.needs_from
    }

    /// At the end of all that waits.
    pub fn push(&self, envelope: Box<Envelope>) {
        let mut lanes = self.lock();
        let rings_for = envelope.rings_for();
        if envelope.recorded && self.most_in_window.is_some() && (!lanes.put_off.is_empty() || self.window_is_full()) {
            self.put_off(&mut lanes, *envelope);
        } else {
            lanes.keep(envelope);
        }
        self.wake(lanes, rings_for);
    }

    /// Whatever else waits, this stays in memory: the journal may no longer hold it.
    pub fn push_kept(&self, envelope: Box<Envelope>) {
        let mut lanes = self.lock();
        let rings_for = envelope.rings_for();
        lanes.keep(envelope);
        self.wake(lanes, rings_for);
    }

    fn put_off(&self, lanes: &mut Lanes, envelope: Envelope) {
        let Envelope { message, room, enqueued_ns, .. } = envelope;
        self.needs_from.fetch_min(message.id.sequence, Ordering::AcqRel);
        lanes.put_off.push_back(PutOff { id: message.id, room, enqueued_ns });
        self.behind.store(true, Ordering::Release);
    }

    /// The ids of those that were put off first, at most so many.
    pub fn next_put_off(&self, most: usize) -> Vec<MessageId> {
        self.lock().put_off.iter().take(most).map(|put_off| put_off.id).collect()
    }

    /// Takes the first ones back; their messages have been read.
    pub fn take_back(&self, count: usize) -> Vec<PutOff> {
        let mut lanes = self.lock();
        let count = count.min(lanes.put_off.len());
        let taken = lanes.put_off.drain(..count).collect();
        lanes.taken_back += count;
        if lanes.taken_back >= lanes.put_off.len() {
            lanes.taken_back = 0;
            // They are nearly in the order of their sequences, but not quite: senders push after they have submitted.
            let oldest = lanes.put_off.iter().map(|put_off| put_off.id.sequence).min();
            self.needs_from.store(oldest.unwrap_or(u64::MAX), Ordering::Release);
        }
        self.behind.store(!lanes.put_off.is_empty(), Ordering::Release);
        taken
    }

    /// Drops what was put off and made before this sequence. Answers the ids.
    pub fn forget_put_off(&self, before: u64) -> Vec<MessageId> {
        let mut lanes = self.lock();
        let all = std::mem::take(&mut lanes.put_off);
        let (gone, kept) = all.into_iter().partition::<VecDeque<_>, _>(|put_off| put_off.id.sequence < before);
        lanes.put_off = kept;
        let oldest = lanes.put_off.iter().map(|put_off| put_off.id.sequence).min();
        self.needs_from.store(oldest.unwrap_or(u64::MAX), Ordering::Release);
        self.behind.store(!lanes.put_off.is_empty(), Ordering::Release);
        gone.into_iter().map(|put_off| put_off.id).collect()
    }

    pub fn push_control(&self, control: Control) {
        let mut lanes = self.lock();
        lanes.control.push_back(control);
        self.control_waiting.store(true, Ordering::Release);
        self.wake(lanes, WaitFor::Orders);
    }

    /// Rings the bell for a receiver that waits for this, or for more than this.
    fn wake(&self, mut lanes: MutexGuard<'_, Lanes>, arrived: WaitFor) {
        let wakes = lanes.asleep.take_if(|wanted| *wanted >= arrived).is_some();
        drop(lanes);
        if wakes {
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

    /// Moves all that waits in memory into `batch`, which must be empty. False when there is nothing.
    pub fn take_batch(&self, batch: &mut VecDeque<Box<Envelope>>) -> bool {
        debug_assert!(batch.is_empty());
        let mut lanes = self.lock();
        std::mem::swap(&mut lanes.messages, batch);
        lanes.questions = 0;
        !batch.is_empty()
    }

    /// Waits until there is an order, or what else is `wanted`.
    pub async fn wait(&self, wanted: WaitFor) {
        loop {
            {
                let mut lanes = self.lock();
                let is_there = match wanted {
                    WaitFor::Orders => false,
                    WaitFor::Questions => lanes.questions > 0,
                    WaitFor::Messages => !lanes.messages.is_empty(),
                };
                if is_there || !lanes.control.is_empty() {
                    return;
                }
                lanes.asleep = Some(wanted);
            }
            self.bell.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // Nothing under this lock can leave the lanes half-changed.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn keep(&mut self, mut envelope: Box<Envelope>) {
        envelope.room.enter_window();
        self.questions += usize::from(envelope.waiter.is_some());
        self.messages.push_back(envelope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::space::envelope::wait;
    use crate::words::message::{Kind, Sender};
    use crate::words::{Message, SpaceName};
    use bytes::Bytes;
    use futures::FutureExt;
    use std::pin::pin;
    use std::task::{Context, Wake, Waker};

    fn name() -> Arc<PartitionName> {
        Arc::new(PartitionName { space: SpaceName::parse("a").unwrap(), index: 0 })
    }

    fn mailbox(messages: u64) -> Arc<Mailbox> {
        let limits = Limits { backlog_messages: messages, ..Limits::default() };
        Arc::new(Mailbox::new(name(), &limits, false))
    }

    /// A mailbox over a journal, with this window.
    fn window(messages: u64) -> Arc<Mailbox> {
        let limits = Limits { window_messages: messages, ..Limits::default() };
        Arc::new(Mailbox::new(name(), &limits, true))
    }

    fn envelope(mailbox: &Arc<Mailbox>, sequence: u64) -> Box<Envelope> {
        let message = Message {
            id: MessageId { sequence, ordinal: 0 },
            sender: Sender::Host,
            kind: Kind::Command("c".into()),
            body: Bytes::new(),
            key: None,
            headers: None,
            hops: 0,
        };
        Envelope::new(message, mailbox.reserve(10, Share::Space).unwrap(), sequence)
    }

    fn arrive(mailbox: &Arc<Mailbox>, sequence: u64) {
        let mut envelope = envelope(mailbox, sequence);
        envelope.recorded = true;
        mailbox.push(envelope);
    }

    /// Somebody waits for its answer.
    fn ask(mailbox: &Arc<Mailbox>, sequence: u64) {
        let mut envelope = envelope(mailbox, sequence);
        envelope.waiter = Some(wait(false).0);
        mailbox.push(envelope);
    }

    fn in_memory(mailbox: &Mailbox) -> Vec<u64> {
        let mut batch = VecDeque::new();
        mailbox.take_batch(&mut batch);
        batch.iter().map(|envelope| envelope.message.id.sequence).collect()
    }

    fn put_off(mailbox: &Mailbox) -> Vec<u64> {
        mailbox.next_put_off(usize::MAX).iter().map(|id| id.sequence).collect()
    }

    #[test]
    fn what_does_not_fit_into_the_window_is_put_off_and_all_that_follows_joins_it() {
        let mailbox = window(2);
        (1..=4).for_each(|sequence| arrive(&mailbox, sequence));
        assert_eq!((in_memory(&mailbox), put_off(&mailbox)), (vec![1, 2], vec![3, 4]));
        assert_eq!((mailbox.window.get(), mailbox.backlog()), ((0, 0), (2, 20)));
        arrive(&mailbox, 5);
        assert_eq!((in_memory(&mailbox), put_off(&mailbox)), (vec![], vec![3, 4, 5]), "there is room, but no turn yet");
        assert_eq!(mailbox.needs_from().load(Ordering::Relaxed), 3);
        let mut taken = mailbox.take_back(2);
        taken.iter_mut().for_each(|one| one.room.enter_window());
        assert_eq!((mailbox.window.get(), mailbox.is_behind()), ((2, 20), true));
        assert_eq!(mailbox.needs_from().load(Ordering::Relaxed), 5);
        mailbox.take_back(9);
        assert!(!mailbox.is_behind() && mailbox.needs_from().load(Ordering::Relaxed) == u64::MAX);
        drop(taken);
        arrive(&mailbox, 6);
        assert_eq!((in_memory(&mailbox), mailbox.backlog()), (vec![6], (0, 0)));
    }

    #[test]
    fn whoever_waits_is_refused_while_the_window_is_full_or_others_are_put_off() {
        let mailbox = window(1);
        assert!(mailbox.reserve_now(1, Share::Client).is_ok());
        arrive(&mailbox, 1);
        assert_eq!(mailbox.reserve_now(1, Share::Client).err(), Some(Full), "the window is full");
        arrive(&mailbox, 2);
        in_memory(&mailbox);
        assert_eq!(mailbox.reserve_now(1, Share::Space).err(), Some(Full), "it would overtake");
        assert_eq!(mailbox.backlog(), (1, 10));
        mailbox.take_back(1);
        assert!(mailbox.reserve_now(1, Share::Client).is_ok());
    }

    #[derive(Default)]
    struct Rung(AtomicBool);

    impl Wake for Rung {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whether somebody who waits for this, and finds nothing yet, is woken by what arrives then.
    fn is_woken(wanted: WaitFor, arrives: impl Fn(&Arc<Mailbox>)) -> bool {
        let (mailbox, rung) = (mailbox(10), Arc::new(Rung::default()));
        let waker = Waker::from(rung.clone());
        let mut waiting = pin!(mailbox.wait(wanted));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        arrives(&mailbox);
        let rung = rung.0.load(Ordering::Relaxed);
        assert_eq!(waiting.poll(&mut Context::from_waker(&waker)).is_ready(), rung, "for nothing, or not at all");
        rung
    }

    #[test]
    fn a_receiver_is_woken_by_what_it_waits_for_and_by_nothing_less() {
        let by = |wanted| {
            let order = |mailbox: &Arc<Mailbox>| mailbox.push_control(Control::Close);
            [
                is_woken(wanted, |mailbox| arrive(mailbox, 1)),
                is_woken(wanted, |mailbox| ask(mailbox, 1)),
                is_woken(wanted, order),
            ]
        };
        assert_eq!(by(WaitFor::Orders), [false, false, true]);
        assert_eq!(by(WaitFor::Questions), [false, true, true]);
        assert_eq!(by(WaitFor::Messages), [true, true, true]);
    }

    #[test]
    fn a_question_that_was_taken_wakes_nobody_again() {
        let mailbox = mailbox(10);
        ask(&mailbox, 1);
        arrive(&mailbox, 2);
        assert!(mailbox.wait(WaitFor::Questions).now_or_never().is_some());
        assert_eq!(in_memory(&mailbox), vec![1, 2]);
        assert!(mailbox.wait(WaitFor::Questions).now_or_never().is_none());
    }

    #[test]
    fn in_memory_nothing_is_put_off() {
        let limits = Limits { window_messages: 1, ..Limits::default() };
        let mailbox = Arc::new(Mailbox::new(name(), &limits, false));
        (1..=3).for_each(|sequence| arrive(&mailbox, sequence));
        assert!(mailbox.reserve_now(1, Share::Client).is_ok());
        assert_eq!((in_memory(&mailbox), put_off(&mailbox)), (vec![1, 2, 3], vec![]));
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
        let limits = Limits { backlog_bytes: 10, ..Limits::default() };
        let mailbox = Arc::new(Mailbox::new(name(), &limits, false));
        let _room = mailbox.reserve(6, Share::Space).unwrap();
        assert!(mailbox.reserve(5, Share::Space).is_err());
        assert!(mailbox.reserve(4, Share::Space).is_ok());
    }
}
