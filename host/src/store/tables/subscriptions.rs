//! Subscriptions that are cut off: from where each has still to read what it missed.
//!
//! A row is there as long as something may be unread. Must not know why a subscription was cut off or who reads.

use super::Tables;
use super::error::TablesError;
use super::keys::{self, Table};
use super::rows::{self, SubscriptionRow};
use crate::store::record::{Message, MessageId, Place};

impl Tables {
    /// An event of record `sequence` did not reach these places.
    pub(super) fn miss(&mut self, sequence: u64, missed: &[Place<'_>]) -> Result<(), TablesError> {
        for place in missed {
            let from = self.subscription(*place)?.map_or(sequence, |row| row.from);
            self.put_subscription(*place, SubscriptionRow { from, last_missed: sequence })?;
        }
        Ok(())
    }

    /// These events are pending now, and reading goes on at `next`. What is missed from there on is still to be read, also
    /// when events reach the subscription again.
    pub(super) fn catch_up(
        &mut self,
        place: Place<'_>,
        events: &[(MessageId, Message<'_>)],
        next: u64,
        live: bool,
    ) -> Result<(), TablesError> {
        for (id, event) in events {
            self.deliver(*id, event, &[place])?;
        }
        match self.subscription(place)? {
            Some(row) if !live || row.last_missed >= next => {
                self.put_subscription(place, SubscriptionRow { from: next, ..row })
            }
            Some(_) => {
                self.layers.remove(&keys::at(Table::Subscriptions, place, b""));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn subscription(&self, place: Place<'_>) -> Result<Option<SubscriptionRow>, TablesError> {
        let key = keys::at(Table::Subscriptions, place, b"");
        let Some(value) = self.layers.get(&key)? else { return Ok(None) };
        rows::decode(&key, &value).map(Some)
    }

    fn put_subscription(&mut self, place: Place<'_>, row: SubscriptionRow) -> Result<(), TablesError> {
        self.layers.put_row(Table::Subscriptions, &keys::at(Table::Subscriptions, place, b""), &row)
    }
}
