//! What one turn did, or would have done: the form in which a recorded turn and a tried one are compared.
//!
//! Owns that form and its reading out of a record. Must not know how a turn runs. Cannot fail.

use crate::runtime::past;
use crate::store::record::{self, TimerChange};
use crate::store::tables::image;
use crate::words::Failure;
use crate::words::trace::TRACEPARENT;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Keys and what they hold; none: they are not there.
pub type Writes = BTreeMap<Vec<u8>, Option<Bytes>>;

#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    pub outcome: Result<Bytes, Failure>,
    /// In order.
    pub emitted: Vec<Sent>,
    /// Keys that hold another value than before the turn.
    pub writes: Writes,
    /// What became of each timer in the end.
    pub timers: BTreeMap<String, Timer>,
    /// Which of the recorded requests were made, by their ordinal.
    pub requests: BTreeSet<u32>,
}

/// An event or a one-way command.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// `event orders.paid`, `command cart/add`.
    pub target: String,
    pub body: Bytes,
    pub key: Option<String>,
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Timer {
    Set { body: Bytes, due_ms: u64, every_ms: Option<u64> },
    Cancelled,
}

/// A turn of the past, with all that is needed to tell it again but its message, if another record has made that.
#[derive(Debug)]
pub struct Taped {
    pub sequence: u64,
    pub partition: u32,
    pub id: record::MessageId,
    /// Whole, where no other record has it.
    pub direct: Option<image::Message>,
    pub attempt: u32,
    pub now_ms: Option<u64>,
    pub time_ms: u64,
    pub did: Effects,
    /// Whatever it wrote, also where that was what was there before.
    pub writes: Writes,
    pub former: Writes,
    /// What its requests got, in order, each with its ordinal and digest.
    pub requests: Vec<(u32, [u8; 32], Result<Bytes, Failure>)>,
    /// Which of its other calls failed.
    pub refused: HashMap<u32, Failure>,
    /// More of them did than are recorded.
    pub refused_more: bool,
}

impl Taped {
    pub fn of(sequence: u64, turn: record::Turn<'_>) -> Self {
        let (id, direct) = match turn.message {
            record::Consumed::Pending(id) => (id, None),
            record::Consumed::Direct { id, message, .. } => (id, Some(message.into())),
        };
        let (writes, former) = (written(&turn.writes), written(&turn.former));
        let changed = writes.iter().filter(|(key, value)| former.get(*key) != Some(*value));
        let did = Effects {
            outcome: outcome(turn.outcome),
            emitted: turn.emitted.iter().map(Sent::of).collect(),
            writes: changed.map(|(key, value)| (key.clone(), value.clone())).collect(),
            timers: turn.timers.iter().map(timer).collect(),
            requests: turn.requests.iter().map(|request| request.ordinal).collect(),
        };
        let request = |request: record::Requested<'_>| (request.ordinal, request.digest, outcome(request.outcome));
        let refused = turn.refused.into_iter().map(|refused| (refused.call, past::failure(refused.failure.into())));
        Taped {
            sequence,
            partition: turn.place.partition,
            id,
            direct,
            attempt: turn.attempt,
            now_ms: turn.now_ms,
            time_ms: turn.time_ms,
            did,
            writes,
            former,
            requests: turn.requests.into_iter().map(request).collect(),
            refused: refused.collect(),
            refused_more: turn.refused_more > 0,
        }
    }
}

impl Sent {
    fn of(emitted: &record::Emitted<'_>) -> Self {
        let message = &emitted.message;
        let space = emitted.to.first().map_or("?", |to| to.space);
        Sent {
            target: match message.kind {
                record::Kind::Command => format!("command {space}/{}", message.name),
                record::Kind::Event | record::Kind::Timer => format!("event {}", message.name),
            },
            body: Bytes::copy_from_slice(message.body),
            key: message.key.map(str::to_owned),
            headers: headers(message.headers.iter().copied()),
        }
    }
}

/// Those that a turn chooses. Where it stands in a trace the host says, and says otherwise each time.
pub fn headers<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    all.filter(|(name, _)| *name != TRACEPARENT).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What the record says that keys were written to, or held before.
pub fn written(writes: &[record::Write<'_>]) -> Writes {
    writes.iter().map(|write| (write.key.to_vec(), write.value.map(Bytes::copy_from_slice))).collect()
}

fn outcome(outcome: record::Outcome<'_>) -> Result<Bytes, Failure> {
    match outcome {
        record::Outcome::Done(reply) => Ok(Bytes::copy_from_slice(reply)),
        record::Outcome::Failed(failure) => Err(past::failure(failure.into())),
    }
}

fn timer(change: &TimerChange<'_>) -> (String, Timer) {
    match *change {
        TimerChange::Set { name, body, due_ms, every_ms } => {
            (name.to_owned(), Timer::Set { body: Bytes::copy_from_slice(body), due_ms, every_ms })
        }
        TimerChange::Cancel { name } => (name.to_owned(), Timer::Cancelled),
    }
}
