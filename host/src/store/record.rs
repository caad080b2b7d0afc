//! The entries of the journal: what is written, once and for all, when something has happened.
//!
//! Owns their shape and encoding, and nothing else: must not know files, tables or the runtime. Borrowing, so that writing
//! copies each byte once and reading none. The encoding is postcard behind a version byte; fields and variants are only
//! ever added at the end, under a new version. Fails with [`RecordError`] on bytes that are no record of a known version.

use serde::{Deserialize, Serialize};

/// The version of the encoding, the first byte of each record: the newest that this host knows, and the one in which the
/// record's variant came. So an older host goes on reading a journal that says nothing new, and refuses one that does.
const VERSION: u8 = 2;
const FIRST_VERSION: u8 = 1;

/// Bytes that are no record, or one of a newer host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the record has version {0}, which this host does not know: use the host that wrote it, or a newer one")]
    Version(u8),
    #[error("the record does not decode: {0}")]
    Malformed(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// The host has started. The ids of messages that no turn made are counted from here.
    Started { time_ms: u64 },
    /// A message from outside was taken in, to be handled later. Its id is the sequence of this record.
    Accepted {
        #[serde(borrow)]
        message: Message<'a>,
        #[serde(borrow)]
        to: Vec<Place<'a>>,
        #[serde(borrow)]
        missed: Vec<Place<'a>>,
        time_ms: u64,
    },
    /// A message has been handled, for good or ill, and is done with.
    #[serde(borrow)]
    Turn(Turn<'a>),
    /// An attempt has failed and the message waits for the next one.
    Setback {
        #[serde(borrow)]
        place: Place<'a>,
        message: MessageId,
        attempt: u32,
        due_ms: u64,
    },
    /// A message is set aside after its last attempt.
    Buried {
        #[serde(borrow)]
        place: Place<'a>,
        #[serde(borrow)]
        message: Consumed<'a>,
        attempts: u32,
        #[serde(borrow)]
        failure: Failure<'a>,
        time_ms: u64,
    },
    /// A dead letter is to be handled again under its id, or was dropped.
    Exhumed {
        #[serde(borrow)]
        place: Place<'a>,
        message: MessageId,
        retry: bool,
    },
    /// A version serves from here on, with what its migration changed: an encoded `Migrated` for each partition that
    /// migrated. Their messages are numbered through, in that order.
    Deployed {
        space: &'a str,
        #[serde(borrow)]
        version: Version<'a>,
        #[serde(borrow)]
        migrated: Vec<&'a [u8]>,
        time_ms: u64,
    },
    /// A space's state, timers, backlog and dead letters are gone for good.
    Purged { space: &'a str },
    /// A timer fires: from here on it is a message like any other, whose id is the sequence of this record. So an attempt
    /// after a crash is another attempt at the same message.
    Fired {
        #[serde(borrow)]
        place: Place<'a>,
        #[serde(borrow)]
        message: Message<'a>,
        time_ms: u64,
    },
    /// A subscription that was cut off has read some of what it missed, and these events are pending from here on.
    CaughtUp {
        #[serde(borrow)]
        place: Place<'a>,
        #[serde(borrow)]
        events: Vec<(MessageId, Message<'a>)>,
        /// Where the reading goes on.
        next: u64,
        /// Events reach it again: it has read all that it missed before `next`.
        live: bool,
    },
    /// What is remembered of a space's versions from here on, in place of what was.
    Remembered {
        space: &'a str,
        #[serde(borrow)]
        memory: Memory<'a>,
    },
    /// A version came, or was refused; for the history alone.
    Reloaded {
        space: &'a str,
        #[serde(borrow)]
        reload: Reload<'a>,
        time_ms: u64,
    },
    /// Webhooks are done with all events up to these ids. (From here on: version 2.)
    WebhooksMoved {
        #[serde(borrow)]
        cursors: Vec<(&'a str, MessageId)>,
    },
    /// A webhook has set an event aside, and is done with it as far as its order goes; or has tried again in vain one that it
    /// had set aside before.
    WebhookBuried {
        webhook: &'a str,
        event: MessageId,
        #[serde(borrow)]
        letter: WebhookLetter<'a>,
    },
    /// Dead letters of a webhook are to be posted again, or are done with.
    WebhookExhumed { webhook: &'a str, events: Vec<MessageId>, retry: bool },
    /// How far a webhook has come, and its dead letters, are forgotten.
    WebhookForgotten { webhook: &'a str },
}

/// An event that a webhook has given up, whole: the journal may forget it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookLetter<'a> {
    #[serde(borrow)]
    pub message: Message<'a>,
    /// When the event happened.
    pub event_ms: u64,
    pub attempts: u32,
    /// Why the last of them failed.
    pub failure: &'a str,
    /// When that was.
    pub time_ms: u64,
}

/// Versions that are not to be tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory<'a> {
    #[serde(borrow)]
    pub rejected: Option<Rejected<'a>>,
    /// Digests of what the operator, or the host, went back from.
    #[serde(borrow)]
    pub rolled_back: Vec<&'a str>,
}

/// A component that was refused under these settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected<'a> {
    pub digest: &'a str,
    /// Digest of the settings.
    pub settings: [u8; 32],
    pub reason: &'a str,
}

/// One reload, however it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload<'a> {
    pub from_generation: Option<u64>,
    /// None: it was refused.
    pub to_generation: Option<u64>,
    pub from_digest: Option<&'a str>,
    pub to_digest: Option<&'a str>,
    pub verdict: &'a str,
    pub reason: &'a str,
    /// Steps and what each took, in microseconds.
    #[serde(borrow)]
    pub took_us: Vec<(&'a str, u64)>,
}

/// One partition of one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place<'a> {
    pub space: &'a str,
    pub partition: u32,
}

/// The sequence of the record that made the message, and its place among that record's messages. For commands that someone
/// waits for, which no record makes: the sequence of `Started`, and a count; for requests it follows from the caller's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId {
    pub sequence: u64,
    pub ordinal: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Command,
    Event,
    Timer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sender<'a> {
    #[serde(borrow)]
    Partition(Place<'a>),
    Client(u64),
    Timer,
    Host,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub sender: Sender<'a>,
    pub kind: Kind,
    /// Command, topic or timer name.
    pub name: &'a str,
    #[serde(with = "serde_bytes")]
    pub body: &'a [u8],
    pub key: Option<&'a str>,
    pub headers: Vec<(&'a str, &'a str)>,
    pub hops: u16,
    /// Its outcome is kept for whoever asks.
    pub tracked: bool,
    pub idempotency: Option<Idempotency>,
}

/// A client's Idempotency-Key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Digest of scope and key.
    pub key: [u8; 32],
    /// Digest of what was asked.
    pub content: [u8; 32],
}

/// The message that a turn consumed.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack, between a turn and its encoding")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Consumed<'a> {
    /// One that an earlier record made, and that has been pending since.
    Pending(MessageId),
    /// One that no record made.
    Direct {
        id: MessageId,
        #[serde(borrow)]
        message: Message<'a>,
        request: Option<RequestId>,
    },
}

/// Which request of which message; the callee's record keeps the reply under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestId {
    pub caller: MessageId,
    pub ordinal: u32,
    /// Of target, command and body: a retry that asks something else has diverged.
    pub digest: [u8; 32],
    /// What the caller's `context.now` had answered by then: a retry after a crash must see it again, or it would diverge.
    pub now_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure<'a> {
    pub code: &'a str,
    pub message: &'a str,
    pub retryable: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome<'a> {
    #[serde(borrow)]
    Done(#[serde(with = "serde_bytes")] &'a [u8]),
    #[serde(borrow)]
    Failed(Failure<'a>),
}

/// All that one turn did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn<'a> {
    #[serde(borrow)]
    pub place: Place<'a>,
    pub message: Consumed<'a>,
    pub attempt: u32,
    pub outcome: Outcome<'a>,
    /// What `context.now` answered, if it was asked. The random numbers follow from the id.
    pub now_ms: Option<u64>,
    /// The end of the turn.
    pub time_ms: u64,
    pub writes: Vec<Write<'a>>,
    pub emitted: Vec<Emitted<'a>>,
    pub timers: Vec<TimerChange<'a>>,
    /// What its requests got.
    pub requests: Vec<Requested<'a>>,
    /// What its other calls to the host got, where that was a failure.
    pub refused: Vec<Refused<'a>>,
    /// Failures beyond those in `refused`: a turn with any cannot be told again.
    pub refused_more: u32,
    /// The highest sequence that it rests on.
    pub depends_on: u64,
    /// What the written keys held before; kept for spaces whose past is to be tried on new versions, else empty.
    pub former: Vec<Write<'a>>,
}

/// A key's new value; none: it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write<'a> {
    #[serde(with = "serde_bytes")]
    pub key: &'a [u8],
    #[serde(borrow, with = "serde_bytes")]
    pub value: Option<&'a [u8]>,
}

/// A message that the turn sent, and where it went. Its id is the record's sequence and its place in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Emitted<'a> {
    #[serde(borrow)]
    pub message: Message<'a>,
    pub to: Vec<Place<'a>>,
    /// Subscribers that are cut off: they read it from the journal, later.
    pub missed: Vec<Place<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimerChange<'a> {
    Set {
        name: &'a str,
        #[serde(with = "serde_bytes")]
        body: &'a [u8],
        due_ms: u64,
        every_ms: Option<u64>,
    },
    Cancel {
        name: &'a str,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested<'a> {
    pub ordinal: u32,
    pub digest: [u8; 32],
    #[serde(borrow)]
    pub outcome: Outcome<'a>,
}

/// A call to the host that failed. All calls of a turn that can fail are numbered through, requests too; what a request got
/// is in `requests`, if it was made at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused<'a> {
    pub call: u32,
    #[serde(borrow)]
    pub failure: Failure<'a>,
}

/// What serves under a space's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version<'a> {
    pub version: &'a str,
    pub digest: &'a str,
    pub generation: u64,
    pub partitions: u32,
    /// The patterns that it hears.
    #[serde(borrow)]
    pub subscriptions: Vec<&'a str>,
}

/// What `migrate` did to one partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Migrated<'a> {
    pub partition: u32,
    #[serde(borrow)]
    pub writes: Vec<Write<'a>>,
    pub emitted: Vec<Emitted<'a>>,
    pub timers: Vec<TimerChange<'a>>,
}

impl<'a> Migrated<'a> {
    pub fn encode(&self) -> Vec<u8> {
        encode(self, Vec::new())
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, RecordError> {
        postcard::from_bytes(bytes).map_err(RecordError::malformed)
    }
}

impl<'a> Record<'a> {
    /// Appends the encoded record to `out`.
    pub fn encode(&self, mut out: Vec<u8>) -> Vec<u8> {
        out.push(self.version());
        encode(self, out)
    }

    fn version(&self) -> u8 {
        match self {
            Record::WebhooksMoved { .. }
            | Record::WebhookBuried { .. }
            | Record::WebhookExhumed { .. }
            | Record::WebhookForgotten { .. } => VERSION,
            _ => FIRST_VERSION,
        }
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((&(FIRST_VERSION..=VERSION), rest)) => postcard::from_bytes(rest).map_err(RecordError::malformed),
            Some((&version, _)) => Err(RecordError::Version(version)),
            None => Err(RecordError::Malformed("it is empty".to_owned())),
        }
    }
}

impl<'a> Record<'a> {
    /// The message with that place among those that the record made.
    pub fn made(&self, ordinal: u64) -> Option<Message<'a>> {
        let index = usize::try_from(ordinal).ok()?;
        match self {
            Record::Accepted { message, .. } | Record::Fired { message, .. } => (index == 0).then(|| message.clone()),
            Record::Turn(turn) => turn.emitted.get(index).map(|emitted| emitted.message.clone()),
            Record::Deployed { migrated, .. } => {
                let partitions = migrated.iter().filter_map(|partition| Migrated::decode(partition).ok());
                partitions.flat_map(|partition| partition.emitted).nth(index).map(|emitted| emitted.message)
            }
            _ => None,
        }
    }

    /// The events that `place` has missed here, with their places among the record's messages.
    pub fn missed_by(&self, place: Place<'_>) -> Vec<(u64, Message<'a>)> {
        let missed = |emitted: &Emitted<'_>| emitted.missed.contains(&place);
        let of = |emitted: Vec<Emitted<'a>>| {
            let numbered = (0..).zip(emitted).filter(|(_, emitted)| missed(emitted));
            numbered.map(|(ordinal, emitted)| (ordinal, emitted.message)).collect()
        };
        match self {
            Record::Accepted { message, missed, .. } if missed.contains(&place) => vec![(0, message.clone())],
            Record::Turn(turn) if turn.emitted.iter().any(missed) => of(turn.emitted.clone()),
            Record::Deployed { migrated, .. } => {
                let partitions = migrated.iter().filter_map(|partition| Migrated::decode(partition).ok());
                of(partitions.flat_map(|partition| partition.emitted).collect())
            }
            _ => Vec::new(),
        }
    }
}

impl RecordError {
    fn malformed(error: postcard::Error) -> Self {
        RecordError::Malformed(error.to_string())
    }
}

/// Into memory; the encoding refuses only sequences of unknown length, and no type here has one.
fn encode(value: &impl Serialize, out: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, out).unwrap_or_else(|error| unreachable!("a record encodes: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn() -> Record<'static> {
        let place = Place { space: "orders", partition: 3 };
        let message = Message {
            sender: Sender::Partition(Place { space: "cart", partition: 0 }),
            kind: Kind::Command,
            name: "place",
            body: b"{}",
            key: Some("customer-7"),
            headers: vec![("traceparent", "00-1-2-00")],
            hops: 2,
            tracked: false,
            idempotency: None,
        };
        let id = MessageId { sequence: 7, ordinal: 0 };
        let request = RequestId { caller: id, ordinal: 1, digest: [9; 32], now_ms: Some(1) };
        Record::Turn(Turn {
            place,
            message: Consumed::Direct { id, message: message.clone(), request: Some(request) },
            attempt: 1,
            outcome: Outcome::Failed(Failure { code: "sold-out", message: "none left", retryable: false }),
            now_ms: Some(1),
            time_ms: 2,
            writes: vec![Write { key: b"k", value: Some(b"v") }, Write { key: b"gone", value: None }],
            emitted: vec![Emitted { message, to: vec![place], missed: vec![Place { space: "slow", partition: 0 }] }],
            timers: vec![TimerChange::Cancel { name: "reminder" }],
            requests: vec![Requested { ordinal: 0, digest: [1; 32], outcome: Outcome::Done(b"yes") }],
            refused: vec![Refused { call: 4, failure: Failure { code: "overloaded", message: "", retryable: true } }],
            refused_more: 0,
            depends_on: 6,
            former: vec![Write { key: b"k", value: None }],
        })
    }

    #[test]
    fn a_record_reads_back_as_written() {
        let bytes = turn().encode(Vec::new());
        assert_eq!(Record::decode(&bytes), Ok(turn()));
    }

    #[test]
    fn a_record_gives_the_messages_that_it_made_and_who_missed_them() {
        let Record::Turn(made) = turn() else { unreachable!() };
        let message = made.emitted[0].message.clone();
        assert_eq!((turn().made(0), turn().made(1)), (Some(message.clone()), None));
        assert_eq!(turn().missed_by(Place { space: "slow", partition: 0 }), [(0, message)]);
        assert_eq!(turn().missed_by(Place { space: "orders", partition: 3 }), []);
    }

    #[test]
    fn a_record_has_the_version_in_which_its_kind_came() {
        let moved = Record::WebhooksMoved { cursors: vec![("billing", MessageId { sequence: 7, ordinal: 1 })] };
        let [old, new] = [turn(), moved.clone()].map(|record| record.encode(Vec::new()));
        assert_eq!((old[0], new[0]), (1, 2));
        assert_eq!(Record::decode(&new), Ok(moved));
    }

    #[test]
    fn a_record_of_a_newer_host_is_refused_by_its_version() {
        let mut bytes = turn().encode(Vec::new());
        bytes[0] = VERSION + 1;
        assert_eq!(Record::decode(&bytes), Err(RecordError::Version(VERSION + 1)));
    }

    #[test]
    fn a_record_cut_short_anywhere_is_malformed_and_never_another_record() {
        let bytes = turn().encode(Vec::new());
        for length in 0..bytes.len() {
            assert!(matches!(Record::decode(&bytes[..length]), Err(RecordError::Malformed(_))), "{length}");
        }
    }
}
