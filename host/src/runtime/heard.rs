//! The events that a record tells to whoever listens outside.
//!
//! Translation from the journal's words to those of the edges, for the live stream and for the past alike.

use super::api::Published;
use crate::store::record::{self, Migrated, Record};
use crate::words::MessageId;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Hands each event of the record on, in order.
pub fn events_of(sequence: u64, record: &Record<'_>, mut tell: impl FnMut(Published)) {
    match record {
        Record::Accepted { message, time_ms, .. } => {
            tell_event(MessageId { sequence, ordinal: 0 }, message, *time_ms, &mut tell);
        }
        Record::Turn(turn) => {
            for (emitted, ordinal) in turn.emitted.iter().zip(0..) {
                tell_event(MessageId { sequence, ordinal }, &emitted.message, turn.time_ms, &mut tell);
            }
        }
        Record::Deployed { migrated, time_ms, .. } => {
            let partitions = migrated.iter().filter_map(|partition| Migrated::decode(partition).ok());
            for (emitted, ordinal) in partitions.flat_map(|partition| partition.emitted).zip(0..) {
                tell_event(MessageId { sequence, ordinal }, &emitted.message, *time_ms, &mut tell);
            }
        }
        _ => {}
    }
}

fn tell_event(id: MessageId, message: &record::Message<'_>, time_ms: u64, tell: &mut impl FnMut(Published)) {
    if message.kind != record::Kind::Event {
        return;
    }
    let headers: Vec<_> = message.headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    tell(Published {
        id,
        topic: message.name.into(),
        source: source(message.sender).into(),
        body: Bytes::copy_from_slice(message.body),
        key: message.key.map(Into::into),
        headers: (!headers.is_empty()).then(|| Arc::new(headers)),
        time: UNIX_EPOCH + Duration::from_millis(time_ms),
    });
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
