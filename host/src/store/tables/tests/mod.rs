//! What the tables are after each kind of record, seen through their image.

mod disk;
mod history;
mod letters;
mod messages;
mod model;
mod outcomes;
mod requests;
mod subscriptions;
mod timers;
mod webhooks;

use super::image::{Image, Partition};
use super::{Tables, TablesError};
use crate::store::record::{
    Consumed, Emitted, Failure, Idempotency, Kind, Message, MessageId, Outcome, Place, Record, RequestId, Sender,
    TimerChange, Turn,
};
use tempfile::TempDir;

/// Tables in a folder of their own, and the sequence that they are at.
struct Desk {
    dir: TempDir,
    tables: Tables,
    sequence: u64,
}

impl Desk {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let tables = Tables::open(dir.path()).unwrap();
        Desk { dir, tables, sequence: 0 }
    }

    /// Applies it as the next record, and answers its sequence.
    fn apply(&mut self, record: Record<'_>) -> u64 {
        self.try_apply(record).unwrap();
        self.sequence
    }

    fn try_apply(&mut self, record: Record<'_>) -> Result<(), TablesError> {
        self.tables.apply(self.sequence + 1, &record)?;
        self.sequence += 1;
        Ok(())
    }

    /// A command from a client for place A, pending from then on.
    fn accept(&mut self, message: Message<'_>) -> MessageId {
        let sequence = self.apply(accepted(message, vec![A]));
        MessageId { sequence, ordinal: 0 }
    }

    fn flush(&mut self) {
        self.tables.flush().unwrap();
    }

    /// As after a crash: what was not flushed is gone.
    fn reopen(self) -> Self {
        let Desk { dir, tables, .. } = self;
        drop(tables);
        let tables = Tables::open(dir.path()).unwrap();
        Desk { dir, sequence: tables.sequence(), tables }
    }

    fn image(&self) -> Image {
        self.tables.image().unwrap()
    }

    /// What place A has; nothing if it is not in the image at all.
    fn at_a(&self) -> Partition {
        let mut image = self.image();
        image.spaces.remove(A.space).and_then(|mut space| space.partitions.remove(&A.partition)).unwrap_or_default()
    }
}

const A: Place<'static> = Place { space: "a", partition: 0 };
const B: Place<'static> = Place { space: "b", partition: 2 };

fn id(sequence: u64, ordinal: u64) -> MessageId {
    MessageId { sequence, ordinal }
}

fn command() -> Message<'static> {
    Message {
        sender: Sender::Client(7),
        kind: Kind::Command,
        name: "place",
        body: b"{}",
        key: Some("k"),
        headers: vec![("traceparent", "00-1")],
        hops: 1,
        tracked: false,
        idempotency: None,
    }
}

fn event() -> Message<'static> {
    Message { kind: Kind::Event, name: "orders.paid", ..command() }
}

fn tracked() -> Message<'static> {
    Message { tracked: true, ..command() }
}

fn firing(name: &str) -> Message<'_> {
    Message { sender: Sender::Timer, kind: Kind::Timer, name, ..command() }
}

fn with_key(message: Message<'_>) -> Message<'_> {
    Message { idempotency: Some(Idempotency { key: [1; 32], content: [2; 32] }), ..message }
}

fn failed(retryable: bool) -> Outcome<'static> {
    Outcome::Failed(failure(retryable))
}

fn failure(retryable: bool) -> Failure<'static> {
    Failure { code: "sold-out", message: "none left", retryable }
}

/// A turn of place A that did nothing but consume `message`.
fn turn(message: Consumed<'_>) -> Turn<'_> {
    Turn {
        place: A,
        message,
        attempt: 1,
        outcome: Outcome::Done(b"ok"),
        now_ms: None,
        time_ms: 100,
        writes: Vec::new(),
        emitted: Vec::new(),
        timers: Vec::new(),
        requests: Vec::new(),
        refused: Vec::new(),
        refused_more: 0,
        depends_on: 0,
        former: Vec::new(),
    }
}

fn accepted<'a>(message: Message<'a>, to: Vec<Place<'a>>) -> Record<'a> {
    Record::Accepted { message, to, missed: Vec::new(), time_ms: 1 }
}

fn emitted<'a>(message: Message<'a>, to: Vec<Place<'a>>) -> Emitted<'a> {
    Emitted { message, to, missed: Vec::new() }
}

fn direct(message: Message<'_>) -> Consumed<'_> {
    Consumed::Direct { id: id(0, 1), message, request: None }
}

/// A's message `caller` asks the place of the turn, for the `ordinal`th time.
fn request(caller: MessageId, ordinal: u32) -> Consumed<'static> {
    let message = Message { sender: Sender::Partition(A), ..command() };
    let request = RequestId { caller, ordinal, digest: [9; 32], now_ms: Some(7) };
    Consumed::Direct { id: id(0, 99), message, request: Some(request) }
}

fn buried<'a>(place: Place<'a>, message: Consumed<'a>) -> Record<'a> {
    Record::Buried { place, message, attempts: 5, failure: failure(true), time_ms: 50 }
}

fn set(name: &str, due_ms: u64, every_ms: Option<u64>) -> TimerChange<'_> {
    TimerChange::Set { name, body: b"t", due_ms, every_ms }
}
