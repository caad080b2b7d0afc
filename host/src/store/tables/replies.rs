//! What requests got: kept by the callee's record, under the caller's message, until that message is done with.
//!
//! Owns the index of callers that have replies, so that the many messages which asked nothing cost no search. Must not
//! know what is asked. A caller that was asked itself is pending nowhere: what it got is kept as long as anything is pending
//! that came from the same record, for it may be asked again. Other replies without a caller are forgotten at a start.

use super::Tables;
use super::apply::is_final;
use super::error::TablesError;
use super::keys::{self, Table};
use super::layers::Layers;
use super::rows::{self, ReplyRow};
use crate::store::record::{Message, MessageId, Outcome, Place, RequestId, Sender};
use std::collections::{BTreeMap, HashMap, HashSet};

/// By the prefix of a caller's keys, the ordinals of its replies, and the first record that made each: a caller that asks
/// something else under the same ordinal replaces a reply that the disk may have.
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
        self.0.entry(caller.to_owned()).or_default().entry(ordinal).or_insert(made);
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
        if !is_final(outcome) || !self.may_ask_again(place, request.caller)? {
            return Ok(());
        }
        let caller = keys::message(Table::Replies, place, request.caller);
        let key = keys::reply(caller.clone(), request.ordinal);
        // What was removed since the last flush is still on the disk, and must not come back when this is taken.
        let made = if self.layers.is_removed(&key) { self.layers.on_disk() } else { sequence };
        self.callers.note(&caller, request.ordinal, made);
        let row = ReplyRow { digest: request.digest, now_ms: request.now_ms, outcome: outcome.clone() };
        self.layers.put_row(Table::Replies, &key, &row)
    }

    /// A caller that is pending nowhere was told that time was up, or its client waits, and is not tried again. One that was
    /// asked itself may be asked again.
    fn may_ask_again(&self, place: Place<'_>, caller: MessageId) -> Result<bool, TablesError> {
        if crate::words::MessageId::is_request(caller.ordinal) {
            return Ok(true);
        }
        for table in [Table::Pending, Table::DeadLetters] {
            if self.layers.get(&keys::message(table, place, caller))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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

    /// At a start nothing is in hand but what is pending or a dead letter, and whatever these ask: nobody else will ask
    /// again. The id of a request has the sequence of its caller's, so the sequence tells.
    pub(super) fn forget_orphans(&mut self) -> Result<(), TablesError> {
        if self.callers.0.is_empty() {
            return Ok(());
        }
        let mut asking = HashSet::new();
        for table in [Table::Pending, Table::DeadLetters] {
            self.layers.for_each_key(table, |key| {
                asking.insert(message_of(key)?.sequence);
                Ok(())
            })?;
        }
        let callers: Vec<Vec<u8>> = self.callers.0.keys().cloned().collect();
        for caller in callers {
            if !asking.contains(&message_of(&caller)?.sequence) {
                self.forget_all(&caller)?;
            }
        }
        Ok(())
    }
}

fn message_of(key: &[u8]) -> Result<MessageId, TablesError> {
    let (_, id, _) = keys::message_of(key).ok_or_else(|| rows::corrupt(key, "it is no message's key"))?;
    Ok(id)
}
