//! What the edges see of the runtime: requests, refusals, statuses. Plain data; the behaviour is in `Runtime`.

pub use super::space::probation::FailedProbation;
use super::traces::LostSpans;
pub use crate::store::ledger::JournalFigures;
pub use crate::store::record::Idempotency;
use crate::words::message::Headers;
use crate::words::topic::NameError;
use crate::words::{Descriptor, Distribution, Failure, Grants, Limits, MessageId, SpaceName};
use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What comes with a client's message besides target and body.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// The partition key.
    pub key: Option<Arc<str>>,
    pub headers: Headers,
    /// The client's connection, for order among its one-way messages; 0 when it has none.
    pub connection: u64,
    pub idempotency: Option<Idempotency>,
}

/// Why a client's message was not handled, or not known to be.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    BadName(#[from] NameError),
    #[error("there is no space `{0}`")]
    UnknownSpace(SpaceName),
    #[error("space `{space}` has no command `{command}`")]
    UnknownCommand { space: SpaceName, command: String },
    #[error("the body has {bytes} bytes; `{limit}` allows {allowed}")]
    TooLarge { bytes: u64, allowed: u64, limit: &'static str },
    #[error("the mailbox of `{0}` is full")]
    Overloaded(SpaceName),
    #[error("space `{space}` is {state}: it takes no messages now")]
    Unavailable { space: SpaceName, state: &'static str },
    /// The space's own failure: it ran, and nothing of the turn took effect.
    #[error("{0}")]
    Failed(Failure),
    /// The guest trapped or exceeded a limit; nothing of the turn took effect.
    #[error("the turn was broken off: {0}")]
    Broken(String),
    /// It had not begun, or was ended, in time: certainly no effect.
    #[error("not done within {0:?}; nothing took effect")]
    TimedOut(Duration),
    /// It had begun and goes on: it may still take effect.
    #[error("no answer within {0:?}; the command has begun and may still take effect")]
    Unknown(Duration),
    /// What is asked for needs a space that does not run.
    #[error("space `{space}` is {state}: only a space that is stopped or removed can be purged")]
    NotStopped { space: SpaceName, state: &'static str },
    #[error("the host is still loading its spaces")]
    Starting,
    #[error("the disk is full: the host takes nothing in until there is room")]
    DiskFull,
    #[error("the host is shutting down")]
    Stopping,
}

/// What a client with an Idempotency-Key was answered before the host started.
#[derive(Debug, Clone)]
pub struct Answered {
    pub idempotency: Idempotency,
    pub answer: AnsweredWith,
    pub age: Duration,
}

#[derive(Debug, Clone)]
pub enum AnsweredWith {
    Accepted(MessageId),
    Done(Bytes),
    Failed(Failure),
}

/// What became of a message that was accepted without waiting.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Outcome {
    Pending,
    Done {
        #[serde(skip)]
        reply: Bytes,
    },
    Failed {
        failure: Failure,
    },
}

/// An event as listeners see it. `id` is `<sequence>-<ordinal>`.
#[derive(Debug, Clone)]
pub struct Published {
    pub id: MessageId,
    pub topic: Arc<str>,
    pub source: Arc<str>,
    pub body: Bytes,
    pub key: Option<Arc<str>>,
    pub headers: Headers,
    pub time: SystemTime,
}

/// What a listener hears next.
#[derive(Debug, Clone)]
pub enum Heard {
    Event(Arc<Published>),
    /// The listener was too slow: `missed` events are gone for it.
    Gap {
        missed: u64,
    },
}

/// Whether a space is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceState {
    /// Its first version is being set up.
    Starting,
    Running,
    Stopped,
    /// It asks for more than it is granted.
    Parked,
    Quarantined,
    /// A dead-letter table or another bound is full; the reason says which.
    Blocked,
    /// Its file is gone. State and waiting messages are kept.
    Removed,
}

impl SpaceState {
    pub const ALL: [SpaceState; 7] = [
        SpaceState::Starting,
        SpaceState::Running,
        SpaceState::Stopped,
        SpaceState::Parked,
        SpaceState::Quarantined,
        SpaceState::Blocked,
        SpaceState::Removed,
    ];

    pub fn word(self) -> &'static str {
        match self {
            SpaceState::Starting => "starting",
            SpaceState::Running => "running",
            SpaceState::Stopped => "stopped",
            SpaceState::Parked => "parked",
            SpaceState::Quarantined => "quarantined",
            SpaceState::Blocked => "blocked",
            SpaceState::Removed => "removed",
        }
    }
}

/// One space, as `ps` and `inspect` show it.
#[derive(Debug, Clone, Serialize)]
pub struct SpaceStatus {
    pub name: SpaceName,
    pub state: SpaceState,
    /// Why it is not running; empty when it is.
    pub reason: String,
    pub version: String,
    pub generation: u64,
    /// blake3 of the component, in hex.
    pub digest: String,
    /// `sync`, or `fiber` for components that may wait or have once used up a slice.
    pub path: &'static str,
    pub imports: Vec<String>,
    pub descriptor: Arc<Descriptor>,
    /// What the operator allows it beyond the default.
    pub grants: Grants,
    pub limits: Limits,
    pub usage: Usage,
    /// What is measured against limits, by their names: of the partition that has most, or of the costliest turn.
    pub used: BTreeMap<&'static str, u64>,
    pub latency: Latency,
}

/// How long messages took from when they were accepted or sent to the end of their turn, in the last minute or less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    pub p50_us: u64,
    pub p99_us: u64,
    pub count: u64,
}

/// Who has sent how much to whom.
#[derive(Debug, Clone, Serialize)]
pub struct Flow {
    pub edges: Vec<FlowEdge>,
    /// From when on it was counted, in milliseconds since 1970.
    pub since_ms: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct FlowEdge {
    pub from: Arc<str>,
    pub to: Arc<str>,
    /// `command`, `request` or `event`.
    pub kind: &'static str,
    /// Of the command, or the pattern subscribed to.
    pub name: Arc<str>,
    pub messages: u64,
    /// Turns of these messages that failed or broke off.
    pub failures: u64,
}

/// All that is measured, for whoever shows it.
#[derive(Debug, Clone)]
pub struct Figures {
    pub host: HostFigures,
    /// All spaces that have ever served, by name.
    pub spaces: Vec<SpaceFigures>,
    pub reloads: Vec<ReloadCount>,
}

#[derive(Debug, Clone)]
pub struct HostFigures {
    /// Those who listen outside the spaces, and the events that they were too slow for.
    pub listeners: u64,
    pub missed_by_listeners: u64,
    /// None where nothing is traced.
    pub lost_spans: Option<LostSpans>,
    /// None in memory.
    pub journal: Option<JournalFigures>,
}

#[derive(Debug, Clone)]
pub struct SpaceFigures {
    pub name: SpaceName,
    pub state: SpaceState,
    pub generation: u64,
    pub usage: Usage,
    /// Of all its instances, candidates included.
    pub space_memory_bytes: u64,
    /// Turns, however they ended.
    pub took: Distribution,
    /// Messages that are done with.
    pub latency: Distribution,
    /// Messages that became dead letters.
    pub buried: u64,
    /// How long the oldest message that is not done with has been there.
    pub oldest: Duration,
}

/// How many reloads of a space ended in that way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadCount {
    pub space: SpaceName,
    pub verdict: String,
    pub count: u64,
}

/// The measured amounts, summed over the partitions.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Usage {
    pub partitions: u32,
    pub turns: u64,
    pub failures: u64,
    pub traps: u64,
    /// CPU time of all turns in microseconds.
    pub cpu_us: u64,
    pub retries: u64,
    pub emitted: u64,
    pub backlog_messages: u64,
    pub backlog_bytes: u64,
    pub memory_bytes: u64,
    pub state_keys: u64,
    pub state_bytes: u64,
    pub timers: u64,
    pub dead_letters: u64,
    /// Events that a cut-off subscription did not get.
    pub missed_events: u64,
    pub log_lines_suppressed: u64,
}

/// What a space holds, and what a purge takes from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Holdings {
    pub keys: u64,
    /// Keys and values.
    pub bytes: u64,
    /// Messages that were accepted and not handled.
    pub messages: u64,
    pub timers: u64,
    pub dead_letters: u64,
}

impl std::ops::AddAssign for Holdings {
    fn add_assign(&mut self, more: Self) {
        self.keys += more.keys;
        self.bytes += more.bytes;
        self.messages += more.messages;
        self.timers += more.timers;
        self.dead_letters += more.dead_letters;
    }
}

impl std::fmt::Display for Holdings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Holdings { keys, bytes, messages, timers, dead_letters } = self;
        write!(
            f,
            "{keys} keys of {bytes} bytes, {messages} waiting messages, {timers} timers, {dead_letters} dead letters"
        )
    }
}

/// Which part of a space's state is wanted.
#[derive(Debug, Clone, Default)]
pub struct StateQuery {
    /// What the keys begin with.
    pub prefix: Vec<u8>,
    /// None: all of them, one after the other.
    pub partition: Option<u32>,
    pub limit: usize,
    /// Where an earlier page has ended.
    pub from: Option<StatePlace>,
}

/// A place in the state of a space: after a key of a partition, or at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePlace {
    pub partition: u32,
    pub after: Option<Vec<u8>>,
}

/// By partition, then in the order of the keys.
#[derive(Debug, Clone, Default)]
pub struct StatePage {
    pub entries: Vec<StateEntry>,
    /// Where it goes on, if there is more.
    pub next: Option<StatePlace>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    pub partition: u32,
    pub key: Vec<u8>,
    pub value: Bytes,
}

/// A message set aside after its last attempt.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetter {
    pub id: MessageId,
    pub kind: &'static str,
    pub name: Arc<str>,
    pub source: Arc<str>,
    pub partition: u32,
    pub attempts: u32,
    pub failure: Failure,
    #[serde(skip)]
    pub body: Bytes,
}

/// One turn of the past. Of a message that was pending only the id is at hand: its record tells the rest.
#[derive(Debug, Clone, Serialize)]
pub struct TurnView {
    pub sequence: u64,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    pub partition: u32,
    pub message: MessageId,
    pub kind: Option<&'static str>,
    pub name: Option<String>,
    pub source: Option<String>,
    pub attempt: u32,
    /// None: it succeeded.
    pub failure: Option<Failed>,
    /// Keys written, and messages sent.
    pub writes: usize,
    pub emitted: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct Failed {
    pub code: String,
    pub message: String,
}

/// One line that a guest, or the host about it, has written.
#[derive(Debug, Clone, Serialize)]
pub struct LogLine {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    pub level: &'static str,
    pub message: String,
    /// The message in hand and its attempt.
    pub id: Option<MessageId>,
    pub attempt: u32,
    pub space: SpaceName,
    pub partition: u32,
    /// Of the version that wrote it; 0: it was still being set up.
    pub generation: u64,
    /// Of the trace that the message in hand belongs to.
    pub trace_id: Option<String>,
}

/// What the data folder knows of a space's versions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Of the component that served last.
    pub digest: Option<Arc<str>>,
    pub remembered: Remembered,
}

/// Versions that are not to be tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    pub rejected: Option<RejectedVersion>,
    /// Digests of what was gone back from.
    pub rolled_back: Vec<Arc<str>>,
}

/// A component that was refused, and the settings that it was refused under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedVersion {
    pub digest: Arc<str>,
    /// Their digest.
    pub settings: [u8; 32],
    pub reason: String,
}

/// How one reload ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReloadNote {
    /// Of its record; 0 until there is one.
    pub sequence: u64,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    pub from_generation: Option<u64>,
    /// None: it was refused.
    pub to_generation: Option<u64>,
    pub from_digest: Option<String>,
    pub to_digest: Option<String>,
    pub verdict: String,
    pub reason: String,
    /// Steps and what each took, in microseconds.
    pub took_us: Vec<(String, u64)>,
}

/// A version that was swapped in.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Deployed {
    pub generation: u64,
    pub version: String,
    /// From the first partition at rest to the last one serving again.
    #[serde(skip)]
    pub pause: Duration,
    /// Making the instances, beside the version that served meanwhile.
    #[serde(skip)]
    pub instantiate: Duration,
    /// From the order to the last partition at rest.
    #[serde(skip)]
    pub barrier: Duration,
    /// `start` and `migrate` of all partitions.
    #[serde(skip)]
    pub migrate: Duration,
    #[serde(skip)]
    pub checked: Checked,
}

/// What the checks of a new version found that does not keep it from serving, each finding for people, and what they took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    pub warnings: Vec<String>,
    pub interface: Duration,
    pub replay: Duration,
}

/// Why a new version does not serve. The old one goes on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeployError {
    #[error(
        "the new version changes `partitions` from {from} to {to}, and the space has state or waiting messages: keep {from}, or start it under another name"
    )]
    Partitions { from: u32, to: u32 },
    #[error(
        "it asks for {wanted} partitions; `partitions` allows {allowed}: raise the limit in `spacehost.toml`, or build it with fewer"
    )]
    TooManyPartitions { wanted: u32, allowed: u64 },
    /// The text says what to grant.
    #[error("{0}")]
    Ungranted(String),
    #[error("instantiation failed: {0}")]
    Instantiate(String),
    /// `start` or `migrate` failed; the text says which and how.
    #[error("{0}")]
    Refused(String),
    /// A check with the policy `reject` has found something; the text says what.
    #[error("{0}")]
    Checked(String),
    #[error(
        "version {from} has migrated the state, and {}: going back to {to} would lose that. Ways on: drop a newer version, or an \
         older one whose `migrate` accepts the state of version {from}", built_on(*committed)
    )]
    NoWayBack { from: String, to: String, committed: u64 },
    #[error(
        "version {version} is older than {state}, which wrote the state, and has no `migrate`: it is loaded only if its `migrate` \
         accepts that state"
    )]
    Older { version: String, state: String },
    #[error("the host is shutting down")]
    Stopping,
}

fn built_on(committed: u64) -> String {
    match committed {
        0 => "has sent messages meanwhile, or served before the host started".to_owned(),
        turns => format!("{turns} turns or more rest on it"),
    }
}
