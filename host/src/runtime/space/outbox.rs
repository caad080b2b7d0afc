//! What a turn has sent and published, from the guest's call to its delivery.
//!
//! A command has its room from the call on. An event is addressed at the commit, when it is certain that it happens: only
//! then may a subscriber without room be cut off. Delivery follows the record, which says where each message went.

use super::envelope::Envelope;
use super::mailbox::{Room, Share};
use super::{Partition, Space, chronicle};
use crate::runtime::router::{Draft, EventRoute, Router, published};
use crate::store::record;
use crate::words::MessageId;
use crate::words::message::Kind;
use std::sync::Arc;

pub enum Outgoing {
    Event {
        route: Arc<EventRoute>,
        draft: Draft,
        to: Vec<Receiver>,
    },
    /// With the room that was reserved at the call.
    Command(Box<Envelope>),
}

/// A subscriber, with room for the event unless it is cut off.
pub struct Receiver {
    space: Arc<Space>,
    partition: Arc<Partition>,
    room: Option<Room>,
}

impl Outgoing {
    pub fn event(route: Arc<EventRoute>, draft: Draft) -> Self {
        Outgoing::Event { route, draft, to: Vec::new() }
    }

    /// Finds an event's receivers and reserves their room.
    pub fn address(&mut self) {
        if let Outgoing::Event { route, draft, to } = self {
            *to = receivers(route, draft);
        }
    }

    /// As the journal keeps it.
    pub fn record(&self) -> record::Emitted<'_> {
        match self {
            Outgoing::Event { route, draft, to } => record::Emitted {
                message: event_record(route, draft),
                to: to.iter().filter(|to| to.room.is_some()).map(|to| chronicle::place(&to.partition.name)).collect(),
            },
            Outgoing::Command(envelope) => record::Emitted {
                message: chronicle::message(&envelope.message, Some(envelope)),
                to: envelope.room.mailbox().map(|mailbox| chronicle::place(mailbox.name())).into_iter().collect(),
            },
        }
    }

    /// Puts it into the mailboxes of its receivers. Never waits and never fails.
    pub fn deliver(self, router: &Router, id: MessageId) {
        match self {
            Outgoing::Event { route, draft, to } => {
                router.hear(|| published(&route.topic, id, &draft));
                deliver_event(&route, &draft, to, id, router.ledger.keeps_records());
            }
            Outgoing::Command(mut envelope) => {
                envelope.message.id = id;
                envelope.depends_on = id.sequence;
                envelope.recorded = router.ledger.keeps_records();
                envelope.deliver();
            }
        }
    }
}

fn event_record<'a>(route: &'a EventRoute, draft: &'a Draft) -> record::Message<'a> {
    let headers = draft.headers.as_deref().map(Vec::as_slice).unwrap_or_default();
    record::Message {
        sender: chronicle::sender(&draft.sender),
        kind: record::Kind::Event,
        name: &route.topic,
        body: &draft.body,
        key: draft.key.as_deref(),
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        hops: draft.hops,
        tracked: false,
        idempotency: draft.idempotency,
    }
}

fn receivers(route: &EventRoute, draft: &Draft) -> Vec<Receiver> {
    let receiver = |space: &Arc<Space>| {
        let partition = space.partition(draft.key.as_deref()).clone();
        let open = !partition.subscription.is_cut_off() || resumes(space, &partition);
        let room = open.then(|| partition.mailbox.reserve(draft.weight(), Share::Space).ok()).flatten();
        Receiver { space: space.clone(), partition, room }
    };
    route.subscribers.iter().map(receiver).collect()
}

fn deliver_event(route: &EventRoute, draft: &Draft, to: Vec<Receiver>, id: MessageId, recorded: bool) {
    for Receiver { space, partition, room } in to {
        match room {
            Some(room) => {
                let message = draft.message(id, Kind::Event(route.topic.clone()));
                let mut envelope = Envelope::new(message, room, id.sequence);
                envelope.recorded = recorded;
                envelope.deliver();
            }
            None => miss(&space, &partition, id.sequence),
        }
    }
}

fn miss(space: &Space, partition: &Partition, sequence: u64) {
    if partition.subscription.miss(sequence) {
        let index = partition.name.index;
        space.note("warn", format!("subscription of partition {index} cut off at {sequence}: its backlog is full"));
    }
}

/// Half-way down its backlog a subscription goes on with what comes then; what it missed is reported as a gap.
fn resumes(space: &Space, partition: &Partition) -> bool {
    if !partition.mailbox.has_recovered() {
        return false;
    }
    if let Some(first) = partition.subscription.resume() {
        let index = partition.name.index;
        space.note("warn", format!("subscription of partition {index} goes on; it missed events from {first} on"));
    }
    true
}
