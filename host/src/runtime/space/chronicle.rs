//! How what the runtime knows is written down: borrowed views of messages and effects as the journal's records.
//!
//! Translation only; decides nothing and cannot fail.

use super::envelope::{Envelope, FirstAttempt, Progress};
use crate::runtime::timers::TimerChange;
use crate::store::record;
use crate::words::message::{Kind, PartitionName, Sender};
use crate::words::{Failure, Message, MessageId};

pub fn place(name: &PartitionName) -> record::Place<'_> {
    record::Place { space: name.space.as_str(), partition: name.index }
}

pub fn id(id: MessageId) -> record::MessageId {
    record::MessageId { sequence: id.sequence, ordinal: id.ordinal }
}

pub fn message<'a>(message: &'a Message, envelope: Option<&Envelope>) -> record::Message<'a> {
    let (kind, name) = kind(&message.kind);
    let headers = message.headers.as_deref().map(Vec::as_slice).unwrap_or_default();
    record::Message {
        sender: sender(&message.sender),
        kind,
        name,
        body: &message.body,
        key: message.key.as_deref(),
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        hops: message.hops,
        tracked: envelope.is_some_and(|envelope| envelope.tracked),
        idempotency: envelope.and_then(|envelope| envelope.idempotency),
    }
}

pub fn kind(kind: &Kind) -> (record::Kind, &str) {
    match kind {
        Kind::Command(name) => (record::Kind::Command, name),
        Kind::Event(name) => (record::Kind::Event, name),
        Kind::Timer(name) => (record::Kind::Timer, name),
    }
}

pub fn sender(sender: &Sender) -> record::Sender<'_> {
    match sender {
        Sender::Partition(name) => record::Sender::Partition(place(name)),
        Sender::Client(connection) => record::Sender::Client(*connection),
        Sender::Timer => record::Sender::Timer,
        Sender::Host => record::Sender::Host,
    }
}

/// The message in hand: by its id where a record has made it, else whole.
pub fn consumed(envelope: &Envelope) -> record::Consumed<'_> {
    let id = id(envelope.message.id);
    if envelope.recorded {
        return record::Consumed::Pending(id);
    }
    record::Consumed::Direct { id, message: message(&envelope.message, Some(envelope)), request: envelope.request }
}

pub fn failure(failure: &Failure) -> record::Failure<'_> {
    record::Failure { code: &failure.code, message: &failure.message, retryable: failure.retryable }
}

/// What the first `made` requests of a message got in this attempt.
pub fn requests(first: &FirstAttempt, made: u32) -> Vec<record::Requested<'_>> {
    let known = (0..made).zip(&first.requests).filter_map(|(ordinal, request)| {
        let outcome = match &request.progress {
            Progress::Final(reply) => outcome(reply),
            Progress::Open(Some(passing)) => record::Outcome::Failed(failure(passing)),
            Progress::Open(None) | Progress::Sent { .. } => return None,
        };
        Some(record::Requested { ordinal, digest: request.digest?, outcome })
    });
    known.collect()
}

pub fn refused(call: u32, failed: &Failure) -> record::Refused<'_> {
    record::Refused { call, failure: failure(failed) }
}

fn outcome(reply: &Result<bytes::Bytes, Failure>) -> record::Outcome<'_> {
    match reply {
        Ok(reply) => record::Outcome::Done(reply),
        Err(refused) => record::Outcome::Failed(failure(refused)),
    }
}

pub fn timer(change: &TimerChange) -> record::TimerChange<'_> {
    match change {
        TimerChange::Set { name, body, due_ms, every_ms } => {
            record::TimerChange::Set { name, body, due_ms: *due_ms, every_ms: *every_ms }
        }
        TimerChange::Cancel { name } => record::TimerChange::Cancel { name },
    }
}
