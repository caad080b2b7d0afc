//! What the tables should be: the same records, on plain maps of owned values, without disk, overlay or keys.

use crate::store::record::{
    Consumed, Emitted, Kind, Message, MessageId, Migrated, Outcome, Place, Record, Sender, TimerChange, Turn, Write,
};
use crate::store::tables::KEPT_MS;
use crate::store::tables::image::{self, Answered, Asked, DeadLetter, Ended, Image, Pending, Reply, Timer, Version};
use bytes::Bytes;
use std::collections::BTreeMap;

pub type Home = (String, u32);

#[derive(Clone, Default)]
pub struct Model {
    pub sequence: u64,
    versions: BTreeMap<String, Version>,
    memories: BTreeMap<String, image::Memory>,
    state: BTreeMap<(Home, Vec<u8>), Bytes>,
    pub timers: BTreeMap<(Home, String), Timer>,
    pub pending: BTreeMap<(Home, MessageId), (Pending, Message<'static>)>,
    pub dead_letters: BTreeMap<(Home, MessageId), (DeadLetter, Message<'static>)>,
    replies: BTreeMap<(Home, MessageId, u32), Reply>,
    answered: BTreeMap<[u8; 32], Answered>,
    ended: BTreeMap<MessageId, Ended>,
    /// From where each has still to read, and the last record that it missed.
    pub cut_off: BTreeMap<Home, (u64, u64)>,
}

pub fn home(place: &Place<'_>) -> Home {
    (place.space.to_owned(), place.partition)
}

fn owned(body: &[u8]) -> Bytes {
    Bytes::copy_from_slice(body)
}

fn again(outcome: &Outcome<'_>) -> bool {
    !matches!(outcome, Outcome::Failed(failure) if failure.retryable)
}

impl Model {
    pub fn apply(&mut self, record: &Record<'static>) {
        self.sequence += 1;
        match record {
            Record::Started { .. } => {
                let Model { pending, dead_letters, replies, .. } = self;
                let waits = |sequence| pending.keys().chain(dead_letters.keys()).any(|(_, id)| id.sequence == sequence);
                replies.retain(|(_, caller, _), _| waits(caller.sequence));
            }
            Record::Fired { place, message, .. } => {
                let name = (home(place), message.name.to_owned());
                match self.timers.get_mut(&name).unwrap() {
                    Timer { every_ms: Some(_), firing, .. } => *firing = true,
                    _ => drop(self.timers.remove(&name)),
                }
                self.deliver(0, message, &[*place]);
            }
            Record::CaughtUp { place, events, next, live } => {
                for (id, event) in events {
                    self.add_pending(place, *id, event, false);
                }
                let Some((from, last)) = self.cut_off.get_mut(&home(place)) else { return };
                *from = *next;
                if *live && *last < *next {
                    self.cut_off.remove(&home(place));
                }
            }
            Record::Accepted { message, to, missed, time_ms } => {
                self.miss(missed);
                let id = MessageId { sequence: self.sequence, ordinal: 0 };
                self.answer(message, image::Answer::Accepted(id), *time_ms);
                self.deliver(0, message, to);
            }
            Record::Turn(turn) => self.turn(turn),
            Record::Setback { place, message, attempt, due_ms } => {
                let (pending, _) = self.pending.get_mut(&(home(place), *message)).unwrap();
                (pending.attempts, pending.due_ms) = (*attempt, Some(*due_ms));
            }
            Record::Buried { place, message, attempts, failure, time_ms } => {
                let (id, message) = self.consume(place, message, *time_ms);
                let failure = image::Failure::from(failure.clone());
                if message.tracked {
                    let outcome = image::Outcome::Failed(failure.clone());
                    self.ended.insert(id, Ended { outcome, time_ms: *time_ms });
                }
                let (attempts, time_ms) = (*attempts, *time_ms);
                let replies = BTreeMap::new();
                let letter = DeadLetter { message: message.clone().into(), attempts, failure, time_ms, replies };
                self.dead_letters.insert((home(place), id), (letter, message));
            }
            Record::Exhumed { place, message: id, retry } => {
                let (_, message) = self.dead_letters.remove(&(home(place), *id)).unwrap();
                match retry {
                    true => self.add_pending(place, *id, &message, true),
                    false => self.replies.retain(|(at, caller, _), _| (at, caller) != (&home(place), id)),
                }
            }
            Record::Deployed { space, version, migrated, .. } => self.deploy(space, version.clone().into(), migrated),
            Record::Remembered { space, memory } => {
                self.memories.insert((*space).to_owned(), memory.clone().into());
            }
            Record::Reloaded { .. } => {}
            Record::Purged { space } => self.purge(space),
            Record::WebhooksMoved { .. }
            | Record::WebhookBuried { .. }
            | Record::WebhookExhumed { .. }
            | Record::WebhookForgotten { .. } => unreachable!("nothing of spaces is in these; `webhooks` tests them"),
        }
    }

    fn turn(&mut self, turn: &Turn<'static>) {
        let (id, message) = self.consume(&turn.place, &turn.message, turn.time_ms);
        self.replies.retain(|(at, caller, _), _| (at, *caller) != (&home(&turn.place), id));
        if let (Consumed::Direct { request: Some(request), .. }, Sender::Partition(caller)) =
            (&turn.message, message.sender)
            && again(&turn.outcome)
            && self.may_ask_again(&(home(&caller), request.caller))
        {
            let reply = Reply { digest: request.digest, now_ms: request.now_ms, outcome: turn.outcome.clone().into() };
            self.replies.insert((home(&caller), request.caller, request.ordinal), reply);
        }
        if matches!(turn.message, Consumed::Direct { .. }) && again(&turn.outcome) {
            self.answer(&message, image::Answer::Ended(turn.outcome.clone().into()), turn.time_ms);
        }
        if message.tracked {
            self.ended.insert(id, Ended { outcome: turn.outcome.clone().into(), time_ms: turn.time_ms });
        }
        self.change(&turn.place, &turn.writes, &turn.timers);
        self.emit(0, &turn.emitted);
    }

    fn may_ask_again(&self, caller: &(Home, MessageId)) -> bool {
        caller.1.ordinal >= 1 << 63 || self.pending.contains_key(caller) || self.dead_letters.contains_key(caller)
    }

    fn consume(&mut self, place: &Place<'_>, consumed: &Consumed<'static>, now: u64) -> (MessageId, Message<'static>) {
        let (id, message) = match consumed {
            Consumed::Pending(id) => (*id, self.pending.remove(&(home(place), *id)).unwrap().1),
            Consumed::Direct { id, message, .. } => (*id, message.clone()),
        };
        let name = (home(place), message.name.to_owned());
        if let Some(Timer { due_ms, every_ms: Some(every), firing, .. }) = self.timers.get_mut(&name)
            && message.kind == Kind::Timer
            && std::mem::take(firing)
        {
            *due_ms += *every * (1 + now.saturating_sub(*due_ms) / *every);
        }
        (id, message)
    }

    fn miss(&mut self, missed: &[Place<'_>]) {
        for place in missed {
            self.cut_off.entry(home(place)).or_insert((self.sequence, 0)).1 = self.sequence;
        }
    }

    fn answer(&mut self, message: &Message<'_>, answer: image::Answer, time_ms: u64) {
        if let Some(asked) = message.idempotency {
            let answered = Answered { content: asked.content, answer, time_ms };
            self.answered.insert(asked.key, answered);
        }
    }

    fn change(&mut self, place: &Place<'_>, writes: &[Write<'_>], timers: &[TimerChange<'_>]) {
        for Write { key, value } in writes {
            let key = (home(place), key.to_vec());
            match value {
                Some(value) => drop(self.state.insert(key, owned(value))),
                None => drop(self.state.remove(&key)),
            }
        }
        for change in timers {
            match *change {
                TimerChange::Set { name, body, due_ms, every_ms } => {
                    let timer = Timer { body: owned(body), due_ms, every_ms, firing: false };
                    self.timers.insert((home(place), name.to_owned()), timer);
                }
                TimerChange::Cancel { name } => drop(self.timers.remove(&(home(place), name.to_owned()))),
            }
        }
    }

    fn emit(&mut self, first: u64, emitted: &[Emitted<'static>]) {
        for (index, Emitted { message, to, missed }) in emitted.iter().enumerate() {
            self.deliver(first + index as u64, message, to);
            self.miss(missed);
        }
    }

    fn deliver(&mut self, ordinal: u64, message: &Message<'static>, to: &[Place<'static>]) {
        for place in to {
            self.add_pending(place, MessageId { sequence: self.sequence, ordinal }, message, false);
        }
    }

    fn add_pending(&mut self, place: &Place<'_>, id: MessageId, message: &Message<'static>, retried: bool) {
        let replies = BTreeMap::new();
        let pending = Pending { message: message.clone().into(), attempts: 0, due_ms: None, retried, replies };
        self.pending.insert((home(place), id), (pending, message.clone()));
    }

    fn deploy(&mut self, space: &str, version: Version, migrated: &[&'static [u8]]) {
        self.versions.insert(space.to_owned(), version);
        let mut first = 0;
        for encoded in migrated {
            let changes = Migrated::decode(encoded).unwrap();
            self.change(&Place { space, partition: changes.partition }, &changes.writes, &changes.timers);
            self.emit(first, &changes.emitted);
            first += changes.emitted.len() as u64;
        }
    }

    fn purge(&mut self, space: &str) {
        self.versions.remove(space);
        self.memories.remove(space);
        self.state.retain(|(home, _), _| home.0 != space);
        self.timers.retain(|(home, _), _| home.0 != space);
        self.pending.retain(|(home, _), _| home.0 != space);
        self.dead_letters.retain(|(home, _), _| home.0 != space);
        self.replies.retain(|(home, ..), _| home.0 != space);
        self.cut_off.retain(|home, _| home.0 != space);
    }

    pub fn expire(&mut self, now_ms: u64) {
        self.answered.retain(|_, answered| answered.time_ms + KEPT_MS >= now_ms);
        self.ended.retain(|_, ended| ended.time_ms + KEPT_MS >= now_ms);
    }

    pub fn image(&self) -> Image {
        let mut image = Image { sequence: self.sequence, ..Image::default() };
        for (name, version) in &self.versions {
            image.spaces.entry(name.clone()).or_default().version = Some(version.clone());
        }
        for (name, memory) in &self.memories {
            image.spaces.entry(name.clone()).or_default().memory = memory.clone();
        }
        for ((home, key), value) in &self.state {
            partition(&mut image, home).state.insert(key.clone(), value.clone());
        }
        for ((home, name), timer) in &self.timers {
            partition(&mut image, home).timers.insert(name.clone(), timer.clone());
        }
        for ((home, id), (pending, _)) in &self.pending {
            let pending = Pending { replies: self.replies_of(home, *id), ..pending.clone() };
            partition(&mut image, home).pending.insert(*id, pending);
        }
        for ((home, id), (letter, _)) in &self.dead_letters {
            let letter = DeadLetter { replies: self.replies_of(home, *id), ..letter.clone() };
            partition(&mut image, home).dead_letters.insert(*id, letter);
        }
        for (home, (from, _)) in &self.cut_off {
            partition(&mut image, home).cut_off_from = Some(*from);
        }
        for ((home, caller, ordinal), reply) in &self.replies {
            let at = (home.clone(), *caller);
            if !self.pending.contains_key(&at) && !self.dead_letters.contains_key(&at) {
                let asked = Asked { space: home.0.clone(), partition: home.1, message: *caller };
                image.asked.entry(asked).or_default().insert(*ordinal, reply.clone());
            }
        }
        image.idempotency.extend(self.answered.clone());
        image.outcomes.extend(self.ended.clone());
        image
    }

    fn replies_of(&self, at: &Home, id: MessageId) -> BTreeMap<u32, Reply> {
        let own = self.replies.iter().filter(|((home, caller, _), _)| (home, *caller) == (at, id));
        own.map(|((_, _, ordinal), reply)| (*ordinal, reply.clone())).collect()
    }
}

fn partition<'i>(image: &'i mut Image, home: &Home) -> &'i mut image::Partition {
    image.spaces.entry(home.0.clone()).or_default().partitions.entry(home.1).or_default()
}
