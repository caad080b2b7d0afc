//! Firings: a one-shot is gone when it fires, an interval waits for the end of the turn and goes on.
//!
//! Owns the rule that the runtime's timers follow too; must not know what the firing did.

use super::Tables;
use super::error::TablesError;
use super::keys::{self, Table};
use super::rows::{self, TimerRow};
use crate::store::record::{Kind, Message, MessageId, Place};

impl Tables {
    /// The firing is pending from here on, and the timer does not fire again before it has ended.
    pub(super) fn fire(&mut self, sequence: u64, place: Place<'_>, message: &Message<'_>) -> Result<(), TablesError> {
        let key = keys::at(Table::Timers, place, message.name.as_bytes());
        let Some(value) = self.layers.get(&key)? else {
            return Err(TablesError::Missing { sequence, table: Table::Timers.name(), key: keys::describe(&key) });
        };
        let row: TimerRow = rows::decode(&key, &value)?;
        match row.every_ms {
            None => self.layers.remove(&key),
            Some(_) => self.layers.put_row(Table::Timers, &key, &TimerRow { firing: true, ..row })?,
        }
        self.deliver(MessageId { sequence, ordinal: 0 }, message, &[place])
    }

    /// The message has been handled or set aside; if it was a firing, its interval goes on. Comes before what the turn itself
    /// did to the timer.
    pub(super) fn end_firing(
        &mut self,
        place: Place<'_>,
        message: &Message<'_>,
        time_ms: u64,
    ) -> Result<(), TablesError> {
        if message.kind != Kind::Timer {
            return Ok(());
        }
        let key = keys::at(Table::Timers, place, message.name.as_bytes());
        // Since it fired, another turn may have cancelled the timer or set it anew: then there is nothing to go on with.
        let Some(value) = self.layers.get(&key)? else { return Ok(()) };
        let row: TimerRow = rows::decode(&key, &value)?;
        match row.every_ms {
            Some(every_ms) if row.firing => {
                let due_ms = next_multiple(row.due_ms, every_ms, time_ms);
                self.layers.put_row(Table::Timers, &key, &TimerRow { due_ms, firing: false, ..row })
            }
            _ => Ok(()),
        }
    }
}

/// Missed firings collapse into the one that has just run.
fn next_multiple(due_ms: u64, every_ms: u64, time_ms: u64) -> u64 {
    let every_ms = every_ms.max(1);
    let missed = time_ms.saturating_sub(due_ms) / every_ms;
    due_ms.saturating_add(every_ms.saturating_mul(missed.saturating_add(1)))
}
