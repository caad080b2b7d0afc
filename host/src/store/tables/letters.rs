//! Dead letters: set aside whole, taken back under their id, or dropped.
//!
//! Must not know why a message was given up. The replies that a dead letter has got stay until it is handled or dropped.

use super::Tables;
use super::error::TablesError;
use super::keys::{self, Table};
use super::rows::{self, DeadLetterRow, PendingRow};
use crate::store::record::{Consumed, Failure, Message, MessageId, Outcome, Place};

/// How a message came to be set aside.
pub struct Burial<'r> {
    pub place: Place<'r>,
    pub attempts: u32,
    pub failure: &'r Failure<'r>,
    pub time_ms: u64,
}

impl Tables {
    pub(super) fn bury(
        &mut self,
        sequence: u64,
        consumed: &Consumed<'_>,
        burial: &Burial<'_>,
    ) -> Result<(), TablesError> {
        match consumed {
            Consumed::Pending(id) => {
                let (key, value) = self.take_message(sequence, Table::Pending, burial.place, *id)?;
                let row: PendingRow = rows::decode(&key, &value)?;
                self.set_aside(sequence, *id, row.message, burial)
            }
            Consumed::Direct { id, message, .. } => self.set_aside(sequence, *id, message.clone(), burial),
        }
    }

    fn set_aside(
        &mut self,
        sequence: u64,
        id: MessageId,
        message: Message<'_>,
        burial: &Burial<'_>,
    ) -> Result<(), TablesError> {
        self.end_firing(burial.place, &message, burial.time_ms)?;
        if message.tracked {
            self.keep_outcome(sequence, id, burial.time_ms, Outcome::Failed(burial.failure.clone()))?;
        }
        let Burial { attempts, time_ms, .. } = *burial;
        let row = DeadLetterRow { attempts, time_ms, failure: burial.failure.clone(), message };
        self.layers.put_row(Table::DeadLetters, &keys::message(Table::DeadLetters, burial.place, id), &row)
    }

    pub(super) fn exhume(
        &mut self,
        sequence: u64,
        place: Place<'_>,
        id: MessageId,
        retry: bool,
    ) -> Result<(), TablesError> {
        let (key, value) = self.take_message(sequence, Table::DeadLetters, place, id)?;
        if !retry {
            return self.forget_replies(place, id);
        }
        let DeadLetterRow { message, .. } = rows::decode(&key, &value)?;
        let row = PendingRow { attempts: 0, due_ms: None, retried: true, message };
        self.layers.put_row(Table::Pending, &keys::message(Table::Pending, place, id), &row)
    }
}
