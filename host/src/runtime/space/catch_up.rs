//! How a partition reads from the journal what did not fit into its memory: messages that were put off, and events that its
//! subscriptions have missed.
//!
//! The journal is read on a thread for that, and only as far as it is durable. What was put off is pending already and comes
//! back as it was. What was missed becomes pending by a record of its own, and then is a message like any other. A journal
//! that does not read blocks the space and says so; nothing is lost, because nothing was taken before it was read.

use super::actor::Actor;
use super::chronicle;
use super::envelope::Envelope;
use super::mailbox::{Share, WaitFor};
use super::subscription::Subscription;
use crate::runtime::api::SpaceState;
use crate::runtime::past;
use crate::store::journal::{JournalError, Reader};
use crate::store::ledger::Scribe;
use crate::store::record::{self, Place, Record, RecordError};
use crate::words::MessageId;
use crate::words::message::{Kind, PartitionName};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Messages and bytes that are read in one go.
const PIECE_MESSAGES: usize = 256;
const PIECE_BYTES: usize = 1 << 20;
/// Records that one go looks at, when it looks for events.
const PIECE_RECORDS: u64 = 10_000;
/// Between two looks at whether turns that leave events have ended. They wait for nothing, but a migration may take long.
const LEAVING: Duration = Duration::from_millis(1);

/// Why reading did not succeed.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("record {sequence}: {error}")]
    Record { sequence: u64, error: RecordError },
    #[error("record {0} has made no such message as one that waits")]
    NoMessage(u64),
    #[error("the thread that read it failed")]
    Panicked,
}

/// Events that were missed, and where to read on.
struct Piece {
    events: VecDeque<Box<Envelope>>,
    next: u64,
}

impl Actor {
    /// Reads on, if some of what is to be handled is in the journal only. False when there is nothing to read.
    pub(super) async fn read_on(&mut self) -> bool {
        if self.partition.mailbox.is_behind() {
            let read = self.read_put_off().await;
            return self.noted(read);
        }
        let journal = self.router.ledger.keeps_records() && !self.router.ledger.is_full();
        // What is held takes up room, and waits for nothing but this.
        let has_room = self.partition.mailbox.has_recovered() || !self.held.is_empty();
        if journal && self.partition.subscription.is_cut_off() && has_room {
            let read = self.read_missed().await;
            return self.noted(read);
        }
        false
    }

    fn noted(&mut self, read: Result<(), ReadError>) -> bool {
        if let Err(error) = &read {
            self.reader = None;
            let reason = format!("what waits for it cannot be read from the journal: {error}");
            self.space.set_state(SpaceState::Blocked, &reason);
            self.space.note("error", format!("stopped: {reason}"));
        }
        read.is_ok()
    }

    /// Brings back what was put off first. An order that comes meanwhile goes first.
    async fn read_put_off(&mut self) -> Result<(), ReadError> {
        let wanted = self.partition.mailbox.next_put_off(PIECE_MESSAGES);
        let Some(newest) = wanted.iter().map(|id| id.sequence).max() else { return Ok(()) };
        let (router, mailbox) = (self.router.clone(), self.partition.mailbox.clone());
        tokio::select! {
            biased;
            () = mailbox.wait(WaitFor::Orders) => return Ok(()),
            () = router.gate.durable(newest) => {}
        }
        let read = self.reading(newest, move |reader| read_back(reader, &wanted)).await?;
        let taken = mailbox.take_back(read.len());
        for (mut envelope, put_off) in read.into_iter().zip(taken) {
            envelope.room = put_off.room;
            envelope.enqueued_ns = put_off.enqueued_ns;
            envelope.room.enter_window();
            self.batch.push_back(envelope);
        }
        Ok(())
    }

    /// Reads a piece of what was missed; the last one when all that is durable has been read.
    async fn read_missed(&mut self) -> Result<(), ReadError> {
        let durable = self.router.ledger.durable();
        let Some(from) = self.partition.subscription.unread_from() else { return Ok(()) };
        if from > durable {
            return self.read_last_missed(from).await;
        }
        let piece = self.read_piece(from, durable).await?;
        if !piece.events.is_empty() {
            others_have_left(&self.partition.subscription).await;
            self.take_missed(piece.events, piece.next, false);
        } else {
            self.partition.subscription.read_up_to(piece.next, 0);
            let ready = self.no_longer_held(piece.next);
            self.batch.extend(ready.into_values());
        }
        Ok(())
    }

    /// Events reach the partition again from now on. They wait in the mailbox until those are read that were left before.
    async fn read_last_missed(&mut self, mut from: u64) -> Result<(), ReadError> {
        self.partition.subscription.resume();
        others_have_left(&self.partition.subscription).await;
        let until = self.router.ledger.last();
        self.partition.subscription.resumed();
        self.router.gate.durable(until).await;
        let mut events = VecDeque::new();
        while from <= until {
            let piece = self.read_piece(from, until).await?;
            events.extend(piece.events);
            from = piece.next;
        }
        self.take_missed(events, from, true);
        let index = self.partition.name.index;
        self.space.note("info", format!("subscription of partition {index} goes on; it has read what it missed"));
        Ok(())
    }

    async fn read_piece(&mut self, from: u64, until: u64) -> Result<Piece, ReadError> {
        let name = self.partition.name.clone();
        let read = self.reading(from, move |reader| read_missed(reader, from, until, &name)).await;
        match read {
            Err(ReadError::Journal(JournalError::Gone { first })) => {
                self.reader = None;
                self.space.note(
                    "error",
                    format!(
                        "events of its subscription between {from} and {} are lost to it: the journal no longer keeps \
                         them",
                        first - 1
                    ),
                );
                Ok(Piece { events: VecDeque::new(), next: first })
            }
            read => read,
        }
    }

    /// Missed events are pending from here on, and handled next.
    fn take_missed(&mut self, mut events: VecDeque<Box<Envelope>>, next: u64, live: bool) {
        let pending =
            events.iter().map(|event| (chronicle::id(event.message.id), chronicle::message(&event.message, None)));
        let place = chronicle::place(&self.partition.name);
        let record = Record::CaughtUp { place, events: pending.collect(), next, live };
        let sequence = Scribe::default().submit(&self.router.ledger, &record);
        self.partition.subscription.read_up_to(next, events.len() as u64);
        for event in &mut events {
            event.depends_on = sequence;
            // A piece may overshoot the limit: it was read when half of the room was free.
            if let Ok(room) = self.partition.mailbox.reserve(event.message.weight(), Share::Replacement) {
                event.room = room;
                event.room.enter_window();
            }
        }
        // What came after some of them, and was pending before the host started, goes in between.
        let mut ready = self.no_longer_held(if live { u64::MAX } else { next });
        ready.extend(events.into_iter().map(|event| (event.message.id, event)));
        self.put_in_order(ready);
    }

    /// Between the events that have arrived meanwhile: a turn may have found room for some of its events, and for others not.
    fn put_in_order(&mut self, mut read: BTreeMap<MessageId, Box<Envelope>>) {
        let mut arrived = VecDeque::new();
        self.partition.mailbox.take_batch(&mut arrived);
        for envelope in arrived {
            if let Kind::Event(_) = envelope.message.kind {
                let later = read.split_off(&envelope.message.id);
                self.batch.extend(std::mem::replace(&mut read, later).into_values());
            }
            self.batch.push_back(envelope);
        }
        self.batch.extend(read.into_values());
    }

    /// Everything that was missed before `next` has been read.
    fn no_longer_held(&mut self, next: u64) -> BTreeMap<MessageId, Box<Envelope>> {
        let still_held = self.held.split_off(&MessageId { sequence: next, ordinal: 0 });
        std::mem::replace(&mut self.held, still_held)
    }

    /// Lets a thread read, with the reader of the last time if it has one: reading on is cheaper than beginning.
    async fn reading<T: Send + 'static>(
        &mut self,
        from: u64,
        read: impl FnOnce(&mut Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let journal = self.router.journal.clone().unwrap_or_default();
        let mut reader = self.reader.take().unwrap_or_else(|| Reader::new(journal, from));
        let reading = tokio::task::spawn_blocking(move || (read(&mut reader), reader));
        let (read, reader) = reading.await.map_err(|_| ReadError::Panicked)?;
        self.reader = Some(reader);
        read
    }
}

/// Waits until the turns that have left events by now have delivered those of their events that go before them: a turn may
/// find room for some and not for others, and its record may be durable before it has delivered anything.
async fn others_have_left(subscription: &Subscription) {
    subscription.look_who_leaves();
    while !subscription.have_left() {
        tokio::time::sleep(LEAVING).await;
    }
}

/// The messages of these ids, in their order.
fn read_back(reader: &mut Reader, wanted: &[MessageId]) -> Result<VecDeque<Box<Envelope>>, ReadError> {
    let mut by_record: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, id) in wanted.iter().enumerate() {
        by_record.entry(id.sequence).or_default().push(index);
    }
    let mut found = Vec::new();
    for (sequence, places) in by_record {
        let record = decode(sequence, reader.get(sequence)?)?;
        for index in places {
            let id = chronicle::id(wanted[index]);
            let message = record.made(id.ordinal).ok_or(ReadError::NoMessage(sequence))?;
            found.push((index, past::recorded(id, message.into())));
        }
    }
    found.sort_by_key(|(index, _)| *index);
    Ok(found.into_iter().map(|(_, envelope)| envelope).collect())
}

/// What the partition has missed from `from` on, a piece of it.
fn read_missed(reader: &mut Reader, from: u64, until: u64, name: &Arc<PartitionName>) -> Result<Piece, ReadError> {
    let place: Place<'_> = chronicle::place(name);
    let (mut events, mut bytes, mut next) = (VecDeque::new(), 0, from);
    while next <= until && next - from < PIECE_RECORDS && events.len() < PIECE_MESSAGES && bytes < PIECE_BYTES {
        let record = decode(next, reader.get(next)?)?;
        for (ordinal, message) in record.missed_by(place) {
            bytes += message.body.len();
            events.push_back(past::recorded(record::MessageId { sequence: next, ordinal }, message.into()));
        }
        next += 1;
    }
    Ok(Piece { events, next })
}

fn decode(sequence: u64, encoded: &[u8]) -> Result<Record<'_>, ReadError> {
    Record::decode(encoded).map_err(|error| ReadError::Record { sequence, error })
}
