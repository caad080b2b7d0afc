//! A turn: the message in hand, what it may see, and the effects it collects.
//!
//! Effects become visible in `commit`, after the turn has taken its sequence number, and all together; `discard` leaves no
//! trace. One `Turn` lives as long as its partition and moves from instance to instance; it never waits but in `request`.

pub mod allowance;
mod host_calls;
mod measure;
mod migration;
mod request;
mod traced;

pub use host_calls::random_of;
pub use measure::now_ns;
pub use migration::{Effects, Undo, exceeds};
pub use request::digest_of;

use super::envelope::{Envelope, FirstAttempt};
use super::mailbox::{Room, Share};
use super::outbox::Outgoing;
use super::state::PartitionState;
use super::{Partition, Space, chronicle};
use crate::runtime::router::{Draft, RouteCache, Router};
use crate::runtime::timers::{PastTimer, TimerChange, Timers};
use crate::store::ledger::Scribe;
use crate::store::record::{self, Outcome, Record};
use crate::wasm::Extras;
use crate::words::failure::code;
use crate::words::grants::Access;
use crate::words::message::{Headers, INHERITED_HEADERS, Sender};
use crate::words::{Descriptor, Failure, Grants, Limits, Message, MessageId, SpaceSettings};
use allowance::Emitted;
use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the guest may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// `describe`, `start` or instantiation: reads only.
    ReadOnly,
    InTurn,
}

impl Phase {
    pub fn require_turn(self) -> Result<(), Failure> {
        match self {
            Phase::InTurn => Ok(()),
            Phase::ReadOnly => Err(Failure::last(
                code::NOT_IN_TURN,
                "`start` and `describe` may only read: write in a handler or `migrate`",
            )),
        }
    }
}

/// What a version's turns are bound to.
#[derive(Clone)]
pub struct Terms {
    pub settings: Arc<SpaceSettings>,
    pub access: Arc<Access>,
    pub generation: u64,
}

pub struct Turn {
    space: Arc<Space>,
    partition: Arc<Partition>,
    router: Arc<Router>,
    settings: Arc<SpaceSettings>,
    /// What the version that serves may send and publish.
    access: Arc<Access>,
    /// Of that version; 0 until one is seated.
    generation: u64,
    /// This partition, as the receivers of its messages see it.
    sender: Sender,
    state: PartitionState,
    pub timers: Timers,
    routes: RouteCache,
    phase: Phase,
    in_hand: Option<Box<Envelope>>,
    /// What all attempts at the message in hand share.
    first: FirstAttempt,
    outbox: Vec<Outgoing>,
    emitted_bytes: u64,
    /// The message in place of the one consumed has been emitted.
    replaced: bool,
    timer_changes: Vec<TimerChange>,
    /// Bytes that `migrate` has written; none in any other turn.
    migrated_bytes: Option<u64>,
    requests: u32,
    /// Calls to the host that can fail, and those that have.
    calls: u32,
    refused: Vec<(u32, Failure)>,
    refused_more: u32,
    random: Option<Xoshiro256PlusPlus>,
    /// The highest sequence that this partition's state rests on.
    depends_on: u64,
    scribe: Scribe,
    /// When the last turn ended, as its record says.
    ended_ms: u64,
    clock: measure::Clock,
}

impl Turn {
    pub fn new(router: Arc<Router>, space: Arc<Space>, index: usize, settings: Arc<SpaceSettings>) -> Self {
        let partition = space.partitions[index].clone();
        // Until a version is seated.
        let nothing = Access::of(&space.name, &Descriptor::unknown(), &Grants::default());
        Turn {
            sender: Sender::Partition(partition.name.clone()),
            space,
            partition,
            router,
            settings,
            access: Arc::new(nothing),
            generation: 0,
            state: PartitionState::default(),
            timers: Timers::default(),
            routes: RouteCache::default(),
            phase: Phase::ReadOnly,
            in_hand: None,
            first: FirstAttempt::default(),
            outbox: Vec::new(),
            emitted_bytes: 0,
            replaced: false,
            timer_changes: Vec::new(),
            migrated_bytes: None,
            requests: 0,
            calls: 0,
            refused: Vec::new(),
            refused_more: 0,
            random: None,
            depends_on: 0,
            scribe: Scribe::default(),
            ended_ms: 0,
            clock: measure::Clock::default(),
        }
    }

    /// Takes up the state and timers of before.
    pub fn restore(&mut self, state: BTreeMap<Vec<u8>, Bytes>, timers: Vec<PastTimer>) {
        self.state = PartitionState::restore(state);
        for timer in timers {
            self.timers.take_up(timer);
        }
    }

    /// State and timers have never been, as far as anybody can tell after record `sequence`.
    pub fn wipe(&mut self, sequence: u64) {
        self.state = PartitionState::default();
        self.timers = Timers::default();
        self.depends_on = sequence;
    }

    /// Keys and bytes of the state.
    pub fn state_usage(&self) -> (u64, u64) {
        self.state.usage()
    }

    pub fn settings(&self) -> &Arc<SpaceSettings> {
        &self.settings
    }

    /// Other terms from the next turn on; the former ones, for a way back.
    pub fn change_terms(&mut self, terms: Terms) -> Terms {
        self.routes = RouteCache::default();
        let settings = std::mem::replace(&mut self.settings, terms.settings);
        let access = std::mem::replace(&mut self.access, terms.access);
        Terms { settings, access, generation: std::mem::replace(&mut self.generation, terms.generation) }
    }

    /// Takes a message in hand. What follows is its attempt.
    pub fn begin(&mut self, mut envelope: Box<Envelope>) {
        envelope.attempt += 1;
        self.first = std::mem::take(&mut envelope.first);
        self.depends_on = self.depends_on.max(envelope.depends_on);
        self.begin_span(&mut envelope);
        self.begin_clock(&mut envelope);
        self.in_hand = Some(envelope);
        self.phase = Phase::InTurn;
    }

    /// Whether someone waits for the outcome of the message in hand: then it is tried once.
    pub fn is_awaited(&self) -> bool {
        self.in_hand.as_ref().is_some_and(|envelope| envelope.is_awaited())
    }

    /// Whether it has made requests.
    pub fn has_asked(&self) -> bool {
        self.requests > 0
    }

    /// The highest sequence that the partition's state rests on.
    pub fn rests_on(&self) -> u64 {
        self.depends_on
    }

    pub fn ended_ms(&self) -> u64 {
        self.ended_ms
    }

    pub fn message(&self) -> Option<&Message> {
        self.in_hand.as_ref().map(|envelope| &envelope.message)
    }

    /// All effects take place, under one sequence number. Returns the message, and what its reply rests on.
    pub fn commit(&mut self, reply: &[u8]) -> (Option<Box<Envelope>>, u64) {
        #[cfg(feature = "faulty")]
        assert_ne!(reply, br#""a fault in a commit""#, "the host's own, as the test wants it");
        self.outbox.iter_mut().for_each(|outgoing| outgoing.address(&self.router.ledger));
        self.ended_ms = self.read_clock() / 1_000_000;
        let sequence = match self.router.ledger.keeps_records() {
            true => self.write_down(Outcome::Done(reply)),
            false => self.router.ledger.next_sequence(),
        };
        self.take_effect(sequence, 0);
        self.end_span(None);
        self.note_done();
        (self.end(), sequence)
    }

    /// What the turn did becomes visible, its messages numbered from `first` on.
    fn take_effect(&mut self, sequence: u64, first: u64) {
        self.depends_on = sequence;
        self.state.commit();
        for change in self.timer_changes.drain(..) {
            self.timers.apply(change);
        }
        super::count(&self.partition.counters.emitted, self.outbox.len() as u64);
        let at_ns = self.sent_at();
        for (outgoing, ordinal) in self.outbox.drain(..).zip(first..) {
            outgoing.deliver(&self.router, MessageId { sequence, ordinal }, at_ns);
        }
    }

    /// Submits the record of the turn in hand, and answers its sequence.
    fn write_down(&mut self, outcome: Outcome<'_>) -> u64 {
        let mut scribe = std::mem::take(&mut self.scribe);
        let sequence = match &self.in_hand {
            Some(envelope) => scribe.submit(&self.router.ledger, &Record::Turn(self.record(envelope, outcome))),
            None => self.depends_on,
        };
        self.scribe = scribe;
        sequence
    }

    fn record<'a>(&'a self, envelope: &'a Envelope, outcome: Outcome<'a>) -> record::Turn<'a> {
        record::Turn {
            place: chronicle::place(&self.partition.name),
            message: chronicle::consumed(envelope),
            attempt: envelope.attempt,
            outcome,
            now_ms: self.first.now_ms,
            time_ms: self.ended_ms,
            writes: self.state.written().map(|(key, value)| record::Write { key, value }).collect(),
            emitted: self.outbox.iter().map(Outgoing::record).collect(),
            timers: self.timer_changes.iter().map(chronicle::timer).collect(),
            requests: chronicle::requests(&self.first, self.requests),
            refused: self.refused.iter().map(|(call, failure)| chronicle::refused(*call, failure)).collect(),
            refused_more: self.refused_more,
            depends_on: self.depends_on,
            former: self.former(),
        }
    }

    /// What the written keys held before, where the past is kept for new versions to be tried on.
    fn former(&self) -> Vec<record::Write<'_>> {
        match self.limits().replay_messages {
            0 => Vec::new(),
            _ => self.state.former().map(|(key, value)| record::Write { key, value }).collect(),
        }
    }

    /// No effect takes place, and the message is done with all the same. Returns it, and what its failure rests on.
    pub fn fail(&mut self, failure: &Failure) -> (Option<Box<Envelope>>, u64) {
        self.drop_effects();
        self.ended_ms = self.read_clock() / 1_000_000;
        if self.router.ledger.keeps_records() {
            self.depends_on = self.write_down(Outcome::Failed(chronicle::failure(failure)));
        }
        self.end_span(Some(failure));
        self.note_latency();
        self.pause_clock();
        (self.end(), self.depends_on)
    }

    /// No effect takes place, and the message is still to be handled. Returns it.
    pub fn discard(&mut self) -> Option<Box<Envelope>> {
        self.drop_effects();
        self.pause_clock();
        self.end()
    }

    fn drop_effects(&mut self) {
        self.state.discard();
        self.timer_changes.clear();
        self.outbox.clear();
    }

    fn end(&mut self) -> Option<Box<Envelope>> {
        self.phase = Phase::ReadOnly;
        self.emitted_bytes = 0;
        self.migrated_bytes = None;
        self.replaced = false;
        self.requests = 0;
        self.calls = 0;
        self.refused.clear();
        self.refused_more = 0;
        self.random = None;
        let first = std::mem::take(&mut self.first);
        let mut ended = self.in_hand.take();
        if let Some(envelope) = &mut ended {
            envelope.first = first;
        }
        ended
    }

    pub fn publish_usage(&self) {
        let counters = &self.partition.counters;
        let (keys, bytes) = self.state.usage();
        counters.state_keys.store(keys, std::sync::atomic::Ordering::Relaxed);
        counters.state_bytes.store(bytes, std::sync::atomic::Ordering::Relaxed);
        counters.timers.store(self.timers.len() as u64, std::sync::atomic::Ordering::Relaxed);
    }

    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// Checks what all emissions have in common, and counts this one.
    fn charge(&mut self, body: &Bytes, extras: Option<&Extras>) -> Result<(), Failure> {
        self.phase.require_turn()?;
        let emitted =
            Emitted { messages: self.outbox.len() as u64 + u64::from(self.requests), bytes: self.emitted_bytes };
        self.emitted_bytes += emitted.charge(&self.settings.limits, body, extras, self.hops())?;
        Ok(())
    }

    fn hops(&self) -> u16 {
        self.message().map_or(1, |message| message.hops.saturating_add(1))
    }

    fn draft(&self, body: Bytes, extras: Option<Extras>) -> Draft {
        let in_hand = self.message();
        let (key, headers) = match extras {
            Some(extras) => (extras.key.map(Arc::from), Some(extras.headers)),
            None => (None, None),
        };
        let headers = self.router.traces.passed_on(self.span(), headers);
        Draft {
            sender: self.sender.clone(),
            body,
            key: key.or_else(|| in_hand.and_then(|message| message.key.clone())),
            headers: merge_headers(in_hand.map(|message| &message.headers), headers),
            hops: self.hops(),
            idempotency: None,
        }
    }

    fn reserve(&mut self, partition: &Partition, weight: usize) -> Result<Room, Failure> {
        if let Ok(room) = partition.mailbox.reserve(weight, Share::Space) {
            return Ok(room);
        }
        if !std::mem::replace(&mut self.replaced, true)
            && let Ok(room) = partition.mailbox.reserve(weight, Share::Replacement)
        {
            return Ok(room);
        }
        Err(Failure::passing(code::OVERLOADED, format!("the backlog of `{}` is full", partition.name)))
    }
}

/// The new headers, and those in hand that pass on by themselves.
pub fn merge_headers(in_hand: Option<&Headers>, new: Option<Vec<(String, String)>>) -> Headers {
    let mut merged = new.unwrap_or_default();
    for (name, value) in in_hand.and_then(|headers| headers.as_deref()).into_iter().flatten() {
        let inherited = INHERITED_HEADERS.contains(&name.as_str());
        if inherited && !merged.iter().any(|(known, _)| known == name) {
            merged.push((name.clone(), value.clone()));
        }
    }
    (!merged.is_empty()).then(|| Arc::new(merged))
}

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
