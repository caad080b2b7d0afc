//! What requests got: kept by the callee's record, under the caller's message, until that message is done with.
//!
//! Owns the index of callers that have replies, so that the many messages which asked nothing cost no search. Must not
//! know what is asked. A reply to a caller that is gone is an orphan: no start shows it, and the next one forgets it.

use super::Tables;
use super::apply::is_final;
use super::error::TablesError;
use super::keys::{self, Table};
use super::layers::Layers;
use super::rows::{self, ReplyRow};
use crate::store::record::{Message, MessageId, Outcome, Place, RequestId, Sender};
use std::collections::{BTreeMap, HashMap};

/// By the prefix of a caller's keys, the ordinals of its replies, and the record that made each.
#[derive(Default)]
pub struct Callers(HashMap<Vec<u8>, BTreeMap<u32, u64>>);

impl Callers {
    pub fn load(layers: &Layers) -> Result<Self, TablesError> {
        let mut callers = Callers::default();
        for key in layers.keys_on_disk(Table::Replies) {
            let key = key?;
            let reply = keys::reply_of(&key).ok_or_else(|| rows::corrupt(&key, "it is no reply's key"))?;
            let (place, caller, ordinal) = reply;
            callers.note(&keys::message(Table::Replies, place, caller), ordinal, layers.on_disk());
        }
        Ok(callers)
    }

    fn note(&mut self, caller: &[u8], ordinal: u32, made: u64) {
        self.0.entry(caller.to_owned()).or_default().insert(ordinal, made);
    }

    pub fn forget_space(&mut self, space: &str) {
        let prefix = keys::of_space(Table::Replies, space);
        self.0.retain(|caller, _| !caller.starts_with(&prefix));
    }
}

impl Tables {
    /// The callee's turn has ended. The caller is the partition that sent the message.
    pub(super) fn keep_reply(
        &mut self,
        sequence: u64,
        message: &Message<'_>,
        request: &RequestId,
        outcome: &Outcome<'_>,
    ) -> Result<(), TablesError> {
        let Sender::Partition(place) = message.sender else { return Err(TablesError::Unasked { sequence }) };
        if !is_final(outcome) {
            return Ok(());
        }
        let caller = keys::message(Table::Replies, place, request.caller);
        self.callers.note(&caller, request.ordinal, sequence);
        let row = ReplyRow { digest: request.digest, outcome: outcome.clone() };
        self.layers.put_row(Table::Replies, &keys::reply(caller, request.ordinal), &row)
    }

    pub(super) fn forget_replies(&mut self, place: Place<'_>, caller: MessageId) -> Result<(), TablesError> {
        match self.callers.0.is_empty() {
            true => Ok(()),
            false => self.forget_all(&keys::message(Table::Replies, place, caller)),
        }
    }

    fn forget_all(&mut self, caller: &[u8]) -> Result<(), TablesError> {
        for (ordinal, made) in self.callers.0.remove(caller).unwrap_or_default() {
            self.layers.take(&keys::reply(caller.to_owned(), ordinal), made)?;
        }
        Ok(())
    }

    /// At a start nothing is in hand but what is pending or a dead letter: nobody else will ask again.
    pub(super) fn forget_orphans(&mut self) -> Result<(), TablesError> {
        let callers: Vec<Vec<u8>> = self.callers.0.keys().cloned().collect();
        for caller in callers {
            if !self.will_ask_again(&caller)? {
                self.forget_all(&caller)?;
            }
        }
        Ok(())
    }

    fn will_ask_again(&self, caller: &[u8]) -> Result<bool, TablesError> {
        let (place, id, _) = keys::message_of(caller).ok_or_else(|| rows::corrupt(caller, "it is no reply's key"))?;
        for table in [Table::Pending, Table::DeadLetters] {
            if self.layers.get(&keys::message(table, place, id))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
