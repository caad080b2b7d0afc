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
use super::envelope::{Answer, Envelope, Waiter};
use super::graves::Grave;
use super::mailbox::{Room, Share};
use super::purge::{PurgeOrder, ShowOrder};
use super::restart::{Fault, Fitness, Health, Verdict, judge};
use super::swap::SwapOrder;
use super::turn::{Turn, now_ms};
use super::{Instance, Partition, Space, chronicle, count};
use crate::runtime::api::{Outcome, SpaceState};
use crate::runtime::past::PastPartition;
use crate::runtime::router::Router;
use crate::store::journal::Reader;
use crate::store::ledger::Scribe;
use crate::store::record::Record;
use crate::wasm::{Broken, Entry, Path};
use crate::words::failure::code;
use crate::words::message::{Kind, PartitionName, Sender};
use crate::words::{Failure, Message, MessageId};
use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Turns in a row before the actor lets others on its core run.
const TURNS_PER_SLICE: u32 = 64;
/// How often whoever waits for room, on the disk or in the backlog, looks whether there is some.
const WHILE_FULL: Duration = Duration::from_millis(250);

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
    /// After faults of its own it serves nobody until then.
    pub rest_until: Option<Instant>,
    /// It has just rested: what has not failed yet goes before what has.
    rested: bool,
    drained: Vec<oneshot::Sender<()>>,
    jitter: Xoshiro256PlusPlus,
    /// The record that purged the space: what an earlier one has put on its way is gone, even if it arrives later.
    pub purged_at: u64,
}

/// How a call into the guest ended.
enum Ended {
    Answered(Result<Bytes, Failure>),
    Broken(Broken),
    /// It took longer than a turn may.
    TooLong,
    /// A reload did not want to wait for it.
    Cancelled,
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
            rest_until: None,
            rested: false,
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

    pub async fn run(mut self) {
        let mut turns = 0;
        loop {
            while let Some(control) = self.partition.mailbox.take_control() {
                if let Control::Close = control {
                    return;
                }
                self.obey(control).await;
            }
            if self.serves() {
                self.batch_refused = false;
                if self.router.ledger.is_congested() {
                    self.let_the_disk_catch_up().await;
                    continue;
                }
                if let Some(envelope) = self.next_message() {
                    self.handle(envelope).await;
                    turns += 1;
                    if turns % TURNS_PER_SLICE == 0 {
                        tokio::task::yield_now().await;
                    }
                    continue;
                }
                if self.read_on().await {
                    continue;
                }
                self.reader = None;
                self.tell_drained();
            }
            self.idle().await;
        }
    }

    /// Waits for the next group, or for an order.
    async fn let_the_disk_catch_up(&mut self) {
        let (mailbox, gate) = (&self.partition.mailbox, &self.router.gate);
        tokio::select! {
            biased;
            () = mailbox.wait(false) => {}
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

    /// Due timers and messages whose back-off is over come first, then the mailbox in order.
    fn next_message(&mut self) -> Option<Box<Envelope>> {
        if let Some(envelope) = self.due_timer() {
            return Some(envelope);
        }
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
        let message = Message {
            id: MessageId::TO_COME,
            sender: Sender::Timer,
            kind: Kind::Timer(firing.name),
            body: firing.body,
            key: None,
            headers: None,
            hops: 0,
        };
        Some(self.fired(message, now_ms))
    }

    /// From here on the firing is a message like any other: accepted, and once begun the same in each attempt.
    fn fired(&self, message: Message, time_ms: u64) -> Box<Envelope> {
        let mut envelope = Envelope::new(message, Room::unbounded(), 0);
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
        let serving = self.serves();
        // Before the host has opened they need not wait for long.
        if !serving && self.router.is_open() {
            self.refuse_those_who_wait();
        }
        let wake = self.next_wake(serving);
        let (mailbox, open) = (&self.partition.mailbox, self.router.is_open());
        match wake {
            // Also while it does not serve: new messages may have someone waiting for a refusal.
            None => mailbox.wait(open).await,
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), mailbox.wait(open)).await;
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

    async fn handle(&mut self, envelope: Box<Envelope>) {
        // A wait that was given up before the turn has withdrawn its message.
        if envelope.waiter.as_ref().is_some_and(|waiter| !waiter.begin()) {
            drop(self.give_up(envelope));
            return;
        }
        if let Seat::Empty(_) = self.seat
            && let Err(broken) = self.take_seat().await
        {
            return self.could_not_start(envelope, &broken);
        }
        match self.call(envelope).await {
            Ended::Answered(Ok(reply)) if self.fits(&reply) => self.succeeded(reply),
            Ended::Answered(Ok(reply)) => self.failed(Fault::Failed(self.too_large(&reply))),
            Ended::Answered(Err(failure)) => self.failed(Fault::Failed(failure)),
            Ended::Broken(Broken::Slice) => {
                if let Seat::Live(instance) = &self.seat {
                    instance.leave_sync_path();
                }
                self.repeat();
            }
            Ended::Cancelled => self.repeat(),
            Ended::Broken(Broken::Abort(failure)) => self.broke_off(failure),
            Ended::Broken(broken) => self.broke_off(Failure::passing(code::TRAPPED, broken.to_string())),
            Ended::TooLong => {
                let allowed = self.turn().settings().limits.wall_per_turn();
                self.broke_off(Failure::passing(code::TIMEOUT, format!("the turn took longer than {allowed:?}")));
            }
        }
    }

    async fn call(&mut self, envelope: Box<Envelope>) -> Ended {
        let Seat::Live(instance) = &mut self.seat else { return Ended::Cancelled };
        let (entry, name) = match &envelope.message.kind {
            Kind::Command(name) => (Entry::Command, name.clone()),
            Kind::Event(name) => (Entry::Event, name.clone()),
            Kind::Timer(name) => (Entry::Timer, name.clone()),
        };
        let body = envelope.message.body.clone();
        instance.host_mut().begin(envelope);
        let limits = &instance.host().settings().limits;
        let (cpu, wall) = (limits.cpu_per_turn(), limits.wall_per_turn());
        if instance.path() == Path::Sync {
            return instance.call_sync(entry, name, body, cpu).map_or_else(Ended::Broken, Ended::Answered);
        }
        let mut call = pin!(instance.call_fiber(entry, name, body, cpu));
        // Most calls end at once; only those that wait pay for a time-out.
        let at_once = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(result) = at_once {
            return result.map_or_else(Ended::Broken, Ended::Answered);
        }
        tokio::select! {
            biased;
            result = &mut call => result.map_or_else(Ended::Broken, Ended::Answered),
            () = self.partition.turn_cancelled() => Ended::Cancelled,
            () = tokio::time::sleep(wall) => Ended::TooLong,
        }
    }

    fn fits(&self, reply: &Bytes) -> bool {
        reply.len() as u64 <= self.turn().settings().limits.message_bytes
    }

    fn too_large(&self, reply: &Bytes) -> Failure {
        let allowed = self.turn().settings().limits.message_bytes;
        Failure::last(code::TOO_LARGE, format!("the reply has {} bytes; `message_bytes` allows {allowed}", reply.len()))
    }

    fn succeeded(&mut self, reply: Bytes) {
        let (envelope, sequence) = self.turn_mut().commit(&reply);
        count(&self.partition.counters.turns, 1);
        self.health.succeeded();
        let Some(envelope) = envelope else { return };
        self.timer_ended(&envelope, self.turn().ended_ms());
        if envelope.tracked {
            self.router.outcomes.ended(envelope.message.id, Outcome::Done { reply: reply.clone() });
        }
        if let Some(waiter) = envelope.into_waiter() {
            self.router.gate.answer(waiter, Answer::Ok(reply), sequence);
        }
    }

    /// The guest answered a failure: the instance is fine, the effects are gone.
    fn failed(&mut self, fault: Fault) {
        count(&self.partition.counters.failures, 1);
        self.health.succeeded();
        if self.turn().is_awaited() {
            let failure = fault.failure().clone();
            self.answer_failure(&failure, Answer::Failed(failure.clone()));
        } else if let Some(envelope) = self.turn_mut().discard() {
            self.settle(envelope, &fault);
        }
    }

    /// The guest trapped, or was ended: effects and instance are gone.
    fn broke_off(&mut self, failure: Failure) {
        self.vacate();
        count(&self.partition.counters.traps, 1);
        let Some(message) = self.turn().message() else { return };
        let sequence = message.id;
        let line = format!(
            "{} `{}` ({}) broke off: {}",
            message.kind.word(),
            message.kind.name(),
            message.id,
            failure.message
        );
        self.space.note("warn", line);
        if self.turn().is_awaited() {
            let answer = match &*failure.code {
                code::TIMEOUT => Answer::TimedOut(failure.message.clone()),
                code::DIVERGED => Answer::Failed(failure.clone()),
                _ => Answer::Broken(failure.message.clone()),
            };
            self.answer_failure(&failure, answer);
        } else if let Some(envelope) = self.turn_mut().discard() {
            let fault = if failure.retryable { Fault::Broken(failure) } else { Fault::Failed(failure) };
            self.settle(envelope, &fault);
        }
        self.faulted(Some(sequence));
    }

    /// Someone waits for the message in hand, so it is done with.
    fn answer_failure(&mut self, failure: &Failure, answer: Answer) {
        let (envelope, rests_on) = self.turn_mut().fail(failure);
        if let Some(waiter) = envelope.and_then(Envelope::into_waiter) {
            self.router.gate.answer(waiter, answer, rests_on);
        }
    }

    /// The turn is handled again at once, and this attempt does not count.
    fn repeat(&mut self) {
        self.vacate();
        if let Some(mut envelope) = self.turn_mut().discard() {
            envelope.attempt -= 1;
            self.put_back(envelope);
        }
    }

    /// It is handled again before whatever else its sender has sent.
    fn put_back(&mut self, envelope: Box<Envelope>) {
        if let Some(envelope) = self.backoff.put_back(envelope) {
            self.batch.push_front(envelope);
        }
    }

    /// It is not handled here, and whoever asked may ask again under the same id: what it had got before is kept for then.
    fn give_up(&self, mut envelope: Box<Envelope>) -> Option<Waiter> {
        if envelope.request.is_some() && !envelope.first.requests.is_empty() {
            let first = std::mem::take(&mut envelope.first);
            self.router.asked_before.note(PartitionName::clone(&self.partition.name), envelope.message.id, first);
        }
        envelope.into_waiter()
    }

    fn could_not_start(&mut self, envelope: Box<Envelope>, broken: &Failure) {
        self.space.note("warn", format!("partition {} could not start: {}", self.partition.name.index, broken.message));
        match &envelope.waiter {
            Some(_) => {
                let rests_on = self.turn().rests_on();
                if let Some(waiter) = self.give_up(envelope) {
                    self.router.gate.answer(waiter, Answer::Broken(broken.message.clone()), rests_on);
                }
            }
            None => self.put_back(envelope),
        }
        self.faulted(None);
    }

    fn faulted(&mut self, message: Option<MessageId>) {
        match self.health.faulted(message, Instant::now()) {
            Fitness::GoOn => {}
            Fitness::Rest(rest) => self.rest_until = Some(Instant::now() + rest),
            Fitness::Quarantine => {
                let reason =
                    "it kept failing with no success between; mend it and drop a new version, or `spacehost start` it";
                self.space.set_state(SpaceState::Quarantined, reason);
                self.space.note("error", format!("quarantined: {reason}"));
            }
        }
    }

    /// Decides what becomes of a failed message that nobody waits for.
    fn settle(&mut self, mut envelope: Box<Envelope>, fault: &Fault) {
        let now = Instant::now();
        let congested_for = envelope.congested_since.map_or(Duration::ZERO, |since| now.duration_since(since));
        let jitter = (self.jitter.next_u32() as f64) / f64::from(u32::MAX);
        let limits = &self.turn().settings().limits;
        match judge(limits, envelope.attempt, congested_for, fault, jitter) {
            Verdict::Retry { after } => {
                count(&self.partition.counters.retries, 1);
                self.note_setback(&envelope, after);
                self.backoff.hold(envelope, now + after);
            }
            Verdict::Again { after } => {
                envelope.attempt -= 1;
                envelope.congested_since.get_or_insert(now);
                self.backoff.hold(envelope, now + after);
            }
            Verdict::DeadLetter => self.bury(envelope, fault.failure().clone()),
        }
    }

    /// A restart of the host must not forget how often a message has been tried.
    fn note_setback(&self, envelope: &Envelope, after: Duration) {
        if envelope.recorded {
            let due_ms = now_ms() + after.as_millis() as u64;
            let message = chronicle::id(envelope.message.id);
            let place = chronicle::place(&self.partition.name);
            let record = Record::Setback { place, message, attempt: envelope.attempt, due_ms };
            Scribe::default().submit(&self.router.ledger, &record);
        }
    }

    fn bury(&mut self, mut envelope: Box<Envelope>, failure: Failure) {
        let time_ms = now_ms();
        self.timer_ended(&envelope, time_ms);
        if self.router.ledger.keeps_records() {
            let record = Record::Buried {
                place: chronicle::place(&self.partition.name),
                message: chronicle::consumed(&envelope),
                attempts: envelope.attempt,
                failure: chronicle::failure(&failure),
                time_ms,
            };
            Scribe::default().submit(&self.router.ledger, &record);
            envelope.recorded = true;
        }
        let message = &envelope.message;
        if envelope.tracked {
            self.router.outcomes.ended(message.id, Outcome::Failed { failure: failure.clone() });
        }
        let (word, name) = (message.kind.word(), message.kind.name());
        self.space.note("warn", format!("{word} `{name}` ({}) is a dead letter: {failure}", message.id));
        let most = self.turn().settings().limits.dead_letters;
        if !self.space.graves.bury(Grave::new(envelope, self.partition.name.index, failure), most) {
            let reason = format!("its dead-letter table is full (`dead_letters` allows {most})");
            self.space.set_state(SpaceState::Blocked, &reason);
            self.space.note("error", format!("stopped: {reason}"));
        }
    }

    /// At the time that the record says, so that the tables reckon the same.
    fn timer_ended(&mut self, envelope: &Envelope, time_ms: u64) {
        if let Kind::Timer(name) = &envelope.message.kind {
            self.turn_mut().timers.ended(name, time_ms);
        }
    }

    /// Instantiates and starts the version that serves.
    async fn take_seat(&mut self) -> Result<(), Failure> {
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
        match loaded.artifact.instantiate(&limits, *turn).await {
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
        let memory = if let Seat::Live(instance) = &self.seat { instance.memory() as u64 } else { 0 };
        self.partition.counters.memory_bytes.store(memory, Ordering::Relaxed);
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
