//! The runtime: spaces, their partitions and turns, and the routes between them.
//!
//! Knows tokio and the sandbox; knows neither HTTP nor files nor the store. `Runtime` is the handle that the edges use.

pub mod api;
mod asked;
pub mod audit;
mod check;
mod cpu_share;
mod deploy;
mod executors;
pub mod figures;
mod flow;
mod gate;
mod heard;
pub mod history;
mod idle;
mod kept;
mod lane_cpu;
mod lanes;
mod listeners;
mod load;
mod logs;
mod outcomes;
mod pace;
mod past;
mod purge;
pub mod replay;
mod router;
mod space;
mod stored;
mod timers;
pub mod traces;
mod waits;
pub mod webhooks;
pub mod whole_turn;

pub use crate::wasm::{CompileBounds, CompileError, LoadError, Place, serve_if_asked};
pub use lane_cpu::LaneTimes;
pub use listeners::Listener;
pub use load::Loads;
pub use space::Artifact;
pub use space::meter::STEP as WINDOW_STEP;

use crate::store::artifacts::Artifacts;
use crate::store::ledger::Scribe;
use crate::store::record::{self, Record};
use crate::store::{Keeper, Store};
use crate::wasm::EngineConfig;
use crate::words::failure::code;
use crate::words::grants::Access;
use crate::words::message::{Kind, Sender};
use crate::words::topic::NameError;
use crate::words::{Level, Message, MessageId, Pattern, SpaceName, SpaceSettings};
use api::{Answered, DeadLetter, Delivery, Idempotency, LogLine, Outcome, Refusal, SpaceState, SpaceStatus};
use audit::Audit;
use bytes::Bytes;
use executors::Executors;
use flow::{Counted, FlowOf, Way};
use futures::future::join_all;
use load::Loading;
use past::Past;
use router::{Draft, RouteCache, Router};
use space::Space;
use space::actor::Control;
use space::chronicle;
use space::envelope::{Answer, Envelope, wait};
use space::graves::Grave;
use space::mailbox::{Full, Mailbox, Room, Share};
use space::outbox::Outgoing;
use space::turn::{now_ms, now_ns};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, broadcast};
use traces::Traces;
use waits::PartitionNumber;
use webhooks::Hooks;

/// How long a turn that is being ended may take to say so.
const LAST_WORD: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// Threads that run guests.
    pub executors: usize,
    /// How long a reload waits for turns in hand before it cuts them short.
    pub swap_wait: Duration,
    pub engine: EngineConfig,
    /// Where components are compiled.
    pub compiler: Place,
    /// The share of new traces that are followed; none: nothing is traced.
    pub traces: Option<f64>,
    /// Whether turns and messages are measured. Only a bench that wants to know what that costs does without.
    pub meters: bool,
    /// Whether the CPU time of each space is counted on each lane (`lane_times`). For benches: it takes two system calls
    /// whenever a partition goes on.
    pub lane_cpu: bool,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        let executors = std::thread::available_parallelism().map_or(1, usize::from);
        RuntimeConfig {
            executors,
            swap_wait: Duration::from_secs(1),
            engine: EngineConfig::default(),
            compiler: Place::Here,
            traces: None,
            meters: true,
            lane_cpu: false,
        }
    }
}

/// The handle that the edges use. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    loading: Loading,
    executors: Executors,
    router: Arc<Router>,
    /// What the store held, as far as nobody has asked for it yet.
    past: Mutex<Past>,
    /// The components of versions; none in memory.
    artifacts: Option<Artifacts>,
    /// Keeps the data folder; none in memory.
    keeper: Option<Keeper>,
    partitions: AtomicU64,
    swap_wait: Duration,
    stopping: AtomicBool,
    /// Places for replays.
    replays: Arc<Semaphore>,
    reload_counts: figures::ReloadCounts,
    webhooks: Hooks,
}

impl Runtime {
    /// Starts the executor threads and the ticker, in memory: nothing outlives the process.
    pub fn start(config: RuntimeConfig) -> anyhow::Result<Runtime> {
        let runtime = Runtime::start_on(config, Store::in_memory())?;
        runtime.open();
        Ok(runtime)
    }

    /// Starts on what the store holds. Turns begin with `open`, so that no event misses a space that is still to be
    /// loaded.
    pub fn start_on(config: RuntimeConfig, store: Store) -> anyhow::Result<Runtime> {
        let Store { ledger, started, host_id, mut image, journal, artifacts, cache, keeper } = store;
        let loading = Loading::new(&config, cache)?;
        let mut router = Router::new(ledger, started, host_id, journal, loading.ticks());
        router.traces = config.traces.map(Traces::sampling).unwrap_or_default();
        router.measure(config.meters);
        let router = Arc::new(router);
        let webhooks = Hooks::of_the_past(std::mem::take(&mut image.webhooks), &router);
        let (past, spaces) = Past::of(image, &router);
        let inner = Inner {
            loading,
            executors: Executors::start(config.executors, config.lane_cpu)?,
            router,
            past: Mutex::new(past),
            artifacts,
            keeper,
            partitions: AtomicU64::new(0),
            swap_wait: config.swap_wait,
            stopping: AtomicBool::new(false),
            replays: Arc::new(Semaphore::new(replay::AT_ONCE)),
            reload_counts: figures::ReloadCounts::default(),
            webhooks,
        };
        for (name, space) in spaces {
            inner.take_up(&name, space);
        }
        Ok(Runtime(Arc::new(inner)))
    }

    /// Sends a command and waits for its reply. Dropping the future does not cancel the command.
    pub async fn call(&self, space: &str, command: &str, body: Bytes, delivery: Delivery) -> Result<Bytes, Refusal> {
        let (space, command) = self.0.command(space, command, body, delivery)?;
        let mut envelope = self.0.room_for(command, &space, Mailbox::reserve_now)?;
        let timeout = space.loaded().map_or(Duration::MAX, |loaded| loaded.settings.limits.wall_per_turn());
        // Whoever repeats it under its key waits for the outcome, so it is waited for here: a turn has no longer than this.
        let patience = if envelope.idempotency.is_some() { timeout + LAST_WORD } else { LAST_WORD };
        let (waiter, mut wait) = wait(true);
        envelope.waiter = Some(waiter);
        envelope.deliver();
        let mut answer = tokio::time::timeout(timeout, &mut wait.reply).await;
        if answer.is_err() {
            if wait.withdraw() {
                return Err(Refusal::TimedOut(timeout));
            }
            // A turn that is ended for its own length says so in a moment.
            answer = tokio::time::timeout(patience, &mut wait.reply).await;
        }
        match answer {
            Ok(Ok(reply)) => answer_to_client(reply.answer, &space, timeout),
            Ok(Err(_)) => Err(Refusal::Stopping),
            Err(_) => Err(Refusal::Unknown(timeout)),
        }
    }

    /// One-way. Its outcome can be asked for with `message` for a while. It is accepted when it is `durable`.
    pub fn send(&self, space: &str, command: &str, body: Bytes, delivery: Delivery) -> Result<MessageId, Refusal> {
        let (space, command) = self.0.command(space, command, body, delivery)?;
        let mut envelope = self.0.room_for(command, &space, Mailbox::reserve)?;
        envelope.tracked = true;
        let to = envelope.room.mailbox().map(|mailbox| chronicle::place(mailbox.name()));
        let record = chronicle::message(&envelope.message, Some(&envelope));
        let id = self.0.accept(record::Emitted { message: record, to: to.into_iter().collect(), missed: Vec::new() });
        envelope.message.id = id;
        envelope.depends_on = id.sequence;
        envelope.recorded = self.0.router.ledger.keeps_records();
        self.0.router.outcomes.accepted(id);
        envelope.deliver();
        Ok(id)
    }

    /// Publishes an event to all subscribers and listeners. It is accepted when it is `durable`.
    pub fn publish(&self, topic: &str, body: Bytes, delivery: Delivery) -> Result<MessageId, Refusal> {
        let id = self.0.publish(topic, body, delivery, None)?;
        // Delivered to whoever hears it; what they make of it is theirs.
        self.0.router.outcomes.accepted(id);
        self.0.router.outcomes.ended(id, Outcome::Done { reply: Bytes::new() });
        Ok(id)
    }

    /// Waits until what was accepted under that id is on disk.
    pub async fn durable(&self, id: MessageId) {
        self.0.router.gate.durable(id.sequence).await;
    }

    /// Waits until all that has happened so far is on disk: what was just seen may be told.
    pub async fn settled(&self) {
        self.0.router.gate.durable(self.0.router.ledger.last()).await;
    }

    /// What clients with an Idempotency-Key were answered before the host started.
    pub fn answered(&self) -> Vec<Answered> {
        std::mem::take(&mut self.0.past().answered)
    }

    /// Whether it has begun to end.
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping()
    }

    /// Where refusals are written down.
    pub fn audit(&self) -> &Audit {
        &self.0.router.audit
    }

    /// Which messages are followed, and the spans that tell of them.
    pub fn traces(&self) -> &Traces {
        &self.0.router.traces
    }

    /// Lets turns begin.
    pub fn open(&self) {
        self.0.router.open();
        for space in self.0.router.table().values() {
            space.partitions.iter().for_each(|partition| partition.mailbox.push_control(Control::Look));
        }
    }

    /// Waits for the failure that ends the host, and says what it was.
    pub async fn failed(&self) -> String {
        self.0.router.gate.failed().await
    }

    /// Publishes what the host itself has to say.
    pub fn announce(&self, topic: &str, body: Bytes) -> Result<MessageId, Refusal> {
        self.0.publish(topic, body, Delivery::default(), Some(Sender::Host))
    }

    /// What became of a message sent without waiting. None: never accepted here, or expired.
    pub fn message(&self, id: MessageId) -> Option<Outcome> {
        self.0.router.outcomes.get(id)
    }

    /// Hears the events that match, from now on.
    pub fn listen(&self, pattern: Pattern) -> Listener {
        self.0.router.listeners.add(pattern)
    }

    /// Tells the ids of this run of the host from those of others.
    pub fn host_id(&self) -> &str {
        &self.0.router.host_id
    }

    /// All spaces that have ever served, by name.
    pub fn spaces(&self) -> Vec<SpaceStatus> {
        let mut all: Vec<_> = self.0.router.table().values().filter_map(|space| space.status()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    pub fn space(&self, name: &SpaceName) -> Option<SpaceStatus> {
        self.0.router.space(name)?.status()
    }

    /// Those of the version that serves.
    pub fn settings(&self, name: &SpaceName) -> Option<Arc<SpaceSettings>> {
        Some(self.0.router.space(name)?.loaded()?.settings.clone())
    }

    pub fn dead_letters(&self, name: &SpaceName) -> Vec<DeadLetter> {
        self.0.router.space(name).map(|space| space.graves.letters()).unwrap_or_default()
    }

    /// Handles a dead letter again, under its id. False when there is none of that id.
    pub fn retry_dead_letter(&self, name: &SpaceName, id: MessageId) -> Result<bool, Refusal> {
        let space = self.0.known(name.as_str())?;
        let Some(Grave { mut envelope, partition, .. }) = self.0.exhume(&space, id, true) else { return Ok(false) };
        let mailbox = &space.partitions[partition as usize].mailbox;
        // It was accepted once: it takes its room whatever there is.
        if let Ok(room) = mailbox.reserve(envelope.message.weight(), Share::Replacement) {
            envelope.room = room;
        }
        if envelope.tracked {
            self.0.router.outcomes.accepted(id);
        }
        mailbox.push_kept(envelope);
        Ok(true)
    }

    /// Forgets a dead letter. False when there is none of that id.
    pub fn drop_dead_letter(&self, name: &SpaceName, id: MessageId) -> Result<bool, Refusal> {
        let space = self.0.known(name.as_str())?;
        Ok(self.0.exhume(&space, id, false).is_some())
    }

    /// The last lines of that level or above, oldest first, and a receiver of all those to come.
    pub fn logs(
        &self,
        name: &SpaceName,
        last: usize,
        least: Level,
    ) -> Option<(Vec<LogLine>, broadcast::Receiver<LogLine>)> {
        Some(self.0.router.space(name)?.logs.read(last, least))
    }

    /// Takes nothing more in, finishes what waits within `grace`, and ends all threads.
    pub async fn shutdown(&self, grace: Duration) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.loading.stop();
        let deadline = Instant::now() + grace;
        // What one space finishes may be new work for another.
        while Instant::now() < deadline && self.0.has_work() {
            let spaces = self.0.router.table();
            let running = spaces.values().filter(|space| space.state() == SpaceState::Running);
            let drained = join_all(running.map(|space| deploy::order(space, Control::Drain)));
            let _ = tokio::time::timeout_at(deadline.into(), drained).await;
        }
        self.0.router.listeners.close();
        self.0.router.audit.tell_all();
        let executors = self.0.clone();
        // Joining threads blocks, and the caller's runtime has others to serve.
        let stop = move || {
            executors.executors.stop();
            executors.webhooks.stop(&executors.router.ledger);
            executors.router.ledger.close();
            if let Some(keeper) = &executors.keeper {
                keeper.close();
            }
        };
        let _ = tokio::task::spawn_blocking(stop).await;
    }
}

/// How room is reserved: for a message that may wait, or for one that somebody waits for.
type Reserve = fn(&Arc<Mailbox>, usize, Share) -> Result<Room, Full>;

/// A client's command that was found to be in order.
struct Command {
    message: Message,
    idempotency: Option<Idempotency>,
}

impl Inner {
    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn has_work(&self) -> bool {
        let table = self.router.table();
        let serving = table.values().filter(|space| space.state() == SpaceState::Running);
        serving.flat_map(|space| space.partitions.iter()).any(|partition| partition.mailbox.backlog().0 > 0)
    }

    fn partition_numbers(&self, count: u64) -> std::ops::Range<PartitionNumber> {
        let first = self.partitions.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }

    /// The space of that name, if it has ever served and is not removed.
    fn known(&self, name: &str) -> Result<Arc<Space>, Refusal> {
        let name = SpaceName::parse(name)?;
        let space = self.router.space(&name).filter(|space| space.loaded().is_some());
        let space = space.filter(|space| space.state() != SpaceState::Removed);
        // Until all that was there has been loaded, nobody can say what there is not.
        space.ok_or_else(|| if self.router.is_open() { Refusal::UnknownSpace(name) } else { Refusal::Starting })
    }

    fn room_for(&self, command: Command, space: &Space, reserve: Reserve) -> Result<Box<Envelope>, Refusal> {
        let Command { message, idempotency } = command;
        let mailbox = &space.partition(message.key.as_deref()).mailbox;
        let room = reserve(mailbox, message.weight(), Share::Client).map_err(|_| {
            self.router.audit.of_space(space, code::OVERLOADED, "a client's command: the backlog is full");
            Refusal::Overloaded(space.name.clone())
        })?;
        let mut envelope = Envelope::new(message, room, 0);
        envelope.idempotency = idempotency;
        envelope.enqueued_ns = now_ns();
        let name = envelope.message.kind.name().clone();
        let edge = || FlowOf::new(&envelope.message.sender, &space.name, Way::Command, name);
        self.router.flows.count(&Counted::default(), edge);
        Ok(envelope)
    }

    /// Checks a client's command.
    fn command(
        &self,
        space: &str,
        command: &str,
        body: Bytes,
        delivery: Delivery,
    ) -> Result<(Arc<Space>, Command), Refusal> {
        self.takes_in()?;
        let space = self.known(space)?;
        if space.state() != SpaceState::Running {
            return Err(Refusal::Unavailable { space: space.name.clone(), state: space.state().word() });
        }
        let Some(loaded) = space.loaded() else { return Err(Refusal::UnknownSpace(space.name.clone())) };
        if !loaded.artifact.descriptor().has_command(command) {
            let command = command.chars().take(64).collect();
            return Err(Refusal::UnknownCommand { space: space.name.clone(), command });
        }
        check_size(&body, loaded.settings.limits.message_bytes)?;
        let message = Message {
            id: self.router.next_entry(),
            sender: Sender::Client(delivery.connection),
            kind: Kind::Command(command.into()),
            body,
            key: delivery.key,
            headers: delivery.headers,
            hops: 0,
        };
        Ok((space, Command { message, idempotency: delivery.idempotency }))
    }

    fn publish(
        &self,
        topic: &str,
        body: Bytes,
        delivery: Delivery,
        sender: Option<Sender>,
    ) -> Result<MessageId, Refusal> {
        self.takes_in()?;
        // Until all that was there has been loaded, an event of a client could miss its subscribers.
        if sender.is_none() && !self.router.is_open() {
            return Err(Refusal::Starting);
        }
        check_size(&body, crate::words::Limits::default().message_bytes)?;
        let route = RouteCache::default().event(&self.router, &Access::of_client(), topic);
        let route = route.map_err(|_| Refusal::BadName(NameError::Topic(topic.chars().take(64).collect())))?;
        let mut event = Outgoing::event(
            route,
            Draft {
                sender: sender.unwrap_or(Sender::Client(delivery.connection)),
                body,
                key: delivery.key,
                headers: delivery.headers,
                hops: 0,
                idempotency: delivery.idempotency,
            },
        );
        event.address(&self.router.ledger);
        let id = self.accept(event.record());
        event.deliver(&self.router, id, now_ns());
        Ok(id)
    }

    /// Takes a dead letter out, on disk as in memory.
    fn exhume(&self, space: &Space, id: MessageId, retry: bool) -> Option<Grave> {
        let ledger = &self.router.ledger;
        let write_down = |grave: &Grave| {
            let place = chronicle::place(&space.partitions[grave.partition as usize].name);
            let record = Record::Exhumed { place, message: chronicle::id(id), retry };
            ledger.keeps_records().then(|| Scribe::default().submit(ledger, &record))
        };
        space.graves.exhume(id, write_down)
    }

    fn takes_in(&self) -> Result<(), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        if self.router.ledger.is_full() { Err(Refusal::DiskFull) } else { Ok(()) }
    }

    /// Takes a message from outside in, to be handled later. Its id is the sequence of its record.
    fn accept(&self, accepted: record::Emitted<'_>) -> MessageId {
        let record::Emitted { message, to, missed } = accepted;
        let ledger = &self.router.ledger;
        let sequence = match ledger.keeps_records() {
            true => Scribe::default().submit(ledger, &Record::Accepted { message, to, missed, time_ms: now_ms() }),
            false => ledger.next_sequence(),
        };
        MessageId { sequence, ordinal: 0 }
    }
}

fn check_size(body: &Bytes, allowed: u64) -> Result<(), Refusal> {
    let bytes = body.len() as u64;
    if bytes > allowed { Err(Refusal::TooLarge { bytes, allowed, limit: "message_bytes" }) } else { Ok(()) }
}

fn answer_to_client(answer: Answer, space: &Space, timeout: Duration) -> Result<Bytes, Refusal> {
    match answer {
        Answer::Ok(reply) => Ok(reply),
        Answer::Failed(failure) => Err(Refusal::Failed(failure)),
        Answer::Broken(reason) => Err(Refusal::Broken(reason)),
        Answer::TimedOut(_) => Err(Refusal::TimedOut(timeout)),
        Answer::Unavailable(state) => Err(Refusal::Unavailable { space: space.name.clone(), state }),
    }
}
