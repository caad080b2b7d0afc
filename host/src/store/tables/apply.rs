//! What each record means for the tables.
//!
//! Owns the dispatch and the end of a message; its effects, timers, replies and set-asides have files of their own. A
//! record that names what is not there is an error: the journal and the tables then disagree, and guessing would lose or
//! repeat something.

use super::Tables;
use super::effects::Effects;
use super::error::TablesError;
use super::keys::{self, Table};
use super::letters::Burial;
use super::rows::{self, AnswerRow, IdempotencyRow, OutcomeRow, PendingRow};
use crate::store::record::{
    Consumed, Idempotency, Message, MessageId, Migrated, Outcome, Place, Record, Turn, Version,
};
use fjall::UserValue;

impl Tables {
    pub(super) fn take_in(&mut self, sequence: u64, record: &Record<'_>) -> Result<(), TablesError> {
        match record {
            Record::Started { .. } => self.forget_orphans(),
            Record::Accepted { message, to, missed, time_ms } => {
                self.accept(sequence, message, *time_ms)?;
                self.deliver(MessageId { sequence, ordinal: 0 }, message, to)?;
                self.miss(sequence, missed)
            }
            Record::Fired { place, message, .. } => self.fire(sequence, *place, message),
            Record::Turn(turn) => self.turn(sequence, turn),
            Record::Setback { place, message, attempt, due_ms } => {
                let (key, value) = self.take_message(sequence, Table::Pending, *place, *message)?;
                let row: PendingRow = rows::decode(&key, &value)?;
                let row = PendingRow { attempts: *attempt, due_ms: Some(*due_ms), ..row };
                self.layers.put_row(Table::Pending, &key, &row)
            }
            Record::Buried { place, message, attempts, failure, time_ms } => {
                let burial = Burial { place: *place, attempts: *attempts, failure, time_ms: *time_ms };
                self.bury(sequence, message, &burial)
            }
            Record::Exhumed { place, message, retry } => self.exhume(sequence, *place, *message, *retry),
            Record::Deployed { space, version, migrated, .. } => self.deploy(sequence, space, version, migrated),
            Record::CaughtUp { place, events, next, live } => self.catch_up(*place, events, *next, *live),
            Record::Remembered { space, memory } => {
                self.layers.put_row(Table::Memories, &keys::named(Table::Memories, space), memory)
            }
            Record::Reloaded { .. } => Ok(()),
            Record::Purged { space } => self.purge(sequence, space),
            Record::WebhooksMoved { cursors } => {
                cursors.iter().try_for_each(|(webhook, cursor)| self.move_webhook(webhook, *cursor))
            }
            Record::WebhookBuried { webhook, event, letter } => self.bury_for_webhook(webhook, *event, letter),
            Record::WebhookExhumed { webhook, events, retry } => {
                events.iter().try_for_each(|event| self.exhume_for_webhook(webhook, *event, *retry))
            }
            Record::WebhookForgotten { webhook } => self.forget_webhook(webhook),
        }
    }

    /// Whoever repeats it under its key is told again that it was accepted, whatever becomes of it.
    fn accept(&mut self, sequence: u64, message: &Message<'_>, time_ms: u64) -> Result<(), TablesError> {
        let Some(idempotency) = message.idempotency else { return Ok(()) };
        self.keep_answer(sequence, idempotency, time_ms, AnswerRow::Accepted(MessageId { sequence, ordinal: 0 }))
    }

    pub(super) fn turn(&mut self, sequence: u64, turn: &Turn<'_>) -> Result<(), TablesError> {
        match &turn.message {
            Consumed::Pending(id) => {
                let (key, value) = self.take_message(sequence, Table::Pending, turn.place, *id)?;
                let row: PendingRow = rows::decode(&key, &value)?;
                self.end_message(sequence, turn, *id, &row.message)?;
            }
            Consumed::Direct { id, message, request } => {
                if let Some(request) = request {
                    self.keep_reply(sequence, message, request, &turn.outcome)?;
                }
                if let Some(idempotency) = message.idempotency
                    && is_final(&turn.outcome)
                {
                    self.keep_answer(sequence, idempotency, turn.time_ms, AnswerRow::Ended(turn.outcome.clone()))?;
                }
                self.end_message(sequence, turn, *id, message)?;
            }
        }
        self.take_effect(turn.place, MessageId { sequence, ordinal: 0 }, Effects::from(turn))
    }

    /// A turn is through with its message: what it got from others is of no more use, what it came to may be asked for.
    fn end_message(
        &mut self,
        sequence: u64,
        turn: &Turn<'_>,
        id: MessageId,
        message: &Message<'_>,
    ) -> Result<(), TablesError> {
        self.forget_replies(turn.place, id)?;
        self.end_firing(turn.place, message, turn.time_ms)?;
        match message.tracked {
            true => self.keep_outcome(sequence, id, turn.time_ms, turn.outcome.clone()),
            false => Ok(()),
        }
    }

    pub(super) fn keep_outcome(
        &mut self,
        sequence: u64,
        message: MessageId,
        time_ms: u64,
        outcome: Outcome<'_>,
    ) -> Result<(), TablesError> {
        let key = keys::timed(Table::Outcomes, time_ms, sequence);
        self.layers.put_row(Table::Outcomes, &key, &OutcomeRow { message, time_ms, outcome })
    }

    fn keep_answer(
        &mut self,
        sequence: u64,
        idempotency: Idempotency,
        time_ms: u64,
        answer: AnswerRow<'_>,
    ) -> Result<(), TablesError> {
        let Idempotency { key, content } = idempotency;
        let row = IdempotencyRow { key, content, time_ms, answer };
        self.layers.put_row(Table::Idempotency, &keys::timed(Table::Idempotency, time_ms, sequence), &row)
    }

    /// Takes a message out of `pending` or `dead_letters`, where it must be.
    pub(super) fn take_message(
        &mut self,
        sequence: u64,
        table: Table,
        place: Place<'_>,
        id: MessageId,
    ) -> Result<(Vec<u8>, UserValue), TablesError> {
        let key = keys::message(table, place, id);
        match self.layers.take(&key, id.sequence)? {
            Some(value) => Ok((key, value)),
            None => Err(TablesError::Missing { sequence, table: table.name(), key: keys::describe(&key) }),
        }
    }

    fn deploy(
        &mut self,
        sequence: u64,
        space: &str,
        version: &Version<'_>,
        migrated: &[&[u8]],
    ) -> Result<(), TablesError> {
        self.layers.put_row(Table::Spaces, &keys::named(Table::Spaces, space), version)?;
        let mut ordinal = 0;
        for encoded in migrated {
            let changes = Migrated::decode(encoded).map_err(|reason| TablesError::Record { sequence, reason })?;
            let place = Place { space, partition: changes.partition };
            self.take_effect(place, MessageId { sequence, ordinal }, Effects::from(&changes))?;
            ordinal += changes.emitted.len() as u64;
        }
        Ok(())
    }

    fn purge(&mut self, sequence: u64, space: &str) -> Result<(), TablesError> {
        self.layers.purge(sequence, space)?;
        self.callers.forget_space(space);
        Ok(())
    }
}

/// Whether the same question may get the same answer from now on.
pub(super) fn is_final(outcome: &Outcome<'_>) -> bool {
    match outcome {
        Outcome::Done(_) => true,
        Outcome::Failed(failure) => !failure.retryable,
    }
}
