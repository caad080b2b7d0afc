//! The events that one webhook has set aside, in memory as in the tables, and their bounds.
//!
//! Owns what fits. Must not know why an event was given up. Pure but for the clock; cannot fail.

use super::Which;
use crate::runtime::api::Published;
use crate::runtime::heard;
use crate::runtime::past::id_of;
use crate::runtime::space::turn::now_ms;
use crate::store::record::{self, Kind, Place, Sender};
use crate::store::tables::image;
use crate::words::MessageId;
use crate::words::message::weigh;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Of one webhook; full, it stops.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 64 << 20;

/// An event that was given up.
#[derive(Debug, Clone)]
pub struct HookLetter {
    pub event: Arc<Published>,
    pub attempts: u32,
    /// Why the last of them failed.
    pub failure: Arc<str>,
    /// When that was, in milliseconds since 1970.
    pub time_ms: u64,
    /// It is to be posted again.
    pub retried: bool,
}

#[derive(Default)]
pub struct Letters {
    by_event: BTreeMap<MessageId, HookLetter>,
    /// Of these, those that are to be posted again.
    retried: BTreeSet<MessageId>,
    bytes: usize,
}

impl HookLetter {
    pub fn new(event: Arc<Published>, attempts: u32, failure: &str) -> Self {
        HookLetter { event, attempts, failure: failure.into(), time_ms: now_ms(), retried: false }
    }

    fn weight(&self) -> usize {
        weigh(&self.event.body, &self.event.headers) + self.failure.len()
    }
}

impl Letters {
    pub fn put(&mut self, letter: HookLetter) {
        let id = letter.event.id;
        if letter.retried {
            self.retried.insert(id)
        } else {
            self.retried.remove(&id)
        };
        self.bytes += letter.weight();
        if let Some(before) = self.by_event.insert(id, letter) {
            self.bytes -= before.weight();
        }
    }

    pub fn remove(&mut self, event: MessageId) {
        self.retried.remove(&event);
        self.bytes -= self.by_event.remove(&event).map_or(0, |letter| letter.weight());
    }

    pub fn retry(&mut self, event: MessageId) {
        if let Some(letter) = self.by_event.get_mut(&event) {
            letter.retried = true;
            self.retried.insert(event);
        }
    }

    pub fn get(&self, event: MessageId) -> Option<&HookLetter> {
        self.by_event.get(&event)
    }

    pub fn ids(&self, which: Which) -> Vec<MessageId> {
        match which {
            Which::All => self.by_event.keys().copied().collect(),
            Which::One(id) => self.by_event.contains_key(&id).then_some(id).into_iter().collect(),
        }
    }

    pub fn first_retried(&self) -> Option<&HookLetter> {
        self.by_event.get(self.retried.first()?)
    }

    pub fn has_room(&self) -> bool {
        self.by_event.len() < MOST && self.bytes < MOST_BYTES
    }

    pub fn len(&self) -> usize {
        self.by_event.len()
    }

    pub fn all(&self) -> Vec<HookLetter> {
        self.by_event.values().cloned().collect()
    }
}

/// As the tables had them when the host ended.
pub fn of_the_past(past: BTreeMap<record::MessageId, image::WebhookLetter>) -> Letters {
    let mut letters = Letters::default();
    for (id, letter) in past {
        let image::WebhookLetter { message, event_ms, attempts, failure, time_ms, retried } = letter;
        let event = Published {
            id: id_of(id),
            topic: message.name.into(),
            source: source(&message.sender).into(),
            body: message.body,
            key: message.key.map(Into::into),
            headers: (!message.headers.is_empty()).then(|| Arc::new(message.headers)),
            time: UNIX_EPOCH + Duration::from_millis(event_ms),
        };
        letters.put(HookLetter { event: Arc::new(event), attempts, failure: failure.into(), time_ms, retried });
    }
    letters
}

fn source(sender: &image::Sender) -> &str {
    match sender {
        image::Sender::Partition { space, .. } => space,
        image::Sender::Client(_) => heard::source(Sender::Client(0)),
        image::Sender::Timer => heard::source(Sender::Timer),
        image::Sender::Host => heard::source(Sender::Host),
    }
}

/// A letter as a record tells it.
pub fn letter_record(letter: &HookLetter) -> record::WebhookLetter<'_> {
    let event = &letter.event;
    let headers = event.headers.as_deref().map(Vec::as_slice).unwrap_or_default();
    let message = record::Message {
        sender: sender(&event.source),
        kind: Kind::Event,
        name: &event.topic,
        body: &event.body,
        key: event.key.as_deref(),
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        hops: 0,
        tracked: false,
        idempotency: None,
    };
    record::WebhookLetter {
        message,
        event_ms: event.time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
        attempts: letter.attempts,
        failure: &letter.failure,
        time_ms: letter.time_ms,
    }
}

/// The way back from what `context.source` shows. No space has a name that stands for another sender.
fn sender(source: &str) -> Sender<'_> {
    [Sender::Client(0), Sender::Timer, Sender::Host]
        .into_iter()
        .find(|sender| heard::source(*sender) == source)
        .unwrap_or(Sender::Partition(Place { space: source, partition: 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn letter(sequence: u64, source: &str, bytes: usize) -> HookLetter {
        let event = Published {
            id: MessageId { sequence, ordinal: 1 },
            topic: "orders.paid".into(),
            source: source.into(),
            body: Bytes::from(vec![b'x'; bytes]),
            key: Some("4711".into()),
            headers: Some(Arc::new(vec![("traceparent".into(), "00".into())])),
            time: UNIX_EPOCH + Duration::from_millis(1_500),
        };
        HookLetter::new(Arc::new(event), 10, "answered 500")
    }

    #[test]
    fn a_letter_comes_back_from_its_record_as_it_was() {
        for source in ["client", "host", "timer", "orders"] {
            let letter = letter(7, source, 2);
            let record = letter_record(&letter);
            let image = image::WebhookLetter {
                message: record.message.into(),
                event_ms: record.event_ms,
                attempts: record.attempts,
                failure: record.failure.to_owned(),
                time_ms: record.time_ms,
                retried: true,
            };
            let past = BTreeMap::from([(record::MessageId { sequence: 7, ordinal: 1 }, image)]);
            let back = of_the_past(past).first_retried().cloned().unwrap();
            assert_eq!(format!("{:?}", back.event), format!("{:?}", letter.event));
            assert_eq!((back.attempts, back.failure, back.time_ms), (10, letter.failure, letter.time_ms));
        }
    }

    #[test]
    fn so_many_letters_fit_and_so_many_bytes() {
        let mut letters = Letters::default();
        for sequence in 0..MOST as u64 {
            assert!(letters.has_room());
            letters.put(letter(sequence, "orders", 0));
        }
        assert!(!letters.has_room());
        letters.remove(MessageId { sequence: 7, ordinal: 1 });
        assert!(letters.has_room());
        letters.put(letter(7, "orders", MOST_BYTES));
        letters.remove(MessageId { sequence: 8, ordinal: 1 });
        assert!(!letters.has_room(), "one of that size fills it");
        // The same once more takes no more room.
        let before = letters.bytes;
        letters.put(letter(7, "orders", MOST_BYTES));
        assert_eq!(letters.bytes, before);
    }
}
