//! A turn: the message in hand, what it may see, and the effects it collects.
//!
//! Effects become visible in `commit`, after the turn has taken its sequence number, and all together; `discard` leaves no
//! trace. One `Turn` lives as long as its partition and moves from instance to instance; it never waits but in `request`.

use super::envelope::{Answer, Envelope, FirstAttempt, Progress, Recorded, wait};
use super::mailbox::{Room, Share};
use super::outbox::Outgoing;
use super::state::PartitionState;
use super::{Partition, Space, chronicle};
use crate::runtime::api::{LogLine, SpaceState};
use crate::runtime::router::{Draft, RouteCache, Router};
use crate::runtime::timers::{TimerChange, Timers};
use crate::store::ledger::Scribe;
use crate::store::record::{self, Outcome, Record, RequestId};
use crate::wasm::{Abort, Extras, HostCalls, Page, Schedule};
use crate::words::failure::code;
use crate::words::message::{Headers, INHERITED_HEADERS, Kind, Sender};
use crate::words::{Failure, Limits, Message, MessageId, SpaceSettings};
use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The shortest period of an interval.
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);
const LONGEST_TIMER_NAME: usize = 255;

/// What the guest may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `describe`, `start` or instantiation: reads only.
    ReadOnly,
    InTurn,
}

/// What a migration has done to one partition, as the journal keeps it.
#[derive(Debug, Default)]
pub struct Effects {
    pub record: Vec<u8>,
    /// Messages among it.
    pub emitted: u64,
}

pub struct Turn {
    space: Arc<Space>,
    partition: Arc<Partition>,
    router: Arc<Router>,
    settings: Arc<SpaceSettings>,
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
    requests: u32,
    random: Option<Xoshiro256PlusPlus>,
    /// The highest sequence that this partition's state rests on.
    depends_on: u64,
    scribe: Scribe,
}

impl Turn {
    pub fn new(router: Arc<Router>, space: Arc<Space>, index: usize, settings: Arc<SpaceSettings>) -> Self {
        let partition = space.partitions[index].clone();
        Turn {
            sender: Sender::Partition(partition.name.clone()),
            space,
            partition,
            router,
            settings,
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
            requests: 0,
            random: None,
            depends_on: 0,
            scribe: Scribe::default(),
        }
    }

    /// Takes up the state and timers of before.
    pub fn restore(&mut self, state: BTreeMap<Vec<u8>, Bytes>, timers: Vec<TimerChange>) {
        self.state = PartitionState::restore(state);
        for timer in timers {
            self.timers.apply(timer);
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

    /// New settings from the next turn on; the former ones, for a way back.
    pub fn change_settings(&mut self, settings: Arc<SpaceSettings>) -> Arc<SpaceSettings> {
        std::mem::replace(&mut self.settings, settings)
    }

    /// Takes a message in hand. What follows is its attempt.
    pub fn begin(&mut self, mut envelope: Box<Envelope>) {
        envelope.attempt += 1;
        self.first = std::mem::take(&mut envelope.first);
        self.depends_on = self.depends_on.max(envelope.depends_on);
        self.in_hand = Some(envelope);
        self.phase = Phase::InTurn;
    }

    /// Whether someone waits for the outcome of the message in hand: then it is tried once.
    pub fn is_awaited(&self) -> bool {
        self.in_hand.as_ref().is_some_and(|envelope| envelope.waiter.is_some())
    }

    pub fn message(&self) -> Option<&Message> {
        self.in_hand.as_ref().map(|envelope| &envelope.message)
    }

    /// All effects take place, under one sequence number. Returns the message, and what its reply rests on.
    pub fn commit(&mut self, reply: &[u8]) -> (Option<Box<Envelope>>, u64) {
        self.outbox.iter_mut().for_each(Outgoing::address);
        let sequence = match self.router.ledger.keeps_records() {
            true => self.write_down(Outcome::Done(reply)),
            false => self.router.ledger.next_sequence(),
        };
        self.take_effect(sequence, 0);
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
        for (outgoing, ordinal) in self.outbox.drain(..).zip(first..) {
            outgoing.deliver(&self.router, MessageId { sequence, ordinal });
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
            time_ms: now_ms(),
            writes: self.state.written().map(|(key, value)| record::Write { key, value }).collect(),
            emitted: self.outbox.iter().map(Outgoing::record).collect(),
            timers: self.timer_changes.iter().map(chronicle::timer).collect(),
            requests: chronicle::requests(&self.first),
            depends_on: self.depends_on,
        }
    }

    /// No effect takes place, and the message is done with all the same. Returns it, and what its failure rests on.
    pub fn fail(&mut self, failure: &Failure) -> (Option<Box<Envelope>>, u64) {
        self.drop_effects();
        if self.router.ledger.keeps_records() {
            self.depends_on = self.write_down(Outcome::Failed(chronicle::failure(failure)));
        }
        (self.end(), self.depends_on)
    }

    /// No effect takes place, and the message is still to be handled. Returns it.
    pub fn discard(&mut self) -> Option<Box<Envelope>> {
        self.drop_effects();
        self.end()
    }

    fn drop_effects(&mut self) {
        self.state.discard();
        self.timer_changes.clear();
        self.outbox.clear();
    }

    /// What an uncommitted migration has done, for the one record of all partitions.
    pub fn migrated(&mut self) -> Effects {
        self.outbox.iter_mut().for_each(Outgoing::address);
        let emitted = self.outbox.len() as u64;
        if !self.router.ledger.keeps_records() {
            return Effects { record: Vec::new(), emitted };
        }
        let effects = record::Migrated {
            partition: self.partition.name.index,
            writes: self.state.written().map(|(key, value)| record::Write { key, value }).collect(),
            emitted: self.outbox.iter().map(Outgoing::record).collect(),
            timers: self.timer_changes.iter().map(chronicle::timer).collect(),
        };
        Effects { record: effects.encode(), emitted }
    }

    /// A migration takes effect, its messages numbered from `first` on under the sequence of the deployment.
    pub fn commit_migration(&mut self, sequence: u64, first: u64) {
        self.take_effect(sequence, first);
        self.end();
    }

    fn end(&mut self) -> Option<Box<Envelope>> {
        self.phase = Phase::ReadOnly;
        self.emitted_bytes = 0;
        self.replaced = false;
        self.requests = 0;
        self.random = None;
        let first = std::mem::take(&mut self.first);
        let mut ended = self.in_hand.take();
        if let Some(envelope) = &mut ended {
            envelope.first = first;
        }
        ended
    }

    /// A turn without a message: migration. It ends with `commit` or `discard`.
    pub fn begin_migration(&mut self) {
        self.phase = Phase::InTurn;
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

    fn require_turn(&self) -> Result<(), Failure> {
        match self.phase {
            Phase::InTurn => Ok(()),
            Phase::ReadOnly => Err(Failure::last(
                code::NOT_IN_TURN,
                "`start` and `describe` may only read: write in a handler or `migrate`",
            )),
        }
    }

    /// Checks what all emissions have in common, and counts this one.
    fn charge(&mut self, body: &Bytes, extras: Option<&Extras>) -> Result<(), Failure> {
        self.require_turn()?;
        let headers: usize = extras.map_or(0, |e| e.headers.iter().map(|(n, v)| n.len() + v.len()).sum());
        let bytes = (body.len() + headers) as u64;
        let limits = &self.settings.limits;
        if bytes > limits.message_bytes {
            let message = format!("the message has {bytes} bytes; `message_bytes` allows {}", limits.message_bytes);
            return Err(Failure::last(code::TOO_LARGE, message));
        }
        let emitted = self.outbox.len() as u64 + u64::from(self.requests);
        if emitted >= limits.emitted_per_turn || self.emitted_bytes + bytes > limits.emitted_bytes_per_turn {
            let message = format!(
                "this turn has emitted {emitted} messages and {} bytes; `emitted_per_turn` allows {}, `emitted_bytes_per_turn` {}",
                self.emitted_bytes, limits.emitted_per_turn, limits.emitted_bytes_per_turn
            );
            return Err(Failure::last(code::FAN_OUT, message));
        }
        let hops = self.hops();
        if u64::from(hops) > limits.hops {
            return Err(Failure::last(
                code::HOPS,
                format!("{hops} turns led here; `hops` allows {}: is this a loop?", limits.hops),
            ));
        }
        self.emitted_bytes += bytes;
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

    /// What earlier attempts know of this request; a new one is noted.
    fn recall(&mut self, ordinal: usize, digest: [u8; 32]) -> Result<&mut Progress, Abort> {
        let recorded = &mut self.first.requests;
        if recorded.len() <= ordinal {
            recorded.push(Recorded::new());
        }
        let known = recorded.get_mut(ordinal).filter(|request| request.digest.is_none_or(|known| known == digest));
        let Some(request) = known else {
            return Err(Abort(Failure::last(
                code::DIVERGED,
                format!("request {ordinal} differs from the one that an earlier attempt made: handlers must repeat"),
            )));
        };
        request.digest = Some(digest);
        Ok(&mut request.progress)
    }

    /// Final outcomes stand for every later attempt; what may pass is asked anew.
    fn keep_reply(&mut self, ordinal: usize, reply: &Result<Bytes, Failure>) {
        let last = reply.as_ref().err().is_none_or(|failure| !failure.retryable);
        if let Some(request) = self.first.requests.get_mut(ordinal) {
            request.progress = if last { Progress::Final(reply.clone()) } else { Progress::Open };
        }
    }

    async fn ask(
        &mut self,
        ordinal: usize,
        address: &str,
        body: Bytes,
        extras: Option<Extras>,
    ) -> Result<Bytes, Failure> {
        let sent_to = match self.first.requests.get(ordinal).map(|request| &request.progress) {
            Some(Progress::Sent { to, .. }) => Some(to.clone()),
            _ => None,
        };
        let (target, letter) = match sent_to {
            Some(target) => (target, None),
            None => self.compose(address, body, extras).map(|(target, letter)| (target, Some(letter)))?,
        };
        let router = self.router.clone();
        let Some(_waiting) = router.waits.begin(self.partition.number, target.number) else {
            let message = format!("`{}` waits for this partition, so it cannot be waited for", target.name);
            return Err(Failure::passing(code::CYCLE, message));
        };
        if let Some(letter) = letter {
            self.post(ordinal, &target, letter)?;
        }
        self.reply_to(ordinal).await
    }

    fn compose(
        &mut self,
        address: &str,
        body: Bytes,
        extras: Option<Extras>,
    ) -> Result<(Arc<Partition>, Letter), Failure> {
        let route = self.routes.command(&self.router, address)?;
        if route.space.state() != SpaceState::Running {
            return Err(unavailable(&route.space.name.to_string(), route.space.state().word()));
        }
        let timeout = extras.as_ref().and_then(|extras| extras.timeout);
        let timeout = timeout.unwrap_or(Duration::from_millis(self.limits().request_timeout_ms));
        let draft = self.draft(body, extras);
        let target = route.space.partition(draft.key.as_deref()).clone();
        Ok((target, Letter { command: route.command.clone(), draft, timeout }))
    }

    fn post(&mut self, ordinal: usize, target: &Arc<Partition>, letter: Letter) -> Result<(), Failure> {
        let Letter { command, draft, timeout } = letter;
        let full = |_| Failure::passing(code::OVERLOADED, format!("the backlog of `{}` is full", target.name));
        let room = target.mailbox.reserve(draft.weight(), Share::Space).map_err(full)?;
        let message = draft.into_message(self.router.next_entry(), Kind::Command(command));
        let mut envelope = Envelope::new(message, room, self.depends_on);
        let (waiter, wait) = wait(false);
        envelope.waiter = Some(waiter);
        let caller = self.message().map_or(MessageId::TO_COME, |message| message.id);
        if let Some(request) = self.first.requests.get_mut(ordinal) {
            let digest = request.digest.unwrap_or_default();
            envelope.request = Some(RequestId { caller: chronicle::id(caller), ordinal: ordinal as u32, digest });
            request.progress = Progress::Sent { to: target.clone(), wait, deadline: Instant::now() + timeout };
        }
        envelope.deliver();
        Ok(())
    }

    async fn reply_to(&mut self, ordinal: usize) -> Result<Bytes, Failure> {
        let sent = self.first.requests.get_mut(ordinal).map(|request| &mut request.progress);
        let Some(Progress::Sent { to, wait, deadline }) = sent else {
            return Err(Failure::passing(code::UNKNOWN, "the request was not sent"));
        };
        match tokio::time::timeout_at((*deadline).into(), &mut wait.reply).await {
            Ok(Ok(reply)) => {
                self.depends_on = self.depends_on.max(reply.depends_on);
                answer_of(reply.answer, to)
            }
            Ok(Err(_)) => Err(Failure::passing(code::UNKNOWN, format!("`{}` went away during the request", to.name))),
            Err(_) if wait.withdraw() => {
                let message = format!("`{}` had not begun in time; it has no effect", to.name);
                Err(Failure::passing(code::TIMEOUT, message))
            }
            Err(_) => {
                let message = format!("`{}` had begun but did not answer in time", to.name);
                Err(Failure::last(code::UNKNOWN, message))
            }
        }
    }
}

/// A request about to be sent.
struct Letter {
    command: Arc<str>,
    draft: Draft,
    timeout: Duration,
}

fn unavailable(target: &str, state: &str) -> Failure {
    Failure::passing(code::UNAVAILABLE, format!("`{target}` is {state}"))
}

fn answer_of(answer: Answer, target: &Partition) -> Result<Bytes, Failure> {
    match answer {
        Answer::Ok(reply) => Ok(reply),
        Answer::Failed(failure) => Err(failure),
        Answer::Broken(reason) | Answer::TimedOut(reason) => {
            Err(Failure::passing(code::TRAPPED, format!("`{}` broke off: {reason}", target.name)))
        }
        Answer::Unavailable(state) => Err(unavailable(&target.name.to_string(), state)),
    }
}

/// The new headers, and those in hand that pass on by themselves.
fn merge_headers(in_hand: Option<&Headers>, new: Option<Vec<(String, String)>>) -> Headers {
    let mut merged = new.unwrap_or_default();
    for (name, value) in in_hand.and_then(|headers| headers.as_deref()).into_iter().flatten() {
        let inherited = INHERITED_HEADERS.contains(&name.as_str());
        if inherited && !merged.iter().any(|(known, _)| known == name) {
            merged.push((name.clone(), value.clone()));
        }
    }
    (!merged.is_empty()).then(|| Arc::new(merged))
}

fn digest_of(address: &str, body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(address.len() as u64).to_le_bytes()).update(address.as_bytes()).update(body);
    *hasher.finalize().as_bytes()
}

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

impl HostCalls for Turn {
    fn publish(&mut self, topic: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        self.charge(&body, extras.as_ref())?;
        let route = self.routes.event(&self.router, topic)?;
        let draft = self.draft(body, extras);
        self.outbox.push(Outgoing::event(route, draft));
        Ok(())
    }

    fn send(&mut self, address: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        self.charge(&body, extras.as_ref())?;
        let route = self.routes.command(&self.router, address)?;
        let draft = self.draft(body, extras);
        let room = self.reserve(route.space.partition(draft.key.as_deref()), draft.weight())?;
        let message = draft.into_message(MessageId::TO_COME, Kind::Command(route.command.clone()));
        self.outbox.push(Outgoing::Command(Envelope::new(message, room, 0)));
        Ok(())
    }

    async fn request(
        &mut self,
        address: String,
        body: Bytes,
        extras: Option<Extras>,
    ) -> Result<Result<Bytes, Failure>, Abort> {
        if let Err(failure) = self.charge(&body, extras.as_ref()) {
            return Ok(Err(failure));
        }
        let ordinal = self.requests as usize;
        self.requests += 1;
        if let Progress::Final(reply) = self.recall(ordinal, digest_of(&address, &body))? {
            return Ok(reply.clone());
        }
        let reply = self.ask(ordinal, &address, body, extras).await;
        self.keep_reply(ordinal, &reply);
        Ok(reply)
    }

    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.state.get(key)
    }

    fn set(&mut self, key: Vec<u8>, value: Bytes) -> Result<(), Failure> {
        self.require_turn()?;
        self.state.set(key, value, &self.settings.limits)
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        self.require_turn()?;
        self.state.delete(key);
        Ok(())
    }

    fn scan(&self, prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page {
        self.state.scan(prefix, limit, after)
    }

    fn set_timer(&mut self, name: String, body: Bytes, schedule: Schedule) -> Result<(), Failure> {
        self.require_turn()?;
        let allowed = self.limits().message_bytes;
        if name.is_empty() || name.len() > LONGEST_TIMER_NAME || body.len() as u64 > allowed {
            let message =
                format!("a timer has a name of 1 to {LONGEST_TIMER_NAME} bytes and a body of at most {allowed}");
            return Err(Failure::last(code::TOO_LARGE, message));
        }
        let pending = self.timers.len() + self.timer_changes.len();
        if pending as u64 >= self.limits().timers && !self.timers.contains(&name) {
            let message = format!("`timers` allows {}", self.limits().timers);
            return Err(Failure::last(code::TOO_MANY_TIMERS, message));
        }
        let (delay, every) = match schedule {
            Schedule::Once(delay) => (delay, None),
            Schedule::Every(period) => (period.max(SHORTEST_PERIOD), Some(period.max(SHORTEST_PERIOD))),
        };
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let due_ms = self.now().saturating_add(ms(delay));
        self.timer_changes.push(TimerChange::Set { name: name.into(), body, due_ms, every_ms: every.map(ms) });
        Ok(())
    }

    fn cancel_timer(&mut self, name: &str) -> Result<(), Failure> {
        self.require_turn()?;
        self.timer_changes.push(TimerChange::Cancel { name: name.into() });
        Ok(())
    }

    fn id(&self) -> String {
        self.message().map_or_else(String::new, |message| format!("{}-{}", self.router.host_id, message.id))
    }

    fn source(&self) -> String {
        self.message().map_or("host", |message| message.sender.source()).to_owned()
    }

    fn key(&self) -> Option<Arc<str>> {
        self.message()?.key.clone()
    }

    fn attempt(&self) -> u32 {
        self.in_hand.as_ref().map_or(0, |envelope| envelope.attempt)
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.message().and_then(|message| message.headers.as_deref().cloned()).unwrap_or_default()
    }

    fn now(&mut self) -> u64 {
        match self.phase {
            Phase::InTurn => *self.first.now_ms.get_or_insert_with(now_ms),
            Phase::ReadOnly => now_ms(),
        }
    }

    fn random(&mut self) -> u64 {
        let id = self.message().map_or(MessageId { sequence: 0, ordinal: 0 }, |message| message.id);
        let host = self.router.host_id.as_str();
        // Derived from the id, so that each attempt sees the same numbers without storing any.
        let seed = || xxhash_rust::xxh3::xxh3_64(format!("{host}-{id}").as_bytes());
        self.random.get_or_insert_with(|| Xoshiro256PlusPlus::seed_from_u64(seed())).next_u64()
    }

    fn space(&self) -> Arc<str> {
        self.space.name.shared()
    }

    fn partition(&self) -> u32 {
        self.partition.name.index
    }

    fn log(&mut self, level: &'static str, message: String) {
        let line = LogLine {
            time_ms: now_ms(),
            level,
            message,
            id: self.message().map(|message| message.id),
            attempt: self.attempt(),
            partition: self.partition.name.index,
        };
        self.space.logs.write(line, self.limits().log_lines_per_second);
    }

    fn config(&self, name: &str) -> Option<String> {
        self.settings.config.get(name).map(ToString::to_string)
    }

    fn config_all(&self) -> String {
        serde_json::Value::Object(self.settings.config.clone()).to_string()
    }
}
