//! Makes the image of the tables: every row once, in whatever order, into the place where the runtime looks for it.
//!
//! Must not know why a row is there. Fails on the first row that does not decode, and names it.

use super::error::TablesError;
use super::image::{Answered, Asked, DeadLetter, Ended, Image, Partition, Pending, Reply, Timer, WebhookLetter};
use super::keys::{self, Table};
use super::layers::Layers;
use super::rows::{
    self, DeadLetterRow, IdempotencyRow, OutcomeRow, PendingRow, ReplyRow, SubscriptionRow, TimerRow, WebhookLetterRow,
    WebhookRow,
};
use crate::store::record::{self, MessageId, Place};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The newest of the outcomes that are taken up; the runtime remembers as many.
const OUTCOMES: usize = 100_000;

pub fn image(layers: &Layers, sequence: u64) -> Result<Image, TablesError> {
    let mut loading = Loading { image: Image { sequence, ..Image::default() }, ..Loading::default() };
    layers.for_each(|key, value| loading.row(key, value))?;
    Ok(loading.finish())
}

#[derive(Default)]
struct Loading {
    image: Image,
    /// They may come before their callers.
    replies: Vec<Found>,
    answered: Latest<[u8; 32]>,
    ended: Latest<MessageId>,
}

/// The last record that has said what became of something.
type Latest<K> = HashMap<K, u64>;

/// A reply, and who got it.
struct Found {
    space: String,
    partition: u32,
    caller: MessageId,
    ordinal: u32,
    reply: Reply,
}

impl Loading {
    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        match Table::of(key).ok_or_else(|| rows::corrupt(key, "no table has such a key"))? {
            Table::Meta => Ok(()),
            Table::Spaces => self.version(key, value),
            Table::Memories => self.memory(key, value),
            Table::State => self.state(key, value),
            Table::Pending => self.pending(key, value),
            Table::Timers => self.timer(key, value),
            Table::DeadLetters => self.dead_letter(key, value),
            Table::Replies => self.reply(key, value),
            Table::Idempotency => self.answer(key, value),
            Table::Outcomes => self.outcome(key, value),
            Table::Subscriptions => self.subscription(key, value),
            Table::Webhooks => self.webhook(key, value),
            Table::WebhookLetters => self.webhook_letter(key, value),
        }
    }

    fn version(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let name = part_of(key, keys::name_of(key))?;
        let version: record::Version = rows::decode(key, value)?;
        self.image.spaces.entry(name.to_owned()).or_default().version = Some(version.into());
        Ok(())
    }

    fn memory(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let name = part_of(key, keys::name_of(key))?;
        let memory: record::Memory = rows::decode(key, value)?;
        self.image.spaces.entry(name.to_owned()).or_default().memory = memory.into();
        Ok(())
    }

    fn state(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let (place, own_key) = part_of(key, keys::place_of(key))?;
        self.partition(place).state.insert(own_key.to_owned(), Bytes::copy_from_slice(value));
        Ok(())
    }

    fn pending(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let (place, id) = part_of(key, keys::whole_message_of(key))?;
        let PendingRow { attempts, due_ms, retried, message } = rows::decode(key, value)?;
        let replies = BTreeMap::new();
        let pending = Pending { message: message.into(), attempts, due_ms, retried, replies };
        self.partition(place).pending.insert(id, pending);
        Ok(())
    }

    fn timer(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let (place, name) = part_of(key, keys::place_of(key))?;
        let name = part_of(key, std::str::from_utf8(name).ok())?;
        let TimerRow { due_ms, every_ms, firing, body } = rows::decode(key, value)?;
        let timer = Timer { body: Bytes::copy_from_slice(body), due_ms, every_ms, firing };
        self.partition(place).timers.insert(name.to_owned(), timer);
        Ok(())
    }

    fn dead_letter(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let (place, id) = part_of(key, keys::whole_message_of(key))?;
        let DeadLetterRow { attempts, time_ms, failure, message } = rows::decode(key, value)?;
        let (message, failure, replies) = (message.into(), failure.into(), BTreeMap::new());
        let letter = DeadLetter { message, attempts, failure, time_ms, replies };
        self.partition(place).dead_letters.insert(id, letter);
        Ok(())
    }

    fn reply(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let (place, caller, ordinal) = part_of(key, keys::reply_of(key))?;
        let ReplyRow { digest, now_ms, outcome } = rows::decode(key, value)?;
        let reply = Reply { digest, now_ms, outcome: outcome.into() };
        let space = place.space.to_owned();
        self.replies.push(Found { space, partition: place.partition, caller, ordinal, reply });
        Ok(())
    }

    fn answer(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let sequence = part_of(key, keys::sequence_of(key))?;
        let IdempotencyRow { key, content, time_ms, answer } = rows::decode(key, value)?;
        if is_latest(&mut self.answered, key, sequence) {
            self.image.idempotency.insert(key, Answered { content, answer: answer.into(), time_ms });
        }
        Ok(())
    }

    fn outcome(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let sequence = part_of(key, keys::sequence_of(key))?;
        let OutcomeRow { message, time_ms, outcome } = rows::decode(key, value)?;
        if is_latest(&mut self.ended, message, sequence) {
            self.image.outcomes.insert(message, Ended { outcome: outcome.into(), time_ms });
        }
        if self.image.outcomes.len() >= 2 * OUTCOMES {
            self.drop_old_outcomes();
        }
        Ok(())
    }

    /// Only the newest are asked for; there may be more on disk than memory has room for.
    fn drop_old_outcomes(&mut self) {
        let mut times: Vec<u64> = self.image.outcomes.values().map(|ended| ended.time_ms).collect();
        let Some(cut) = times.len().checked_sub(OUTCOMES) else { return };
        let (_, oldest, _) = times.select_nth_unstable(cut);
        let oldest = *oldest;
        self.image.outcomes.retain(|_, ended| ended.time_ms >= oldest);
        self.ended.retain(|message, _| self.image.outcomes.contains_key(message));
    }

    fn subscription(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let (place, _) = part_of(key, keys::place_of(key))?;
        let SubscriptionRow { from, .. } = rows::decode(key, value)?;
        self.partition(place).cut_off_from = Some(from);
        Ok(())
    }

    fn webhook(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let name = part_of(key, keys::name_of(key))?;
        let WebhookRow { cursor } = rows::decode(key, value)?;
        self.image.webhooks.entry(name.to_owned()).or_default().cursor = cursor;
        Ok(())
    }

    fn webhook_letter(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        let (name, event) = part_of(key, keys::webhook_letter_of(key))?;
        let WebhookLetterRow { retried, letter } = rows::decode(key, value)?;
        let record::WebhookLetter { message, event_ms, attempts, failure, time_ms } = letter;
        let (message, failure) = (message.into(), failure.to_owned());
        let letter = WebhookLetter { message, event_ms, attempts, failure, time_ms, retried };
        self.image.webhooks.entry(name.to_owned()).or_default().letters.insert(event, letter);
        Ok(())
    }

    fn partition(&mut self, place: Place<'_>) -> &mut Partition {
        let space = self.image.spaces.entry(place.space.to_owned()).or_default();
        space.partitions.entry(place.partition).or_default()
    }

    /// Gives each caller what it got: one that waits, or is set aside, or was itself asked and is asked again.
    fn finish(mut self) -> Image {
        for Found { space, partition, caller, ordinal, reply } in self.replies {
            let there = self.image.spaces.get_mut(&space).and_then(|space| space.partitions.get_mut(&partition));
            let pending = there.map(|there| (there.pending.get_mut(&caller), there.dead_letters.get_mut(&caller)));
            let replies = match pending {
                Some((Some(pending), _)) => &mut pending.replies,
                Some((None, Some(letter))) => &mut letter.replies,
                _ => self.image.asked.entry(Asked { space, partition, message: caller }).or_default(),
            };
            replies.insert(ordinal, reply);
        }
        self.image
    }
}

fn is_latest<K: Hash + Eq>(latest: &mut Latest<K>, key: K, sequence: u64) -> bool {
    let known = latest.entry(key).or_default();
    let later = sequence >= *known;
    *known = sequence.max(*known);
    later
}

fn part_of<T>(key: &[u8], part: Option<T>) -> Result<T, TablesError> {
    part.ok_or_else(|| rows::corrupt(key, "its key is no key of the table"))
}
