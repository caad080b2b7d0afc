//! Messages: what travels between spaces, clients and timers, and how each is identified.
//!
//! Knows nothing of mailboxes, replies or retries: those belong to the runtime.

use super::topic::SpaceName;
use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// The sequence of the turn, acceptance or firing that made a message, and its place among that turn's messages. For commands
/// that someone waits for the sequence of the host's start, and a count; for requests see `of_request`. The same for each
/// attempt at handling it, also after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    pub sequence: u64,
    pub ordinal: u64,
}

impl MessageId {
    /// Stands in until the turn that makes the message commits.
    pub const TO_COME: MessageId = MessageId { sequence: 0, ordinal: 0 };
    /// Set in the ordinals of requests: no turn makes that many messages.
    const REQUEST: u64 = 1 << 63;

    /// The id of the request that `caller` makes as its `ordinal`th while it handles this message. (An event has one id at all
    /// its subscribers, so the caller counts.) It follows from these alone, so that a caller that is handled again after a
    /// crash asks under the same id, and whoever it asks gets what it got before. It has the message's sequence.
    pub fn of_request(self, caller: &PartitionName, ordinal: u32) -> MessageId {
        let numbers = [self.sequence, self.ordinal, u64::from(ordinal), u64::from(caller.index)].map(u64::to_le_bytes);
        let bytes = [numbers.as_flattened(), caller.space.as_str().as_bytes()].concat();
        MessageId { sequence: self.sequence, ordinal: xxhash_rust::xxh3::xxh3_64(&bytes) | Self::REQUEST }
    }

    /// Whether it is the id of a request.
    pub fn is_request(ordinal: u64) -> bool {
        ordinal & Self::REQUEST != 0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.sequence, self.ordinal)
    }
}

impl std::str::FromStr for MessageId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (sequence, ordinal) = text.split_once('-').ok_or(())?;
        let parse = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse::<u64>().ok());
        Ok(MessageId { sequence: parse(sequence).flatten().ok_or(())?, ordinal: parse(ordinal).flatten().ok_or(())? })
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One partition of one space.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionName {
    pub space: SpaceName,
    pub index: u32,
}

impl fmt::Display for PartitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.space, self.index)
    }
}

/// Who sent a message. Messages of one sender to one partition are handled in the order sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sender {
    Partition(Arc<PartitionName>),
    /// A client connection. 0: a client of whom nothing is known, and whose messages are in no order.
    Client(u64),
    Timer,
    Host,
}

impl Sender {
    /// What `context.source` shows.
    pub fn source(&self) -> &str {
        match self {
            Sender::Partition(name) => name.space.as_str(),
            Sender::Client(_) => "client",
            Sender::Timer => "timer",
            Sender::Host => "host",
        }
    }

    /// Whether a message of this sender in back-off holds back its later ones.
    pub fn is_ordered(&self) -> bool {
        matches!(self, Sender::Partition(_) | Sender::Client(1..))
    }
}

/// Which handler a message is for; with the command, topic or timer name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Command(Arc<str>),
    Event(Arc<str>),
    Timer(Arc<str>),
}

impl Kind {
    pub fn name(&self) -> &Arc<str> {
        match self {
            Kind::Command(name) | Kind::Event(name) | Kind::Timer(name) => name,
        }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Kind::Command(_) => "command",
            Kind::Event(_) => "event",
            Kind::Timer(_) => "timer",
        }
    }
}

/// Names in lower case, and values. Shared, because most messages pass on the headers of another or have none.
pub type Headers = Option<Arc<Vec<(String, String)>>>;

/// Headers that every message passes on to those it causes.
pub const INHERITED_HEADERS: [&str; 3] = ["traceparent", "tracestate", "correlation-id"];

#[derive(Debug, Clone)]
pub struct Message {
    pub id: MessageId,
    pub sender: Sender,
    pub kind: Kind,
    pub body: Bytes,
    pub key: Option<Arc<str>>,
    pub headers: Headers,
    /// How many turns led from a client or a timer to this message.
    pub hops: u16,
}

impl Message {
    /// Of the trace that the message belongs to, if its `traceparent` says so.
    pub fn trace_id(&self) -> Option<&str> {
        let headers = self.headers.as_deref()?;
        let (_, value) = headers.iter().find(|(name, _)| name == "traceparent")?;
        let id = value.split('-').nth(1)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (id.len() == 32 && id.bytes().all(is_hex)).then_some(id)
    }

    /// What it weighs in a mailbox.
    pub fn weight(&self) -> usize {
        weigh(&self.body, &self.headers)
    }
}

/// The weight of a message: its payload, and a flat sum for all the rest.
pub fn weigh(body: &[u8], headers: &Headers) -> usize {
    const FLAT: usize = 256;
    /// Where name and value lie.
    const HEADER: usize = size_of::<(String, String)>();
    let headers = headers.as_deref().map_or(0, |h| h.iter().map(|(n, v)| HEADER + n.len() + v.len()).sum());
    FLAT + body.len() + headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_sequence_of_its_caller_and_an_id_of_its_own() {
        let event = MessageId { sequence: 42, ordinal: 7 };
        let [a, b] = ["a", "b"].map(|space| PartitionName { space: SpaceName::parse(space).unwrap(), index: 0 });
        let first = event.of_request(&a, 0);
        assert_eq!((first.sequence, event.of_request(&a, 0)), (42, first));
        let others = [event.of_request(&a, 1), event.of_request(&b, 0), first.of_request(&b, 0)];
        assert!(others.iter().all(|other| *other != first && other.sequence == 42));
        assert!(MessageId::is_request(first.ordinal) && !MessageId::is_request(event.ordinal));
    }

    #[test]
    fn an_id_reads_back_as_written() {
        let id = MessageId { sequence: 42, ordinal: 7 };
        assert_eq!(id.to_string(), "42-7");
        assert_eq!("42-7".parse(), Ok(id));
        for bad in ["", "42", "42-", "-7", "a-b", "42-7-1", "+1-2", "1-99999999999999999999"] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad}");
        }
    }
}
