//! The runtime: spaces, their partitions and turns, and the routes between them.
//!
//! Knows tokio and the sandbox; knows neither HTTP nor files nor the store. `Runtime` is the handle that the edges use.

pub mod api;
mod deploy;
mod executors;
mod listeners;
mod logs;
mod outcomes;
mod router;
mod space;
mod timers;
mod waits;

pub use crate::wasm::LoadError;
pub use listeners::Listener;
pub use space::Artifact;

use crate::wasm::{Engine, EngineConfig};
use crate::words::message::{Kind, Sender};
use crate::words::topic::NameError;
use crate::words::{Message, MessageId, Pattern, SpaceName, SpaceSettings};
use api::{DeadLetter, Delivery, LogLine, Outcome, Refusal, SpaceState, SpaceStatus};
use bytes::Bytes;
use executors::Executors;
use futures::future::join_all;
use router::{Draft, RouteCache, Router};
use space::Space;
use space::actor::Control;
use space::envelope::{Answer, Envelope, wait};
use space::mailbox::Share;
use space::turn::Turn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;
use waits::PartitionNumber;

/// How long a turn that is being ended may take to say so.
const LAST_WORD: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// Threads that run guests.
    pub executors: usize,
    /// How long a reload waits for turns in hand before it cuts them short.
    pub swap_wait: Duration,
    pub engine: EngineConfig,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        let executors = std::thread::available_parallelism().map_or(1, usize::from);
        RuntimeConfig { executors, swap_wait: Duration::from_secs(1), engine: EngineConfig::default() }
    }
}

/// The handle that the edges use. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    engine: Engine,
    executors: Executors,
    router: Arc<Router>,
    partitions: AtomicU64,
    swap_wait: Duration,
    stopping: AtomicBool,
}

impl Runtime {
    /// Starts the executor threads and the ticker.
    pub fn start(config: RuntimeConfig) -> anyhow::Result<Runtime> {
        Ok(Runtime(Arc::new(Inner {
            engine: Engine::new(&config.engine).map_err(|error| anyhow::anyhow!("{error:#}"))?,
            executors: Executors::start(config.executors)?,
            router: Arc::new(Router::new()),
            partitions: AtomicU64::new(0),
            swap_wait: config.swap_wait,
            stopping: AtomicBool::new(false),
        })))
    }

    /// Compiles and checks bytes, including `describe`. Blocking and CPU-heavy: call it on a thread of its own.
    pub fn load(&self, bytes: &[u8], settings: &SpaceSettings) -> Result<Artifact, LoadError> {
        // `describe` may only read, and there is nothing to read.
        let nobody = Arc::new(Space::nobody(&settings.limits));
        let host = Turn::new(self.0.router.clone(), nobody, 0, Arc::new(settings.clone()));
        Artifact::load(&self.0.engine, bytes, &settings.limits, host)
    }

    /// Sends a command and waits for its reply. Dropping the future does not cancel the command.
    pub async fn call(&self, space: &str, command: &str, body: Bytes, delivery: Delivery) -> Result<Bytes, Refusal> {
        let (space, mut envelope) = self.0.command(space, command, body, delivery)?;
        let timeout = space.loaded().map_or(Duration::MAX, |loaded| loaded.settings.limits.wall_per_turn());
        let (waiter, mut wait) = wait();
        envelope.waiter = Some(waiter);
        envelope.deliver();
        let mut answer = tokio::time::timeout(timeout, &mut wait.reply).await;
        if answer.is_err() {
            if wait.withdraw() {
                return Err(Refusal::TimedOut(timeout));
            }
            // A turn that is ended for its own length says so in a moment.
            answer = tokio::time::timeout(LAST_WORD, &mut wait.reply).await;
        }
        match answer {
            Ok(Ok(reply)) => answer_to_client(reply.answer, &space, timeout),
            Ok(Err(_)) => Err(Refusal::Stopping),
            Err(_) => Err(Refusal::Unknown(timeout)),
        }
    }

    /// One-way, accepted. Its outcome can be asked for with `message` for a while.
    pub fn send(&self, space: &str, command: &str, body: Bytes, delivery: Delivery) -> Result<MessageId, Refusal> {
        let (_, mut envelope) = self.0.command(space, command, body, delivery)?;
        let id = envelope.message.id;
        envelope.tracked = true;
        self.0.router.outcomes.accepted(id);
        envelope.deliver();
        Ok(id)
    }

    /// Publishes an event to all subscribers and listeners.
    pub fn publish(&self, topic: &str, body: Bytes, delivery: Delivery) -> Result<MessageId, Refusal> {
        let id = self.0.publish(topic, body, delivery, None)?;
        // Delivered to whoever hears it; what they make of it is theirs.
        self.0.router.outcomes.accepted(id);
        self.0.router.outcomes.ended(id, Outcome::Done { reply: Bytes::new() });
        Ok(id)
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

    pub fn dead_letters(&self, name: &SpaceName) -> Vec<DeadLetter> {
        self.0.router.space(name).map(|space| space.dead_letters()).unwrap_or_default()
    }

    /// The last lines, oldest first, and a receiver of those to come.
    pub fn logs(&self, name: &SpaceName, last: usize) -> Option<(Vec<LogLine>, broadcast::Receiver<LogLine>)> {
        Some(self.0.router.space(name)?.logs.read(last))
    }

    /// Takes nothing more in, finishes what waits within `grace`, and ends all threads.
    pub async fn shutdown(&self, grace: Duration) {
        self.0.stopping.store(true, Ordering::Release);
        let deadline = Instant::now() + grace;
        // What one space finishes may be new work for another.
        while Instant::now() < deadline && self.0.has_work() {
            let spaces = self.0.router.table();
            let running = spaces.values().filter(|space| space.state() == SpaceState::Running);
            let drained = join_all(running.map(|space| deploy::order(space, Control::Drain)));
            let _ = tokio::time::timeout_at(deadline.into(), drained).await;
        }
        self.0.router.listeners.close();
        let executors = self.0.clone();
        // Joining threads blocks, and the caller's runtime has others to serve.
        let _ = tokio::task::spawn_blocking(move || executors.executors.stop()).await;
    }
}

impl Inner {
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
        space.filter(|space| space.state() != SpaceState::Removed).ok_or(Refusal::UnknownSpace(name))
    }

    /// Checks a client's command and reserves room for it.
    fn command(
        &self,
        space: &str,
        command: &str,
        body: Bytes,
        delivery: Delivery,
    ) -> Result<(Arc<Space>, Box<Envelope>), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
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
            id: MessageId { sequence: self.router.next_sequence(), ordinal: 0 },
            sender: Sender::Client(delivery.connection),
            kind: Kind::Command(command.into()),
            body,
            key: delivery.key,
            headers: delivery.headers,
            hops: 0,
        };
        let mailbox = &space.partition(message.key.as_deref()).mailbox;
        let room = mailbox.reserve(message.weight(), Share::Client);
        let room = room.map_err(|_| Refusal::Overloaded(space.name.clone()))?;
        Ok((space, Envelope::new(message, room, 0)))
    }

    fn publish(
        &self,
        topic: &str,
        body: Bytes,
        delivery: Delivery,
        sender: Option<Sender>,
    ) -> Result<MessageId, Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        check_size(&body, crate::words::Limits::default().message_bytes)?;
        let route = RouteCache::default().event(&self.router, topic);
        let route = route.map_err(|_| Refusal::BadName(NameError::Topic(topic.chars().take(64).collect())))?;
        let id = MessageId { sequence: self.router.next_sequence(), ordinal: 0 };
        let draft = Draft {
            sender: sender.unwrap_or(Sender::Client(delivery.connection)),
            body,
            key: delivery.key,
            headers: delivery.headers,
            hops: 0,
            depends_on: 0,
        };
        self.router.deliver_event(&route, id, draft);
        Ok(id)
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
