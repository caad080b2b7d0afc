//! What turns and migrations leave behind: written state, timers, and messages that are pending from then on.
//!
//! Must not know which message was consumed. Fails on a key longer than the database takes.

use super::Tables;
use super::error::TablesError;
use super::keys::{self, Table};
use super::rows::{PendingRow, TimerRow};
use crate::store::record::{Emitted, Message, MessageId, Migrated, Place, TimerChange, Turn, Write};
use fjall::UserValue;

/// The longest key that fjall takes.
const LONGEST_KEY: usize = u16::MAX as usize;

pub struct Effects<'r> {
    writes: &'r [Write<'r>],
    emitted: &'r [Emitted<'r>],
    timers: &'r [TimerChange<'r>],
}

impl<'r> From<&'r Turn<'_>> for Effects<'r> {
    fn from(turn: &'r Turn<'_>) -> Self {
        Effects { writes: &turn.writes, emitted: &turn.emitted, timers: &turn.timers }
    }
}

impl<'r> From<&'r Migrated<'_>> for Effects<'r> {
    fn from(migrated: &'r Migrated<'_>) -> Self {
        Effects { writes: &migrated.writes, emitted: &migrated.emitted, timers: &migrated.timers }
    }
}

impl Tables {
    /// The messages are numbered from `first` on.
    pub(super) fn take_effect(
        &mut self,
        place: Place<'_>,
        first: MessageId,
        effects: Effects<'_>,
    ) -> Result<(), TablesError> {
        for write in effects.writes {
            self.write(first.sequence, place, write)?;
        }
        for change in effects.timers {
            self.change_timer(place, change)?;
        }
        for (emitted, ordinal) in effects.emitted.iter().zip(first.ordinal..) {
            self.deliver(MessageId { ordinal, ..first }, &emitted.message, &emitted.to)?;
            self.miss(first.sequence, &emitted.missed)?;
        }
        Ok(())
    }

    fn write(&mut self, sequence: u64, place: Place<'_>, write: &Write<'_>) -> Result<(), TablesError> {
        let key = keys::at(Table::State, place, write.key);
        if key.len() > LONGEST_KEY {
            return Err(TablesError::LongKey { sequence, bytes: key.len(), most: LONGEST_KEY });
        }
        match write.value {
            Some(value) => self.layers.put(&key, UserValue::from(value)),
            None => self.layers.remove(&key),
        }
        Ok(())
    }

    fn change_timer(&mut self, place: Place<'_>, change: &TimerChange<'_>) -> Result<(), TablesError> {
        match *change {
            TimerChange::Set { name, body, due_ms, every_ms } => {
                let key = keys::at(Table::Timers, place, name.as_bytes());
                self.layers.put_row(Table::Timers, &key, &TimerRow { due_ms, every_ms, firing: false, body })
            }
            TimerChange::Cancel { name } => {
                self.layers.remove(&keys::at(Table::Timers, place, name.as_bytes()));
                Ok(())
            }
        }
    }

    /// The message is pending at each place.
    pub(super) fn deliver(
        &mut self,
        id: MessageId,
        message: &Message<'_>,
        to: &[Place<'_>],
    ) -> Result<(), TablesError> {
        if to.is_empty() {
            return Ok(());
        }
        let row = PendingRow { attempts: 0, due_ms: None, retried: false, message: message.clone() };
        let value = self.layers.encode(Table::Pending, &row)?;
        for place in to {
            self.layers.put(&keys::message(Table::Pending, *place, id), value.clone());
        }
        Ok(())
    }
}
