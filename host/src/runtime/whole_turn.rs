//! One turn in full: what came in, what was answered, what was written and sent, from the journal.
//!
//! Owns what is left out of it, because it is shown to people: no answer of the host grows with what guests may store. Must
//! not know who asks. Fails as `history` does.

use super::Runtime;
use super::api::TurnView;
use super::history::{HistoryError, decoded, turn_of, word};
use crate::store::record::{Consumed, MessageId, Outcome, Record, Turn};
use crate::words::SpaceName;
use bytes::Bytes;

/// Bytes of one payload, at most; of a larger one only the size is told.
const SHOWN_BYTES: usize = 256 << 10;
/// Keys and messages, at most. The view counts all.
const SHOWN: usize = 100;

#[derive(Debug)]
pub struct WholeTurn {
    pub view: TurnView,
    /// None if what made the message is no longer kept.
    pub body: Option<Told>,
    /// None: it failed.
    pub reply: Option<Told>,
    pub written: Vec<Bytes>,
    pub sent: Vec<Sent>,
}

/// A payload, if it is not too large to show.
#[derive(Debug)]
pub struct Told {
    pub size: usize,
    pub bytes: Option<Bytes>,
}

#[derive(Debug)]
pub struct Sent {
    pub kind: &'static str,
    pub name: String,
    pub body: Told,
}

impl Runtime {
    /// The turn of that sequence, if it is one of this space's.
    pub fn turn(&self, space: &SpaceName, sequence: u64) -> Result<Option<WholeTurn>, HistoryError> {
        let until = self.0.router.ledger.durable();
        let mut reader = self.reader(sequence)?;
        let Some((found, encoded)) = reader.next(until)?.filter(|(found, _)| *found == sequence) else {
            return Ok(None);
        };
        let Some(mut view) = turn_of(found, encoded, space)? else { return Ok(None) };
        let Record::Turn(turn) = decoded(encoded)? else { return Ok(None) };
        let body = match &turn.message {
            Consumed::Direct { message, .. } => Some(told(message.body)),
            Consumed::Pending(id) => self.body_of(*id, until),
        };
        if view.name.is_none() {
            self.look_up(&mut view, until);
        }
        Ok(Some(whole(view, body, &turn)))
    }

    fn body_of(&self, id: MessageId, until: u64) -> Option<Told> {
        let mut reader = self.reader(id.sequence).ok()?;
        let (_, encoded) = reader.next(until).ok()??;
        Some(told(decoded(encoded).ok()?.made(id.ordinal)?.body))
    }
}

fn whole(view: TurnView, body: Option<Told>, turn: &Turn<'_>) -> WholeTurn {
    let reply = match &turn.outcome {
        Outcome::Done(reply) => Some(told(reply)),
        Outcome::Failed(_) => None,
    };
    let written = turn.writes.iter().take(SHOWN).map(|write| Bytes::copy_from_slice(write.key)).collect();
    let sent = turn.emitted.iter().take(SHOWN).map(|emitted| &emitted.message);
    let sent =
        sent.map(|message| Sent { kind: word(message.kind), name: message.name.to_owned(), body: told(message.body) });
    WholeTurn { view, body, reply, written, sent: sent.collect() }
}

fn told(bytes: &[u8]) -> Told {
    Told { size: bytes.len(), bytes: (bytes.len() <= SHOWN_BYTES).then(|| Bytes::copy_from_slice(bytes)) }
}
