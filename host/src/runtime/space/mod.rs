//! Spaces: what senders, actors and operators share about one. The turn itself belongs to the actor alone.

pub mod actor;
mod backoff;
mod catch_up;
pub mod chronicle;
pub mod envelope;
pub mod graves;
pub mod handling;
pub mod mailbox;
pub mod meter;
pub mod outbox;
pub mod probation;
pub mod purge;
pub mod restart;
pub mod state;
pub mod subscription;
pub mod swap;
pub mod turn;

use super::api::{LogLine, SpaceState, SpaceStatus, Usage};
use super::logs::Logs;
use super::pace::Pace;
use super::waits::PartitionNumber;
use crate::store::tables::image;
use crate::wasm::SpaceMemory;
use crate::words::message::PartitionName;
use crate::words::{Histogram, Limits, Pattern, SpaceName, SpaceSettings, Topic};
use arc_swap::ArcSwapOption;
use graves::Graves;
use mailbox::Mailbox;
use meter::Window;
use probation::Probation;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subscription::Subscription;
use tokio::sync::Notify;
use turn::Turn;

pub type Artifact = crate::wasm::Artifact<Turn>;
pub type Instance = crate::wasm::Instance<Turn>;

pub struct Space {
    pub name: SpaceName,
    pub partitions: Box<[Arc<Partition>]>,
    state: AtomicU8,
    reason: Mutex<String>,
    /// None until the first version serves.
    loaded: ArcSwapOption<Loaded>,
    /// What served before the host started.
    past: ArcSwapOption<Former>,
    pub logs: Logs,
    /// Of all its instances.
    pub memory: Arc<SpaceMemory>,
    pub graves: Graves,
    window: Window,
    /// Of the version that serves, if it came in this run of the host.
    pub probation: ArcSwapOption<Probation>,
    /// One deployment at a time.
    pub deploying: tokio::sync::Mutex<()>,
}

/// The version that serves.
pub struct Loaded {
    pub artifact: Artifact,
    pub settings: Arc<SpaceSettings>,
    pub generation: u64,
}

/// The version that served before.
#[derive(Debug, Clone)]
pub struct Former {
    pub version: String,
    digest: String,
    generation: u64,
    /// What it heard.
    subscriptions: Vec<Pattern>,
    /// It is of this run of the host, so whatever comes now is a reload.
    serves: bool,
}

/// Where a space comes from.
#[derive(Debug, Default)]
pub struct Origin {
    /// What served before the host started.
    pub past: Option<Former>,
    /// What happens is kept in a journal.
    pub keeps: bool,
    pub memory: Arc<SpaceMemory>,
}

impl Former {
    pub fn of_the_past(was: image::Version) -> Self {
        let image::Version { version, digest, generation, subscriptions, .. } = was;
        // Only legal patterns have ever served.
        let subscriptions = subscriptions.iter().filter_map(|pattern| Pattern::parse(pattern).ok()).collect();
        Former { version, digest, generation, subscriptions, serves: false }
    }

    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The same component again after a restart is no new generation.
    pub fn next_generation(&self, digest: &str) -> u64 {
        if !self.serves && self.digest == digest { self.generation } else { self.generation + 1 }
    }
}

/// One shard of a space, as senders see it.
pub struct Partition {
    pub number: PartitionNumber,
    pub name: Arc<PartitionName>,
    pub mailbox: Arc<Mailbox>,
    pub counters: Counters,
    pub subscription: Subscription,
    pub pace: Arc<Pace>,
    cancel: AtomicBool,
    cancelled: Notify,
}

/// Written by the partition's actor only, read by anyone.
#[derive(Default)]
pub struct Counters {
    pub turns: AtomicU64,
    pub failures: AtomicU64,
    pub traps: AtomicU64,
    pub retries: AtomicU64,
    pub emitted: AtomicU64,
    pub memory_bytes: AtomicU64,
    pub state_keys: AtomicU64,
    pub state_bytes: AtomicU64,
    pub timers: AtomicU64,
    /// Of the turn that has used most: CPU time in microseconds, and calls to the host.
    pub most_cpu_us: AtomicU64,
    pub most_host_calls: AtomicU64,
    /// Messages that became dead letters.
    pub buried: AtomicU64,
    /// When the oldest message was sent that the actor has taken and not finished, in nanoseconds since 1970; 0: none.
    pub oldest_ns: AtomicU64,
    /// CPU time of all turns.
    pub cpu_ns: AtomicU64,
    /// Turns, from their begin to their end, however they ended.
    pub took: Histogram,
    /// Messages, from when they were accepted or sent to the end of the turn that finished them.
    pub latency: Histogram,
}

/// A single writer needs no read-modify-write.
pub fn count(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

impl Counters {
    /// What one turn has cost.
    fn note_costs(&self, cpu: Duration, host_calls: u64) {
        raise(&self.most_cpu_us, cpu.as_micros() as u64);
        raise(&self.most_host_calls, host_calls);
    }
}

fn raise(counter: &AtomicU64, seen: u64) {
    if seen > counter.load(Ordering::Relaxed) {
        counter.store(seen, Ordering::Relaxed);
    }
}

impl Partition {
    /// Ends the turn in hand, if it goes on for too long to wait for it; it will be handled again.
    pub fn cancel_turn(&self) {
        self.cancel.store(true, Ordering::Release);
        self.cancelled.notify_one();
    }

    pub(super) fn clear_cancel(&self) {
        self.cancel.store(false, Ordering::Release);
    }

    async fn turn_cancelled(&self) {
        loop {
            let notified = self.cancelled.notified();
            if self.cancel.load(Ordering::Acquire) {
                return;
            }
            notified.await;
        }
    }
}

impl Space {
    pub fn new(name: SpaceName, numbers: std::ops::Range<PartitionNumber>, limits: &Limits, origin: Origin) -> Self {
        let Origin { past, keeps, memory } = origin;
        let partition = |(index, number)| {
            let partition = Arc::new(PartitionName { space: name.clone(), index: index as u32 });
            Arc::new(Partition {
                number,
                name: partition.clone(),
                mailbox: Arc::new(Mailbox::new(partition, limits, keeps)),
                counters: Counters::default(),
                subscription: Subscription::default(),
                pace: Arc::default(),
                cancel: AtomicBool::new(false),
                cancelled: Notify::new(),
            })
        };
        Space {
            partitions: numbers.enumerate().map(partition).collect(),
            name,
            state: AtomicU8::new(0),
            reason: Mutex::default(),
            loaded: ArcSwapOption::empty(),
            past: ArcSwapOption::from_pointee(past),
            logs: Logs::default(),
            memory,
            graves: Graves::default(),
            window: Window::default(),
            probation: ArcSwapOption::empty(),
            deploying: tokio::sync::Mutex::default(),
        }
    }

    /// Stands in where guest code runs outside of any space.
    pub fn nobody(limits: &Limits) -> Self {
        // The name is a constant of the right form.
        let name = SpaceName::parse("describe").unwrap_or_else(|_| unreachable!("a legal name"));
        Space::new(name, u64::MAX - 1..u64::MAX, limits, Origin::default())
    }

    pub fn state(&self) -> SpaceState {
        SpaceState::ALL[usize::from(self.state.load(Ordering::Acquire))]
    }

    pub fn set_state(&self, state: SpaceState, reason: impl Into<String>) {
        let mut current = lock(&self.reason);
        *current = reason.into();
        let index = SpaceState::ALL.iter().position(|known| *known == state).unwrap_or_default();
        self.state.store(index as u8, Ordering::Release);
    }

    pub fn loaded(&self) -> Option<Arc<Loaded>> {
        self.loaded.load_full()
    }

    /// Of the version that serves; 0: none.
    pub fn generation(&self) -> u64 {
        self.loaded.load().as_ref().map_or(0, |loaded| loaded.generation)
    }

    /// The version whose state is there; none for a space that has never served.
    pub fn former(&self) -> Option<Former> {
        let loaded = self.loaded().map(|loaded| Former {
            version: loaded.artifact.descriptor().version.clone(),
            digest: loaded.artifact.digest().to_owned(),
            generation: loaded.generation,
            subscriptions: Vec::new(),
            serves: true,
        });
        loaded.or_else(|| self.past.load().as_deref().cloned())
    }

    /// The subscriptions of the version that served before the host started, as long as none has served since.
    pub fn heard_before(&self) -> Vec<Pattern> {
        self.past.load().as_deref().map(|former| former.subscriptions.clone()).unwrap_or_default()
    }

    /// Whether events of that topic are for it. One that does not serve hears on, within the bounds of its backlog.
    pub fn hears(&self, topic: &Topic) -> bool {
        match &*self.loaded.load() {
            Some(loaded) => loaded.artifact.descriptor().hears(topic),
            None => self
                .past
                .load()
                .as_ref()
                .is_some_and(|past| past.subscriptions.iter().any(|pattern| pattern.matches(topic.as_str()))),
        }
    }

    /// Whether a topic that its owner keeps private is for it all the same. What one was granted that served before the host
    /// started and does not serve yet, nobody knows here: it hears on, for an event that it does not get is lost to it.
    pub fn may_hear_private(&self, topic: &Topic) -> bool {
        let granted = |loaded: &Arc<Loaded>| loaded.settings.grants.let_hear_private(topic);
        topic.first_token() == self.name.as_str() || self.loaded.load().as_ref().is_none_or(granted)
    }

    /// Whether there is nothing that a change of its partitions would lose, as of its last count.
    pub fn is_empty(&self) -> bool {
        let usage = self.usage();
        let cut_off = self.partitions.iter().any(|partition| partition.subscription.is_cut_off());
        usage.state_keys + usage.backlog_messages + usage.timers + usage.dead_letters == 0 && !cut_off
    }

    pub fn set_loaded(&self, loaded: Loaded) {
        for partition in &self.partitions {
            partition.mailbox.resize(&loaded.settings.limits);
        }
        self.loaded.store(Some(Arc::new(loaded)));
    }

    /// No version serves or has served: whatever is deployed next is the first.
    pub fn set_new(&self) {
        self.loaded.store(None);
        self.past.store(None);
        self.probation.store(None);
    }

    /// The partition that handles messages with that key.
    pub fn partition(&self, key: Option<&str>) -> &Arc<Partition> {
        &self.partitions[crate::words::topic::partition_of(key, self.partitions.len())]
    }

    /// A line of the host's own about the space: in its log, and in the host's.
    pub fn note(&self, level: &'static str, message: String) {
        match level {
            "error" => tracing::error!(space = %self.name, "{message}"),
            "warn" => tracing::warn!(space = %self.name, "{message}"),
            _ => tracing::info!(space = %self.name, "{message}"),
        }
        let line = LogLine {
            time_ms: turn::now_ms(),
            level,
            message,
            id: None,
            attempt: 0,
            space: self.name.clone(),
            partition: 0,
            generation: self.generation(),
            trace_id: None,
        };
        self.logs.keep(line);
    }

    pub fn status(&self) -> Option<SpaceStatus> {
        let loaded = self.loaded()?;
        let artifact = &loaded.artifact;
        Some(SpaceStatus {
            name: self.name.clone(),
            state: self.state(),
            reason: lock(&self.reason).clone(),
            version: artifact.descriptor().version.clone(),
            generation: loaded.generation,
            digest: artifact.digest().to_owned(),
            path: artifact.path().word(),
            imports: artifact.imports().to_vec(),
            descriptor: artifact.descriptor().clone(),
            grants: loaded.settings.grants.clone(),
            limits: loaded.settings.limits.clone(),
            usage: self.usage(),
            used: self.used(),
            latency: self.latency(),
        })
    }

    /// What is measured against each limit: of the partition that has most, or of the costliest turn.
    fn used(&self) -> BTreeMap<&'static str, u64> {
        let most = |field: fn(&Counters) -> &AtomicU64| {
            self.partitions
                .iter()
                .map(|partition| field(&partition.counters).load(Ordering::Relaxed))
                .max()
                .unwrap_or(0)
        };
        let backlogs = || self.partitions.iter().map(|partition| partition.mailbox.backlog());
        BTreeMap::from([
            ("memory_bytes", most(|c| &c.memory_bytes)),
            ("space_memory_bytes", self.memory.used()),
            ("host_calls_per_turn", most(|c| &c.most_host_calls)),
            ("cpu_per_turn_ms", most(|c| &c.most_cpu_us).div_ceil(1_000)),
            ("state_bytes", most(|c| &c.state_bytes)),
            ("state_keys", most(|c| &c.state_keys)),
            ("timers", most(|c| &c.timers)),
            ("backlog_messages", backlogs().map(|(messages, _)| messages).max().unwrap_or(0)),
            ("backlog_bytes", backlogs().map(|(_, bytes)| bytes).max().unwrap_or(0)),
            ("dead_letters", self.graves.len() as u64),
        ])
    }

    pub fn usage(&self) -> Usage {
        let sum = |field: fn(&Partition) -> &AtomicU64| {
            self.partitions.iter().map(|partition| field(partition).load(Ordering::Relaxed)).sum()
        };
        let backlog = self.partitions.iter().map(|partition| partition.mailbox.backlog());
        let (backlog_messages, backlog_bytes) = backlog.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        Usage {
            partitions: self.partitions.len() as u32,
            turns: sum(|p| &p.counters.turns),
            failures: sum(|p| &p.counters.failures),
            traps: sum(|p| &p.counters.traps),
            cpu_us: sum(|p| &p.counters.cpu_ns) / 1_000,
            retries: sum(|p| &p.counters.retries),
            emitted: sum(|p| &p.counters.emitted),
            backlog_messages,
            backlog_bytes,
            memory_bytes: sum(|p| &p.counters.memory_bytes),
            state_keys: sum(|p| &p.counters.state_keys),
            state_bytes: sum(|p| &p.counters.state_bytes),
            timers: sum(|p| &p.counters.timers),
            dead_letters: self.graves.len() as u64,
            missed_events: sum(|p| p.subscription.missed()),
            log_lines_suppressed: self.logs.suppressed(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
