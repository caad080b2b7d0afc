//! The actor of a partition: one task that owns its instance, its state and the order of its turns.
//!
//! ```text
//! mailbox -> take -> [instance there?] -> handler under its budget -> commit -> reply
//!                          |                      |
//!                      instantiate, start     discard -> retry, dead letter, rest, quarantine
//! ```
//!
//! It serves control before messages, and between any two turns only. It never touches another partition; what it tells
//! others goes through the router.

use super::backoff::Backoff;
use super::envelope::{Answer, Envelope};
use super::mailbox::{Room, Share, WaitFor};
use super::probation::Watched;
use super::purge::{PurgeOrder, ShowOrder};
use super::restart::Health;
use super::swap::SwapOrder;
use super::turn::{Turn, now_ms};
use super::{Instance, Partition, Space, chronicle};
use crate::runtime::api::SpaceState;
use crate::runtime::past::PastPartition;
use crate::runtime::router::Router;
use crate::runtime::traces;
use crate::store::journal::Reader;
use crate::store::ledger::Scribe;
use crate::store::record::Record;
use crate::words::failure::code;
use crate::words::message::{Kind, Sender};
use crate::words::{Failure, Message, MessageId};
use futures::FutureExt;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Turns in a row before the actor lets others on its core run.
const TURNS_PER_SLICE: u32 = 64;
/// Of a millisecond; the first may come at once.
const TICKS_PER_SLICE: u64 = 1;
/// How often whoever waits for room, on the disk or in the backlog, looks whether there is some.
const WHILE_FULL: Duration = Duration::from_millis(250);

/// Why a space stays in quarantine.
const FAULT: &str = "a fault of the host itself, see its log: restart the host, which goes on from what is on disk";

/// Orders to a partition, ahead of its messages.
pub enum Control {
    /// Replace the version that serves.
    Swap(Box<SwapOrder>),
    /// The space's state has changed: look again. Answered between turns.
    Attend(oneshot::Sender<()>),
    /// The host has opened: what waits may be served.
    Look,
    /// Show how much there is as of now.
    Count(oneshot::Sender<()>),
    /// Answered as soon as no message waits.
    Drain(oneshot::Sender<()>),
    /// Drop the instance; state and messages stay.
    Unload(oneshot::Sender<()>),
    /// End for good.
    Close,
    /// Show a page of the state.
    Show(Box<ShowOrder>),
    /// Forget all that there is.
    Purge(PurgeOrder),
}

/// Where the partition's `Turn` is: inside a live instance, or waiting for one.
pub enum Seat {
    Live(Box<Instance>),
    Empty(Box<Turn>),
    /// Only while it is being exchanged.
    Moving,
}

pub struct Actor {
    pub space: Arc<Space>,
    pub partition: Arc<Partition>,
    pub router: Arc<Router>,
    pub seat: Seat,
    /// Taken from the mailbox or read from the journal, not yet handled.
    pub(super) batch: VecDeque<Box<Envelope>>,
    /// Events of before the start that came after some that were missed: they wait until those have been read.
    pub(super) held: BTreeMap<MessageId, Box<Envelope>>,
    /// While it reads what did not fit into its memory.
    pub(super) reader: Option<Reader>,
    /// While it does not serve: whoever waited in `batch` has been refused, and only arrivals are still to be looked at.
    batch_refused: bool,
    pub backoff: Backoff,
    pub health: Health,
    pub(super) probation: Watched,
    /// After faults of its own it serves nobody until then.
    pub rest_until: Option<Instant>,
    /// It has just rested: what has not failed yet goes before what has.
    rested: bool,
    /// What it handled last was a timer.
    fired: bool,
    drained: Vec<oneshot::Sender<()>>,
    pub(super) jitter: Xoshiro256PlusPlus,
    /// The record that purged the space: what an earlier one has put on its way is gone, even if it arrives later.
    pub purged_at: u64,
}

/// How long a partition takes messages before it gives way to the others of its thread: few turns, and little time.
struct Slice {
    turns: u32,
    since: u64,
}

impl Slice {
    fn begin(router: &Router) -> Self {
        Slice { turns: 0, since: router.ticks() }
    }

    /// After one more turn.
    fn is_over(&mut self, router: &Router) -> bool {
        self.turns += 1;
        self.turns == TURNS_PER_SLICE || router.ticks() > self.since + TICKS_PER_SLICE
    }
}

impl Actor {
    pub fn new(router: Arc<Router>, space: Arc<Space>, index: usize, turn: Turn) -> Self {
        let partition = space.partitions[index].clone();
        Actor {
            jitter: Xoshiro256PlusPlus::seed_from_u64(partition.number),
            space,
            partition,
            router,
            seat: Seat::Empty(Box::new(turn)),
            batch: VecDeque::new(),
            held: BTreeMap::new(),
            reader: None,
            batch_refused: false,
            backoff: Backoff::default(),
            health: Health::default(),
            probation: None,
            rest_until: None,
            rested: false,
            fired: false,
            drained: Vec::new(),
            purged_at: 0,
        }
    }

    /// Takes up what the store holds of the partition, before it runs.
    pub fn take_up(&mut self, part: PastPartition) {
        self.turn_mut().restore(part.state, part.timers);
        for (mut envelope, due_ms) in part.pending {
            // It was accepted once: it takes its room whatever the limit is by now.
            if let Ok(room) = self.partition.mailbox.reserve(envelope.message.weight(), Share::Replacement) {
                envelope.room = room;
                envelope.room.enter_window();
            }
            let is_event = matches!(envelope.message.kind, Kind::Event(_));
            let after_missed = part.cut_off_from.is_some_and(|from| envelope.message.id.sequence >= from);
            match due_ms.map(|due_ms| Duration::from_millis(due_ms.saturating_sub(now_ms()))) {
                Some(wait) => self.backoff.hold(envelope, Instant::now() + wait),
                None if is_event && after_missed => drop(self.held.insert(envelope.message.id, envelope)),
                None => self.batch.extend(self.backoff.queue_behind(envelope)),
            }
        }
        for grave in part.graves {
            self.space.graves.bury(grave, u64::MAX);
        }
        if let Some(from) = part.cut_off_from {
            self.partition.subscription.take_up(from);
        }
        self.turn().publish_usage();
    }

    /// Until it is closed. What the guest does cannot end it; a fault of the host's own leaves a partition of which nobody
    /// knows how much of its last step it has done, and which therefore serves no more in this run of the host.
    pub async fn run(mut self) {
        if AssertUnwindSafe(self.serve()).catch_unwind().await.is_ok() {
            return;
        }
        let (space, partition, router) = (self.space.clone(), self.partition.clone(), self.router.clone());
        // Whoever waits for an answer learns that there will be none.
        drop(self);
        partition.counters.memory_bytes.store(0, Ordering::Relaxed);
        router.audit.of_space(&space, "host-panic", FAULT);
        space.note("error", format!("quarantined: {FAULT} (partition {})", partition.name.index));
        loop {
            space.set_state(SpaceState::Quarantined, FAULT);
            partition.mailbox.wait(WaitFor::Orders).await;
            while let Some(control) = partition.mailbox.take_control() {
                if let Control::Close = control {
                    return;
                }
            }
        }
    }

    async fn serve(&mut self) {
        let mut slice = Slice::begin(&self.router);
        loop {
            while let Some(control) = self.partition.mailbox.take_control() {
                if let Control::Close = control {
                    return;
                }
                self.obey(control).await;
                self.turn_mut().pause_clock();
            }
            if self.serves() {
                self.batch_refused = false;
                if self.router.ledger.is_congested() {
                    self.let_the_disk_catch_up().await;
                    self.turn_mut().pause_clock();
                    continue;
                }
                if let Some(envelope) = self.next_message() {
                    self.handle(envelope).await;
                    if slice.is_over(&self.router) {
                        tokio::task::yield_now().await;
                        self.turn_mut().pause_clock();
                        slice = Slice::begin(&self.router);
                    }
                    continue;
                }
                if self.read_on().await {
                    self.turn_mut().pause_clock();
                    continue;
                }
                self.reader = None;
                self.tell_drained();
            }
            self.idle().await;
            self.turn_mut().pause_clock();
            slice = Slice::begin(&self.router);
        }
    }

    /// Waits for the next group, or for an order.
    async fn let_the_disk_catch_up(&mut self) {
        let (mailbox, gate) = (&self.partition.mailbox, &self.router.gate);
        tokio::select! {
            biased;
            () = mailbox.wait(WaitFor::Orders) => {}
            () = gate.next_group() => {}
        }
    }

    async fn obey(&mut self, control: Control) {
        // Whoever gave an order and went away does not need the answer.
        match control {
            Control::Swap(order) => self.swap(*order).await,
            Control::Attend(done) => {
                if self.space.state() == SpaceState::Running {
                    self.health = Health::default();
                    self.rest_until = None;
                }
                let _ = done.send(());
            }
            Control::Count(done) => {
                self.turn().publish_usage();
                let _ = done.send(());
            }
            Control::Drain(done) => self.drained.push(done),
            Control::Unload(done) => {
                self.vacate();
                let _ = done.send(());
            }
            Control::Show(order) => self.show(*order),
            Control::Purge(order) => self.purge(order).await,
            Control::Look | Control::Close => {}
        }
    }

    fn serves(&self) -> bool {
        self.router.is_open() && self.space.state() == SpaceState::Running && self.rest_until.is_none()
    }

    /// Due timers come first. But after each one it is a message's turn, if one waits: a timer that sets itself anew, due at
    /// once, must not shut all messages out.
    fn next_message(&mut self) -> Option<Box<Envelope>> {
        if std::mem::take(&mut self.fired)
            && let Some(envelope) = self.next_waiting()
        {
            return Some(envelope);
        }
        if let Some(envelope) = self.due_timer() {
            self.fired = true;
            return Some(envelope);
        }
        self.next_waiting()
    }

    /// Messages whose back-off is over come first, then the mailbox in order.
    fn next_waiting(&mut self) -> Option<Box<Envelope>> {
        let rested = std::mem::take(&mut self.rested);
        let fresh_first = rested && self.has_fresh();
        if !self.backoff.is_empty()
            && !fresh_first
            && let Some(envelope) = self.backoff.take_due(Instant::now())
        {
            return Some(envelope);
        }
        loop {
            if !self.has_fresh() {
                return None;
            }
            let envelope = self.batch.pop_front()?;
            if self.is_purged(&envelope) {
                self.forget(*envelope);
                continue;
            }
            let is_waiting_client = envelope.waiter.is_some() && matches!(envelope.message.sender, Sender::Client(_));
            if is_waiting_client {
                return Some(envelope);
            }
            if let Some(envelope) = self.backoff.queue_behind(envelope) {
                return Some(envelope);
            }
        }
    }

    /// Whether a message waits that has not been put off.
    fn has_fresh(&mut self) -> bool {
        !self.batch.is_empty() || self.partition.mailbox.take_batch(&mut self.batch)
    }

    fn due_timer(&mut self) -> Option<Box<Envelope>> {
        self.turn_mut().timers.next_due()?;
        // A full disk takes in nothing, and so no firing.
        if self.router.ledger.is_full() {
            return None;
        }
        let now_ms = now_ms();
        let firing = self.turn_mut().timers.fire(now_ms)?;
        let trace = self.router.traces.begin();
        let message = Message {
            id: MessageId::TO_COME,
            sender: Sender::Timer,
            kind: Kind::Timer(firing.name),
            body: firing.body,
            key: None,
            headers: trace.and_then(traces::headers),
            hops: 0,
        };
        let envelope = self.fired(message, now_ms);
        if let Some(root) = trace {
            self.router.traces.ended(traces::firing(root, &self.partition.name, &envelope.message));
        }
        Some(envelope)
    }

    /// From here on the firing is a message like any other: accepted, and once begun the same in each attempt.
    fn fired(&self, message: Message, time_ms: u64) -> Box<Envelope> {
        let mut envelope = Envelope::new(message, Room::unbounded(), 0);
        envelope.enqueued_ns = time_ms * 1_000_000;
        if !self.router.ledger.keeps_records() {
            envelope.message.id = self.router.next_entry();
            return envelope;
        }
        let place = chronicle::place(&self.partition.name);
        let record = Record::Fired { place, message: chronicle::message(&envelope.message, None), time_ms };
        let sequence = Scribe::default().submit(&self.router.ledger, &record);
        envelope.message.id = MessageId { sequence, ordinal: 0 };
        envelope.depends_on = sequence;
        envelope.recorded = true;
        envelope
    }

    /// Waits for whatever comes next: an order, a message, a timer, the end of a rest or of a back-off.
    async fn idle(&mut self) {
        self.turn_mut().publish_usage();
        self.publish_memory();
        self.publish_oldest();
        let serving = self.serves();
        // Before the host has opened they need not wait for long.
        if !serving && self.router.is_open() {
            self.refuse_those_who_wait();
        }
        let wake = self.next_wake(serving);
        let wanted = match (serving, self.router.is_open()) {
            (true, _) => WaitFor::Messages,
            (false, true) => WaitFor::Questions,
            (false, false) => WaitFor::Orders,
        };
        let mailbox = &self.partition.mailbox;
        match wake {
            None => mailbox.wait(wanted).await,
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), mailbox.wait(wanted)).await;
            }
        }
        if self.rest_until.is_some_and(|until| until <= Instant::now()) {
            self.rest_until = None;
            self.rested = true;
        }
    }

    fn next_wake(&mut self, serving: bool) -> Option<Instant> {
        if !serving {
            return self.rest_until;
        }
        let due_ms = self.turn_mut().timers.next_due();
        let at_least = if self.router.ledger.is_full() { WHILE_FULL } else { Duration::ZERO };
        let timer =
            due_ms.map(|due| Instant::now() + Duration::from_millis(due.saturating_sub(now_ms())).max(at_least));
        // It may have to wait for room on the disk, or for others to give their room back: nobody rings for either.
        let unread = self.router.ledger.keeps_records() && self.partition.subscription.is_cut_off();
        let missed = unread.then(|| Instant::now() + WHILE_FULL);
        [timer, self.backoff.next_due(), missed].into_iter().flatten().min()
    }

    /// A command with someone waiting is never put off: if it cannot be served now, it is refused now.
    pub fn refuse_those_who_wait(&mut self) {
        let mut unseen = VecDeque::new();
        self.partition.mailbox.take_batch(&mut unseen);
        if !std::mem::replace(&mut self.batch_refused, true) {
            self.batch.append(&mut unseen);
            std::mem::swap(&mut self.batch, &mut unseen);
            unseen.extend(self.backoff.remove(|envelope| envelope.waiter.is_some()));
        }
        let state = match self.space.state() {
            SpaceState::Running => "resting after repeated faults",
            state => state.word(),
        };
        for envelope in unseen {
            if envelope.waiter.is_none() {
                self.batch.push_back(envelope);
            } else if let Some(waiter) = self.give_up(envelope) {
                waiter.answer(Answer::Unavailable(state), 0);
            }
        }
    }

    fn tell_drained(&mut self) {
        if self.backoff.is_empty() && self.held.is_empty() {
            for done in self.drained.drain(..) {
                let _ = done.send(());
            }
        }
    }

    /// Instantiates and starts the version that serves.
    pub(super) async fn take_seat(&mut self) -> Result<(), Failure> {
        let Some(loaded) = self.space.loaded() else {
            return Err(Failure::passing(code::UNAVAILABLE, "no version of the space serves yet"));
        };
        let turn = match std::mem::replace(&mut self.seat, Seat::Moving) {
            Seat::Empty(turn) => turn,
            served => {
                self.seat = served;
                return Ok(());
            }
        };
        let limits = turn.settings().limits.clone();
        match loaded.artifact.instantiate(&limits, &self.space.memory, *turn).await {
            Ok(instance) => self.seat = Seat::Live(Box::new(instance)),
            Err((broken, turn)) => {
                self.seat = Seat::Empty(Box::new(turn));
                return Err(Failure::passing(code::TRAPPED, broken.to_string()));
            }
        }
        let started = match &mut self.seat {
            Seat::Live(instance) => super::swap::start(instance, &limits).await,
            _ => Ok(()),
        };
        self.publish_memory();
        started.map_err(|reason| {
            self.vacate();
            Failure::passing(code::TRAPPED, reason)
        })
    }

    /// Drops the instance, if there is one, and keeps what it was working on.
    pub fn vacate(&mut self) {
        self.seat = match std::mem::replace(&mut self.seat, Seat::Moving) {
            Seat::Live(instance) => Seat::Empty(Box::new(instance.into_host())),
            other => other,
        };
        self.publish_memory();
    }

    pub fn publish_memory(&self) {
        let memory = if let Seat::Live(instance) = &self.seat { instance.memory() } else { 0 };
        self.partition.counters.memory_bytes.store(memory, Ordering::Relaxed);
    }

    /// What is not in hand but not done with either.
    fn publish_oldest(&self) {
        let fresh = self.batch.front().map(|envelope| envelope.enqueued_ns);
        let oldest = fresh.into_iter().chain(self.backoff.oldest_ns()).min().unwrap_or(0);
        self.partition.counters.oldest_ns.store(oldest, Ordering::Relaxed);
    }

    pub fn turn(&self) -> &Turn {
        match &self.seat {
            Seat::Live(instance) => instance.host(),
            Seat::Empty(turn) => turn,
            Seat::Moving => unreachable!("the seat is filled again before anyone looks"),
        }
    }

    pub fn turn_mut(&mut self) -> &mut Turn {
        match &mut self.seat {
            Seat::Live(instance) => instance.host_mut(),
            Seat::Empty(turn) => turn,
            Seat::Moving => unreachable!("the seat is filled again before anyone looks"),
        }
    }
}
