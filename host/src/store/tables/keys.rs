//! The keys of the tables: one byte for the table, then what the table is ordered by.
//!
//! Owns their layout and how they are shown in errors; must not know values. Numbers are big-endian and a space's name
//! ends with a byte that no name has, so that keys sort as what they stand for, and the rows of a space, of a partition
//! and of a caller are each one prefix. Reading a key back fails with `None`.

use crate::store::record::{MessageId, Place};

/// Ends a space's name.
const END_OF_NAME: u8 = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Table {
    /// The format and the sequence.
    Meta = 1,
    /// By name.
    Spaces,
    /// By place and the space's own key.
    State,
    /// By place and message.
    Pending,
    /// By place and name.
    Timers,
    /// By place and message.
    DeadLetters,
    /// By the caller's place and message, and the request's ordinal. (An event has the same id at each of its places.)
    Replies,
    /// By time and record, oldest first: what is read at the start only needs no other order, and expiry needs this one.
    Idempotency,
    /// As above.
    Outcomes,
    /// By place: subscriptions that are cut off.
    Subscriptions,
    /// By name: what is remembered of a space's versions.
    Memories,
    /// By name: how far each webhook has come.
    Webhooks,
    /// By the webhook's name and the event's id.
    WebhookLetters,
}

/// The tables whose rows belong to a place, and so to a space.
pub const OF_PLACES: [Table; 6] =
    [Table::State, Table::Pending, Table::Timers, Table::DeadLetters, Table::Replies, Table::Subscriptions];

/// The tables whose rows expire.
pub const EXPIRING: [Table; 2] = [Table::Idempotency, Table::Outcomes];

impl Table {
    pub fn of(key: &[u8]) -> Option<Table> {
        Some(match key.first()? {
            1 => Table::Meta,
            2 => Table::Spaces,
            3 => Table::State,
            4 => Table::Pending,
            5 => Table::Timers,
            6 => Table::DeadLetters,
            7 => Table::Replies,
            8 => Table::Idempotency,
            9 => Table::Outcomes,
            10 => Table::Subscriptions,
            11 => Table::Memories,
            12 => Table::Webhooks,
            13 => Table::WebhookLetters,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Spaces => "spaces",
            Table::State => "state",
            Table::Pending => "pending",
            Table::Timers => "timers",
            Table::DeadLetters => "dead_letters",
            Table::Replies => "replies",
            Table::Idempotency => "idempotency",
            Table::Outcomes => "outcomes",
            Table::Subscriptions => "subscriptions",
            Table::Memories => "memories",
            Table::Webhooks => "webhooks",
            Table::WebhookLetters => "webhook_letters",
        }
    }
}

/// A row that is found by a name of its own: `meta`, `spaces`, `memories` and `webhooks`.
pub fn named(table: Table, name: &str) -> Vec<u8> {
    let mut key = start(table, name.len());
    key.extend_from_slice(name.as_bytes());
    key
}

/// A row of `state`, `timers` or `subscriptions`; with nothing after the place, the prefix of all of the place's.
pub fn at(table: Table, place: Place<'_>, rest: &[u8]) -> Vec<u8> {
    let mut key = start(table, place.space.len() + 5 + rest.len());
    push_place(&mut key, place);
    key.extend_from_slice(rest);
    key
}

/// A row of `pending` or `dead_letters`; in `replies`, the prefix of all that the caller got.
pub fn message(table: Table, place: Place<'_>, id: MessageId) -> Vec<u8> {
    let mut key = start(table, place.space.len() + 5 + 16 + 4);
    push_place(&mut key, place);
    key.extend_from_slice(&id.sequence.to_be_bytes());
    key.extend_from_slice(&id.ordinal.to_be_bytes());
    key
}

/// A row of `replies`.
pub fn reply(mut caller: Vec<u8>, ordinal: u32) -> Vec<u8> {
    caller.extend_from_slice(&ordinal.to_be_bytes());
    caller
}

/// A row that expires.
pub fn timed(table: Table, time_ms: u64, sequence: u64) -> Vec<u8> {
    let mut key = start(table, 16);
    key.extend_from_slice(&time_ms.to_be_bytes());
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

/// A row of `webhook_letters`.
pub fn webhook_letter(webhook: &str, event: MessageId) -> Vec<u8> {
    let mut key = of_webhook(webhook);
    key.extend_from_slice(&event.sequence.to_be_bytes());
    key.extend_from_slice(&event.ordinal.to_be_bytes());
    key
}

/// The prefix of all dead letters of a webhook.
pub fn of_webhook(webhook: &str) -> Vec<u8> {
    of_space(Table::WebhookLetters, webhook)
}

/// The prefix of all rows of a space.
pub fn of_space(table: Table, space: &str) -> Vec<u8> {
    let mut key = named(table, space);
    key.push(END_OF_NAME);
    key
}

fn start(table: Table, room: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + room);
    key.push(table as u8);
    key
}

fn push_place(key: &mut Vec<u8>, place: Place<'_>) {
    key.extend_from_slice(place.space.as_bytes());
    key.push(END_OF_NAME);
    key.extend_from_slice(&place.partition.to_be_bytes());
}

/// The name of a row of `meta`, `spaces`, `memories` or `webhooks`.
pub fn name_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1..)?).ok()
}

/// The place of a row, and what follows it.
pub fn place_of(key: &[u8]) -> Option<(Place<'_>, &[u8])> {
    let rest = key.get(1..)?;
    let end = rest.iter().position(|byte| *byte == END_OF_NAME)?;
    let space = std::str::from_utf8(&rest[..end]).ok()?;
    let (partition, rest) = rest[end + 1..].split_first_chunk()?;
    Some((Place { space, partition: u32::from_be_bytes(*partition) }, rest))
}

/// The place and message of a row, and what follows them.
pub fn message_of(key: &[u8]) -> Option<(Place<'_>, MessageId, &[u8])> {
    let (place, rest) = place_of(key)?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (ordinal, rest) = rest.split_first_chunk()?;
    let id = MessageId { sequence: u64::from_be_bytes(*sequence), ordinal: u64::from_be_bytes(*ordinal) };
    Some((place, id, rest))
}

/// The place and message of a row of `pending` or `dead_letters`.
pub fn whole_message_of(key: &[u8]) -> Option<(Place<'_>, MessageId)> {
    match message_of(key)? {
        (place, id, []) => Some((place, id)),
        _ => None,
    }
}

/// The caller and ordinal of a reply.
pub fn reply_of(key: &[u8]) -> Option<(Place<'_>, MessageId, u32)> {
    let (place, caller, ordinal) = message_of(key)?;
    Some((place, caller, u32::from_be_bytes(ordinal.try_into().ok()?)))
}

/// The webhook and the event of a row of `webhook_letters`.
pub fn webhook_letter_of(key: &[u8]) -> Option<(&str, MessageId)> {
    let rest = key.get(1..)?;
    let end = rest.iter().position(|byte| *byte == END_OF_NAME)?;
    let webhook = std::str::from_utf8(&rest[..end]).ok()?;
    let (sequence, ordinal) = rest[end + 1..].split_first_chunk()?;
    let [sequence, ordinal] = [*sequence, ordinal.try_into().ok()?].map(u64::from_be_bytes);
    Some((webhook, MessageId { sequence, ordinal }))
}

/// The sequence of the record that wrote a row that expires.
pub fn sequence_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*key.get(9..)?.first_chunk()?))
}

/// A key for people: the place, and the message where it is one.
pub fn describe(key: &[u8]) -> String {
    let with_place = |place: Place<'_>, rest: &[u8]| match rest {
        [] => format!("{}/{}", place.space, place.partition),
        _ => format!("{}/{} {}", place.space, place.partition, rest.escape_ascii()),
    };
    let plain = || key.get(1..).unwrap_or_default().escape_ascii().to_string();
    match Table::of(key) {
        Some(Table::State | Table::Timers | Table::Subscriptions) => {
            place_of(key).map_or_else(plain, |(place, rest)| with_place(place, rest))
        }
        Some(Table::Pending | Table::DeadLetters | Table::Replies) => {
            message_of(key).map_or_else(plain, |(place, id, rest)| {
                let message = format!("{}-{}", id.sequence, id.ordinal);
                let ordinal = rest.first_chunk().map(|ordinal| format!("#{}", u32::from_be_bytes(*ordinal)));
                with_place(place, (message + &ordinal.unwrap_or_default()).as_bytes())
            })
        }
        Some(Table::WebhookLetters) => webhook_letter_of(key)
            .map_or_else(plain, |(webhook, event)| format!("{webhook} {}-{}", event.sequence, event.ordinal)),
        _ => plain(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(space: &str, partition: u32) -> Place<'_> {
        Place { space, partition }
    }

    #[test]
    fn keys_sort_as_what_they_stand_for() {
        let id = |sequence, ordinal| MessageId { sequence, ordinal };
        let keys = [
            message(Table::Pending, place("a", 0), id(255, 9)),
            message(Table::Pending, place("a", 0), id(256, 0)),
            message(Table::Pending, place("a", 1), id(1, 0)),
            message(Table::Pending, place("a", 256), id(1, 0)),
            message(Table::Pending, place("a-b", 0), id(1, 0)),
            message(Table::Pending, place("ab", 0), id(1, 0)),
        ];
        assert!(keys.is_sorted());
    }

    #[test]
    fn the_prefix_of_a_space_is_not_that_of_one_whose_name_begins_alike() {
        assert!(at(Table::State, place("a", 0), b"k").starts_with(&of_space(Table::State, "a")));
        assert!(!at(Table::State, place("ab", 0), b"k").starts_with(&of_space(Table::State, "a")));
    }

    #[test]
    fn a_key_reads_back_as_written() {
        let id = MessageId { sequence: 7, ordinal: 8 };
        let caller = message(Table::Replies, place("a", 3), id);
        let key = reply(caller, 5);
        assert_eq!(message_of(&key), Some((place("a", 3), id, &5u32.to_be_bytes()[..])));
        assert_eq!(Table::of(&key), Some(Table::Replies));
        assert_eq!(describe(&key), "a/3 7-8#5");
        assert_eq!(describe(&at(Table::State, place("a", 3), b"k\x01")), "a/3 k\\x01");
        assert_eq!(sequence_of(&timed(Table::Outcomes, 1, 2)), Some(2));
        let letter = webhook_letter("billing", id);
        assert_eq!((webhook_letter_of(&letter), describe(&letter)), (Some(("billing", id)), "billing 7-8".to_owned()));
        assert!((0..letter.len()).all(|length| webhook_letter_of(&letter[..length]).is_none()));
    }

    #[test]
    fn a_key_cut_short_is_no_key() {
        let key = message(Table::Pending, place("a", 3), MessageId { sequence: 7, ordinal: 8 });
        assert!((0..key.len()).all(|length| message_of(&key[..length]).is_none()));
    }
}
