//! The events that a record tells to whoever listens outside.
//!
//! Translation from the journal's words to those of the edges, for the live stream and for the past alike.

use super::api::Published;
use crate::store::record::{self, Migrated, Record};
use crate::words::MessageId;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Hands each event of the record on whose topic is wanted, in order.
pub fn events_of(sequence: u64, record: &Record<'_>, wanted: impl Fn(&str) -> bool, mut tell: impl FnMut(Published)) {
    let mut tell_event = |ordinal, message: &record::Message<'_>, time_ms| {
        if message.kind == record::Kind::Event && wanted(message.name) {
            tell(published(MessageId { sequence, ordinal }, message, time_ms));
        }
    };
    match record {
        Record::Accepted { message, time_ms, .. } => tell_event(0, message, *time_ms),
        Record::Turn(turn) => {
            for (emitted, ordinal) in turn.emitted.iter().zip(0..) {
                tell_event(ordinal, &emitted.message, turn.time_ms);
            }
        }
        Record::Deployed { migrated, time_ms, .. } => {
            let partitions = migrated.iter().filter_map(|partition| Migrated::decode(partition).ok());
            for (emitted, ordinal) in partitions.flat_map(|partition| partition.emitted).zip(0..) {
                tell_event(ordinal, &emitted.message, *time_ms);
            }
        }
        _ => {}
    }
}

/// An event that a record has made.
pub fn published(id: MessageId, message: &record::Message<'_>, time_ms: u64) -> Published {
    let headers: Vec<_> = message.headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Published {
        id,
        topic: message.name.into(),
        source: source(message.sender).into(),
        body: Bytes::copy_from_slice(message.body),
        key: message.key.map(Into::into),
        headers: (!headers.is_empty()).then(|| Arc::new(headers)),
        time: UNIX_EPOCH + Duration::from_millis(time_ms),
    }
}

/// What `context.source` shows of that sender.
pub fn source(sender: record::Sender<'_>) -> &str {
    match sender {
        record::Sender::Partition(place) => place.space,
        record::Sender::Client(_) => "client",
        record::Sender::Timer => "timer",
        record::Sender::Host => "host",
    }
}
