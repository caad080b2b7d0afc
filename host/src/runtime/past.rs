//! What the store holds from before the host started, as the runtime takes it up: space by space, each with its partitions,
//! whether its file is there or not.
//!
//! Translation from the store's words, and no decisions but one: what cannot belong to any space of ours (a name that no
//! space can have) stays in the store and is left alone.

use super::api::{Answered, AnsweredWith, Kept, Outcome};
use super::router::Router;
use super::space::Former;
use super::space::envelope::{Envelope, FirstAttempt, Progress, Recorded};
use super::space::graves::Grave;
use super::space::mailbox::Room;
use super::space::turn::now_ms;
use super::timers::PastTimer;
use crate::store::record;
use crate::store::tables::Image;
use crate::store::tables::image;
use crate::words::message::{Kind, PartitionName, Sender};
use crate::words::{Failure, Message, MessageId, SpaceName};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What is asked for only once after the start.
#[derive(Default)]
pub struct Past {
    /// Oldest first.
    pub answered: Vec<Answered>,
    kept: HashMap<SpaceName, Kept>,
}

/// One space as it was.
#[derive(Default)]
pub struct PastSpace {
    pub former: Option<Former>,
    /// How many partitions that version had; none if it was never deployed.
    pub partitions: Option<u32>,
    pub parts: BTreeMap<u32, PastPartition>,
}

#[derive(Default)]
pub struct PastPartition {
    pub state: BTreeMap<Vec<u8>, Bytes>,
    pub timers: Vec<PastTimer>,
    /// In order, each with the time at which its back-off ends.
    pub pending: Vec<(Box<Envelope>, Option<u64>)>,
    pub graves: Vec<Grave>,
    /// From where its subscriptions have still to read what they missed.
    pub cut_off_from: Option<u64>,
}

impl Past {
    /// Takes the image apart, into spaces and the rest; what became of tracked messages, and what those got who were asked, goes to the router at once.
    pub fn of(image: Image, router: &Router) -> (Self, Vec<(SpaceName, PastSpace)>) {
        for (asked, replies) in image.asked {
            // Only a space of a legal name has ever been asked.
            if let Ok(space) = SpaceName::parse(&asked.space) {
                let partition = PartitionName { space, index: asked.partition };
                router.asked_before.note(partition, id_of(asked.message), first_attempt(replies));
            }
        }
        let mut outcomes: Vec<_> = image.outcomes.into_iter().collect();
        outcomes.sort_by_key(|(_, ended)| ended.time_ms);
        for (id, ended) in outcomes {
            router.outcomes.accepted(id_of(id));
            router.outcomes.ended(id_of(id), outcome(ended.outcome));
        }
        let now_ms = now_ms();
        let answered = image.idempotency.into_iter().map(|(key, answer)| answered(key, answer, now_ms));
        let mut past = Past { answered: answered.collect(), kept: HashMap::new() };
        past.answered.sort_by_key(|answered| Reverse(answered.age));
        let mut spaces = Vec::new();
        for (name, space) in image.spaces {
            match SpaceName::parse(&name) {
                Ok(name) => {
                    past.kept.insert(name.clone(), kept(&space));
                    spaces.push((name, space_of(space, router)));
                }
                Err(error) => tracing::error!("the store has a space of a name that none can have: {error}"),
            }
        }
        (past, spaces)
    }

    /// What is known of that space's versions.
    pub fn kept(&self, name: &SpaceName) -> Kept {
        self.kept.get(name).cloned().unwrap_or_default()
    }

    /// It was purged.
    pub fn forget(&mut self, name: &SpaceName) {
        self.kept.remove(name);
    }
}

fn kept(space: &image::Space) -> Kept {
    let digest = space.version.as_ref().map(|version| version.digest.as_str().into());
    Kept { digest, remembered: space.memory.clone().into() }
}

fn space_of(space: image::Space, router: &Router) -> PastSpace {
    let partitions = space.version.as_ref().map(|version| version.partitions);
    let former = space.version.map(Former::of_the_past);
    let parts = space.partitions.into_iter().map(|(index, part)| (index, partition_of(index, part, router)));
    PastSpace { former, partitions, parts: parts.collect() }
}

fn partition_of(index: u32, part: image::Partition, router: &Router) -> PastPartition {
    let pending = part.pending.into_iter().map(|(id, pending)| {
        if pending.message.tracked {
            router.outcomes.accepted(id_of(id));
        }
        let mut envelope = envelope(id, pending.message, pending.attempts, pending.replies);
        envelope.exhumed = pending.retried.into();
        (envelope, pending.due_ms)
    });
    let pending = pending.collect();
    let graves = part.dead_letters.into_iter().map(|(id, letter)| {
        let envelope = envelope(id, letter.message, letter.attempts, letter.replies);
        Grave::new(envelope, index, failure(letter.failure))
    });
    let timers = part.timers.into_iter().map(|(name, timer)| PastTimer {
        name: name.into(),
        body: timer.body,
        due_ms: timer.due_ms,
        every_ms: timer.every_ms,
        firing: timer.firing,
    });
    let (timers, graves, cut_off_from) = (timers.collect(), graves.collect(), part.cut_off_from);
    PastPartition { state: part.state, timers, pending, graves, cut_off_from }
}

fn envelope(
    id: record::MessageId,
    message: image::Message,
    attempts: u32,
    replies: BTreeMap<u32, image::Reply>,
) -> Box<Envelope> {
    let mut envelope = recorded(id, message);
    envelope.attempt = attempts;
    envelope.first = first_attempt(replies);
    envelope
}

/// A message that a record has made, still without room.
pub fn recorded(id: record::MessageId, message: image::Message) -> Box<Envelope> {
    let (tracked, idempotency) = (message.tracked, message.idempotency);
    let mut envelope = Envelope::new(message_of(id, message), Room::unbounded(), id.sequence);
    envelope.tracked = tracked;
    envelope.idempotency = idempotency;
    envelope.recorded = true;
    envelope
}

/// What the attempts of before have seen, as far as it matters: what was asked, and at which time.
fn first_attempt(replies: BTreeMap<u32, image::Reply>) -> FirstAttempt {
    let now_ms = replies.values().rev().find_map(|reply| reply.now_ms);
    FirstAttempt { now_ms, requests: requests(replies) }
}

/// What its requests got; those between that left nothing are open.
fn requests(replies: BTreeMap<u32, image::Reply>) -> Vec<Recorded> {
    let mut requests = Vec::new();
    for (ordinal, reply) in replies {
        requests.resize_with(ordinal as usize, Recorded::new);
        let outcome = match reply.outcome {
            image::Outcome::Done(reply) => Ok(reply),
            image::Outcome::Failed(refused) => Err(failure(refused)),
        };
        requests.push(Recorded { digest: Some(reply.digest), progress: Progress::Final(outcome) });
    }
    requests
}

pub fn message_of(id: record::MessageId, message: image::Message) -> Message {
    let name = message.name.into();
    Message {
        id: id_of(id),
        sender: sender(message.sender),
        kind: match message.kind {
            record::Kind::Command => Kind::Command(name),
            record::Kind::Event => Kind::Event(name),
            record::Kind::Timer => Kind::Timer(name),
        },
        body: message.body,
        key: message.key.map(Arc::from),
        headers: (!message.headers.is_empty()).then(|| Arc::new(message.headers)),
        hops: message.hops,
    }
}

fn sender(sender: image::Sender) -> Sender {
    match sender {
        image::Sender::Partition { space, partition } => match SpaceName::parse(&space) {
            Ok(space) => Sender::Partition(Arc::new(PartitionName { space, index: partition })),
            // Only a space of a legal name has ever sent anything.
            Err(_) => Sender::Host,
        },
        image::Sender::Client(connection) => Sender::Client(connection),
        image::Sender::Timer => Sender::Timer,
        image::Sender::Host => Sender::Host,
    }
}

fn answered(key: [u8; 32], answer: image::Answered, now_ms: u64) -> Answered {
    let with = match answer.answer {
        image::Answer::Accepted(id) => AnsweredWith::Accepted(id_of(id)),
        image::Answer::Ended(image::Outcome::Done(reply)) => AnsweredWith::Done(reply),
        image::Answer::Ended(image::Outcome::Failed(refused)) => AnsweredWith::Failed(failure(refused)),
    };
    Answered {
        idempotency: record::Idempotency { key, content: answer.content },
        answer: with,
        age: Duration::from_millis(now_ms.saturating_sub(answer.time_ms)),
    }
}

fn outcome(outcome: image::Outcome) -> Outcome {
    match outcome {
        image::Outcome::Done(reply) => Outcome::Done { reply },
        image::Outcome::Failed(refused) => Outcome::Failed { failure: failure(refused) },
    }
}

pub fn failure(failure: image::Failure) -> Failure {
    Failure { code: failure.code.into(), message: failure.message, retryable: failure.retryable }
}

pub fn id_of(id: record::MessageId) -> MessageId {
    MessageId { sequence: id.sequence, ordinal: id.ordinal }
}
