//! The end of a timer's firing: a one-shot is gone, an interval goes on.
//!
//! Owns the rule that the runtime's timers follow too; must not know what the firing did.

use super::Tables;
use super::error::TablesError;
use super::keys::{self, Table};
use super::rows::{self, TimerRow};
use crate::store::record::{Kind, Message, Place};

impl Tables {
    /// The turn of a firing has ended, one way or the other. Comes before what the turn itself did to the timer.
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
        // While the firing was in back-off another turn may have cancelled the timer.
        let Some(value) = self.layers.get(&key)? else { return Ok(()) };
        let row: TimerRow = rows::decode(&key, &value)?;
        match row.every_ms {
            // It is not due, so it is not what fired: while the firing was in back-off another turn has set it anew.
            _ if row.due_ms > time_ms => Ok(()),
            None => {
                self.layers.remove(&key);
                Ok(())
            }
            Some(every_ms) => {
                let due_ms = next_multiple(row.due_ms, every_ms, time_ms);
                self.layers.put_row(Table::Timers, &key, &TimerRow { due_ms, ..row })
            }
        }
    }
}

/// Missed firings collapse into the one that has just run.
fn next_multiple(due_ms: u64, every_ms: u64, time_ms: u64) -> u64 {
    let every_ms = every_ms.max(1);
    let missed = time_ms.saturating_sub(due_ms) / every_ms;
    due_ms.saturating_add(every_ms.saturating_mul(missed.saturating_add(1)))
}
