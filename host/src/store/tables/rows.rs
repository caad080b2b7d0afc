//! The values of the tables: what is kept of messages, timers, replies and outcomes, borrowed from where they were read.
//!
//! Owns their shape and encoding (postcard; the tables' format number stands for all of them); must not know keys or how
//! rows come about. A value that does not decode, or leaves bytes over, is an error that names its table and key.

use super::error::TablesError;
use super::keys::{self, Table};
use crate::store::record::{Failure, Message, MessageId, Outcome, WebhookLetter};
use fjall::UserValue;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingRow<'a> {
    /// Attempts that have failed.
    pub attempts: u32,
    /// When its back-off is over.
    pub due_ms: Option<u64>,
    /// It was a dead letter and is handled again.
    pub retried: bool,
    #[serde(borrow)]
    pub message: Message<'a>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterRow<'a> {
    pub attempts: u32,
    pub time_ms: u64,
    #[serde(borrow)]
    pub failure: Failure<'a>,
    #[serde(borrow)]
    pub message: Message<'a>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimerRow<'a> {
    pub due_ms: u64,
    pub every_ms: Option<u64>,
    /// An interval that has fired, and whose turn has not ended.
    pub firing: bool,
    #[serde(with = "serde_bytes")]
    pub body: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplyRow<'a> {
    /// Of target, command and body.
    pub digest: [u8; 32],
    /// The caller's time.
    pub now_ms: Option<u64>,
    #[serde(borrow)]
    pub outcome: Outcome<'a>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdempotencyRow<'a> {
    pub key: [u8; 32],
    pub content: [u8; 32],
    pub time_ms: u64,
    #[serde(borrow)]
    pub answer: AnswerRow<'a>,
}

/// What a client with a key was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AnswerRow<'a> {
    Accepted(MessageId),
    #[serde(borrow)]
    Ended(Outcome<'a>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeRow<'a> {
    pub message: MessageId,
    pub time_ms: u64,
    #[serde(borrow)]
    pub outcome: Outcome<'a>,
}

/// A subscription that is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionRow {
    /// From here on the journal may hold what it has missed and not yet read.
    pub from: u64,
    /// The last record with an event that it missed.
    pub last_missed: u64,
}

/// How far a webhook has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// It is done with all events up to this one.
    pub cursor: MessageId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookLetterRow<'a> {
    /// It is to be posted again.
    pub retried: bool,
    #[serde(borrow)]
    pub letter: WebhookLetter<'a>,
}

/// Encodes by way of `scratch`, so that the value is allocated once and at its size.
pub fn encode(table: Table, row: &impl Serialize, scratch: &mut Vec<u8>) -> Result<UserValue, TablesError> {
    scratch.clear();
    match postcard::to_extend(row, std::mem::take(scratch)) {
        Ok(encoded) => {
            *scratch = encoded;
            Ok(UserValue::from(scratch.as_slice()))
        }
        Err(error) => Err(TablesError::Unwritable { table: table.name(), reason: error.to_string() }),
    }
}

pub fn decode<'v, T: Deserialize<'v>>(key: &[u8], value: &'v [u8]) -> Result<T, TablesError> {
    match postcard::take_from_bytes(value) {
        Ok((row, [])) => Ok(row),
        Ok((_, rest)) => Err(corrupt(key, format!("its value has {} bytes too many", rest.len()))),
        Err(error) => Err(corrupt(key, format!("its value does not decode: {error}"))),
    }
}

pub fn corrupt(key: &[u8], reason: impl Into<String>) -> TablesError {
    let table = Table::of(key).map_or("unknown", Table::name);
    TablesError::Corrupt { table, key: keys::describe(key), reason: reason.into() }
}
