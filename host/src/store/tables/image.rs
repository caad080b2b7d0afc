//! The tables as the runtime takes them up at the start: owned values, nothing of the database.
//!
//! Owns these shapes only. Their names are those of the records that they were made from.

use super::rows::AnswerRow;
use crate::store::record::{self, Idempotency, Kind, MessageId};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    /// The last record that it contains.
    pub sequence: u64,
    pub spaces: BTreeMap<String, Space>,
    /// By the digest of scope and key.
    pub idempotency: HashMap<[u8; 32], Answered>,
    /// Of tracked messages.
    pub outcomes: HashMap<MessageId, Ended>,
    /// What the requests of those got who were asked themselves, and whose own turn was lost: they are asked again.
    pub asked: HashMap<Asked, BTreeMap<u32, Reply>>,
    /// By name, whether they are still in the settings or not.
    pub webhooks: BTreeMap<String, Webhook>,
}

/// What is known of a webhook.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Webhook {
    /// It is done with all events up to this one.
    pub cursor: MessageId,
    pub letters: BTreeMap<MessageId, WebhookLetter>,
}

/// An event that a webhook has set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookLetter {
    pub message: Message,
    pub event_ms: u64,
    pub attempts: u32,
    pub failure: String,
    pub time_ms: u64,
    /// It is to be posted again.
    pub retried: bool,
}

/// A message that was a request, in the partition that handled it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub space: String,
    pub partition: u32,
    pub message: MessageId,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Space {
    /// None: it was never deployed, and messages wait for it all the same.
    pub version: Option<Version>,
    pub memory: Memory,
    /// Those that have something.
    pub partitions: BTreeMap<u32, Partition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub version: String,
    pub digest: String,
    pub generation: u64,
    pub partitions: u32,
    /// The patterns that it hears.
    pub subscriptions: Vec<String>,
}

/// Versions that are not to be tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    pub rejected: Option<Rejected>,
    pub rolled_back: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub digest: String,
    /// Digest of the settings.
    pub settings: [u8; 32],
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Partition {
    pub state: BTreeMap<Vec<u8>, Bytes>,
    pub pending: BTreeMap<MessageId, Pending>,
    pub timers: BTreeMap<String, Timer>,
    pub dead_letters: BTreeMap<MessageId, DeadLetter>,
    /// Its subscriptions are cut off, and the journal may hold what they missed from here on.
    pub cut_off_from: Option<u64>,
}

/// A message that is still to be handled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    pub message: Message,
    /// Attempts that have failed.
    pub attempts: u32,
    /// When its back-off is over.
    pub due_ms: Option<u64>,
    /// It was a dead letter.
    pub retried: bool,
    /// What its requests got, by their ordinal.
    pub replies: BTreeMap<u32, Reply>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    pub message: Message,
    pub attempts: u32,
    pub failure: Failure,
    pub time_ms: u64,
    pub replies: BTreeMap<u32, Reply>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Timer {
    pub body: Bytes,
    pub due_ms: u64,
    pub every_ms: Option<u64>,
    /// Its last firing is pending.
    pub firing: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Of target, command and body.
    pub digest: [u8; 32],
    /// The caller's time.
    pub now_ms: Option<u64>,
    pub outcome: Outcome,
}

/// What an Idempotency-Key has got.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Digest of what was asked.
    pub content: [u8; 32],
    pub answer: Answer,
    pub time_ms: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The message is handled later, or has been.
    Accepted(MessageId),
    Ended(Outcome),
}

/// What became of a tracked message.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    pub outcome: Outcome,
    pub time_ms: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Done(Bytes),
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub retryable: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub sender: Sender,
    pub kind: Kind,
    pub name: String,
    pub body: Bytes,
    pub key: Option<String>,
    pub headers: Vec<(String, String)>,
    pub hops: u16,
    pub tracked: bool,
    pub idempotency: Option<Idempotency>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    Partition { space: String, partition: u32 },
    Client(u64),
    Timer,
    Host,
}

impl From<record::Memory<'_>> for Memory {
    fn from(memory: record::Memory<'_>) -> Self {
        let rejected = memory.rejected.map(|record::Rejected { digest, settings, reason }| Rejected {
            digest: digest.to_owned(),
            settings,
            reason: reason.to_owned(),
        });
        Memory { rejected, rolled_back: memory.rolled_back.into_iter().map(str::to_owned).collect() }
    }
}

impl From<record::Message<'_>> for Message {
    fn from(message: record::Message<'_>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Message {
            sender: message.sender.into(),
            kind: message.kind,
            name: message.name.to_owned(),
            body: Bytes::copy_from_slice(message.body),
            key: message.key.map(str::to_owned),
            headers: message.headers.into_iter().map(owned).collect(),
            hops: message.hops,
            tracked: message.tracked,
            idempotency: message.idempotency,
        }
    }
}

impl From<record::Sender<'_>> for Sender {
    fn from(sender: record::Sender<'_>) -> Self {
        match sender {
            record::Sender::Partition(place) => {
                Sender::Partition { space: place.space.to_owned(), partition: place.partition }
            }
            record::Sender::Client(connection) => Sender::Client(connection),
            record::Sender::Timer => Sender::Timer,
            record::Sender::Host => Sender::Host,
        }
    }
}

impl From<record::Failure<'_>> for Failure {
    fn from(failure: record::Failure<'_>) -> Self {
        Failure { code: failure.code.to_owned(), message: failure.message.to_owned(), retryable: failure.retryable }
    }
}

impl From<record::Outcome<'_>> for Outcome {
    fn from(outcome: record::Outcome<'_>) -> Self {
        match outcome {
            record::Outcome::Done(reply) => Outcome::Done(Bytes::copy_from_slice(reply)),
            record::Outcome::Failed(failure) => Outcome::Failed(failure.into()),
        }
    }
}

impl From<AnswerRow<'_>> for Answer {
    fn from(answer: AnswerRow<'_>) -> Self {
        match answer {
            AnswerRow::Accepted(id) => Answer::Accepted(id),
            AnswerRow::Ended(outcome) => Answer::Ended(outcome.into()),
        }
    }
}

impl From<record::Version<'_>> for Version {
    fn from(version: record::Version<'_>) -> Self {
        Version {
            version: version.version.to_owned(),
            digest: version.digest.to_owned(),
            generation: version.generation,
            partitions: version.partitions,
            subscriptions: version.subscriptions.into_iter().map(str::to_owned).collect(),
        }
    }
}
