//! The past, from the journal: events for a listener that comes back, and the turns of a space.
//!
//! Reads durable records only, on whatever thread asks; reading takes files, so that must not be one that has others to
//! serve. Fails when the past is no longer kept, or does not read.

use super::Runtime;
use super::api::{Failed, Published, TurnView};
use super::heard::{events_of, source};
use crate::store::journal::{JournalError, Reader};
use crate::store::record::{Consumed, Kind, Outcome, Record};
use crate::words::{MessageId, Pattern, SpaceName};
use std::collections::VecDeque;

/// Events read in one go, and bytes of their bodies: whichever is first.
const PAGE: usize = 256;
const PAGE_BYTES: usize = 4 << 20;
/// Records that one go looks at, at most.
const LOOKED_AT: u64 = 10_000;
/// How far back a look for turns begins; ten times as far whenever that finds too few.
const FIRST_LOOK: u64 = 10_000;

/// Why the past cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HistoryError {
    #[error("the host runs in memory and keeps no past")]
    NotKept,
    /// What was asked for has been retired; this is the first sequence that is still there.
    #[error("the journal begins at {first} by now")]
    Gone { first: u64 },
    #[error("the journal does not read: {0}")]
    Unreadable(String),
}

/// The events after one that was heard, up to the moment in which it was made.
pub struct Past {
    reader: Reader,
    after: MessageId,
    /// The last sequence that belongs to it; what comes later is heard live.
    pub until: u64,
    patterns: Vec<Pattern>,
}

impl Past {
    /// The same, with what has become durable since.
    pub fn up_to(self, until: u64) -> Self {
        Past { until, ..self }
    }

    /// The next events, in order; None at the end.
    pub fn page(&mut self) -> Result<Option<Vec<Published>>, HistoryError> {
        let (mut events, mut bytes, mut looked_at) = (Vec::new(), 0, 0);
        while let Some((sequence, encoded)) = self.reader.next(self.until)? {
            let record = decoded(encoded)?;
            let wanted = |topic: &str| self.patterns.iter().any(|pattern| pattern.matches(topic));
            events_of(sequence, &record, wanted, |event| {
                if event.id > self.after {
                    bytes += event.body.len();
                    events.push(event);
                }
            });
            looked_at += 1;
            if events.len() >= PAGE || bytes >= PAGE_BYTES || looked_at == LOOKED_AT {
                return Ok(Some(events));
            }
        }
        Ok((!events.is_empty()).then_some(events))
    }
}

impl Runtime {
    /// The events after `after` that match one of the patterns, as far as they are on disk now. A live listener must have been
    /// made before.
    pub fn events_after(&self, after: MessageId, patterns: Vec<Pattern>) -> Result<Past, HistoryError> {
        let until = self.0.router.ledger.durable();
        // Of a record that is done with as a whole nothing is wanted, and it may be gone.
        let first = after.sequence.saturating_add(u64::from(after.ordinal == u64::MAX));
        Ok(Past { reader: self.reader(first)?, after, until, patterns })
    }

    /// The same past, from a later sequence on.
    pub fn events_from(&self, first: u64, past: Past) -> Result<Past, HistoryError> {
        Ok(Past { reader: self.reader(first)?, ..past })
    }

    /// The last turns of a space, oldest first.
    pub fn history(&self, space: &SpaceName, last: usize) -> Result<Vec<TurnView>, HistoryError> {
        let until = self.0.router.ledger.durable();
        let mut depth = FIRST_LOOK;
        loop {
            let from = until.saturating_sub(depth).max(1);
            let (turns, all) = self.turns_from(from, until, space, last)?;
            if turns.len() >= last || all {
                let mut turns = Vec::from(turns);
                turns.iter_mut().filter(|turn| turn.name.is_none()).for_each(|turn| self.look_up(turn, until));
                return Ok(turns);
            }
            depth = depth.saturating_mul(10);
        }
    }

    /// And whether that is all there is.
    fn turns_from(
        &self,
        from: u64,
        until: u64,
        space: &SpaceName,
        last: usize,
    ) -> Result<(VecDeque<TurnView>, bool), HistoryError> {
        let mut reader = self.reader(from)?;
        let (mut turns, mut all) = (VecDeque::new(), from == 1);
        loop {
            match reader.next(until) {
                Ok(Some((sequence, encoded))) => {
                    turns.extend(turn_of(sequence, encoded, space)?);
                    if turns.len() > last {
                        turns.pop_front();
                    }
                }
                Ok(None) => return Ok((turns, all)),
                Err(JournalError::Gone { first }) => {
                    reader = self.reader(first)?;
                    all = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What a turn's record leaves to that which made its message. If that is retired, it stays open.
    pub(super) fn look_up(&self, turn: &mut TurnView, until: u64) {
        let Ok(mut reader) = self.reader(turn.message.sequence) else { return };
        let Ok(Some((_, encoded))) = reader.next(until) else { return };
        let Ok(record) = Record::decode(encoded) else { return };
        let message = record.made(turn.message.ordinal);
        if let Some(message) = message {
            turn.kind = Some(word(message.kind));
            turn.name = Some(message.name.to_owned());
            turn.source = Some(source(message.sender).to_owned());
        }
    }

    /// Shows every durable record that is kept, in order.
    pub(super) fn each_record(&self, mut show: impl FnMut(u64, Record<'_>)) -> Result<(), HistoryError> {
        let until = self.0.router.ledger.durable();
        let mut reader = self.reader(1)?;
        loop {
            match reader.next(until) {
                Ok(Some((sequence, encoded))) => {
                    show(sequence, decoded(encoded)?);
                }
                Ok(None) => return Ok(()),
                Err(JournalError::Gone { first }) => reader = self.reader(first)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn reader(&self, from: u64) -> Result<Reader, HistoryError> {
        let journal = self.0.router.journal.as_ref().ok_or(HistoryError::NotKept)?;
        Ok(Reader::new(journal, from.max(1)))
    }
}

impl From<JournalError> for HistoryError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Gone { first } => HistoryError::Gone { first },
            error => HistoryError::Unreadable(error.to_string()),
        }
    }
}

pub(super) fn decoded(encoded: &[u8]) -> Result<Record<'_>, HistoryError> {
    Record::decode(encoded).map_err(|error| HistoryError::Unreadable(error.to_string()))
}

pub(super) fn turn_of(sequence: u64, encoded: &[u8], space: &SpaceName) -> Result<Option<TurnView>, HistoryError> {
    let record = decoded(encoded)?;
    let Record::Turn(turn) = record else { return Ok(None) };
    if turn.place.space != space.as_str() {
        return Ok(None);
    }
    let (id, message) = match &turn.message {
        Consumed::Pending(id) => (*id, None),
        Consumed::Direct { id, message, .. } => (*id, Some(message)),
    };
    Ok(Some(TurnView {
        sequence,
        time_ms: turn.time_ms,
        partition: turn.place.partition,
        message: MessageId { sequence: id.sequence, ordinal: id.ordinal },
        kind: message.map(|message| word(message.kind)),
        name: message.map(|message| message.name.to_owned()),
        source: message.map(|message| source(message.sender).to_owned()),
        attempt: turn.attempt,
        failure: match turn.outcome {
            Outcome::Done(_) => None,
            Outcome::Failed(failure) => {
                Some(Failed { code: failure.code.to_owned(), message: failure.message.to_owned() })
            }
        },
        writes: turn.writes.len(),
        emitted: turn.emitted.len(),
    }))
}

pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "command",
        Kind::Event => "event",
        Kind::Timer => "timer",
    }
}
