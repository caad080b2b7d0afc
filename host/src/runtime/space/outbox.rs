//! What a turn has sent and published, from the guest's call to its delivery.
//!
//! A command has its room from the call on. An event is addressed at the commit, when it is certain that it happens: only
//! then may a subscriber without room be cut off. Delivery follows the record, which says where each message went.

use super::envelope::Envelope;
use super::mailbox::{Full, Room, Share};
use super::subscription::Missed;
use super::{Partition, Space, chronicle};
use crate::runtime::router::{CommandRoute, Draft, EventRoute, Router, Subscriber, published};
use crate::store::ledger::Ledger;
use crate::store::record;
use crate::words::MessageId;
use crate::words::message::Kind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub enum Outgoing {
    Event {
        route: Arc<EventRoute>,
        draft: Draft,
        to: Vec<Receiver>,
    },
    /// With the room that was reserved at the call.
    Command(Box<Envelope>, Arc<CommandRoute>),
}

/// A subscriber of an event.
pub struct Receiver {
    space: Arc<Space>,
    partition: Arc<Partition>,
    reach: Reach,
}

/// Whether the event reaches it.
enum Reach {
    Room(Room),
    Missed(Missed),
}

impl Outgoing {
    pub fn event(route: Arc<EventRoute>, draft: Draft) -> Self {
        Outgoing::Event { route, draft, to: Vec::new() }
    }

    /// Finds an event's receivers and reserves their room.
    pub fn address(&mut self, ledger: &Ledger) {
        if let Outgoing::Event { route, draft, to } = self {
            *to = receivers(route, draft, ledger);
        }
    }

    /// As the journal keeps it.
    pub fn record(&self) -> record::Emitted<'_> {
        match self {
            Outgoing::Event { route, draft, to } => record::Emitted {
                message: event_record(route, draft),
                to: places(to, |reach| matches!(reach, Reach::Room(_))),
                missed: places(to, |reach| matches!(reach, Reach::Missed(_))),
            },
            Outgoing::Command(envelope, _) => record::Emitted {
                message: chronicle::message(&envelope.message, Some(envelope)),
                to: envelope.room.mailbox().map(|mailbox| chronicle::place(mailbox.name())).into_iter().collect(),
                missed: Vec::new(),
            },
        }
    }

    /// Puts it into the mailboxes of its receivers, at that time. Never waits and never fails.
    pub fn deliver(self, router: &Router, id: MessageId, at_ns: u64) {
        match self {
            Outgoing::Event { route, draft, to } => {
                router.hear(|| published(&route.topic, id, &draft));
                deliver_event((&route, &draft), to, (id, at_ns), router);
            }
            Outgoing::Command(mut envelope, route) => {
                route.count_sent(router, &envelope.message.sender);
                envelope.enqueued_ns = at_ns;
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

fn places(to: &[Receiver], wanted: fn(&Reach) -> bool) -> Vec<record::Place<'_>> {
    to.iter().filter(|to| wanted(&to.reach)).map(|to| chronicle::place(&to.partition.name)).collect()
}

fn receivers(route: &EventRoute, draft: &Draft, ledger: &Ledger) -> Vec<Receiver> {
    let receiver = |Subscriber { space, .. }: &Subscriber| {
        let partition = space.partition(draft.key.as_deref()).clone();
        if !ledger.keeps_records() {
            resume_in_memory(space, &partition);
        }
        let reach = partition.misses().map_or_else(|| reserve(&partition, draft, ledger), Reach::Missed);
        Receiver { space: space.clone(), partition, reach }
    };
    route.subscribers.iter().map(receiver).collect()
}

fn reserve(partition: &Arc<Partition>, draft: &Draft, ledger: &Ledger) -> Reach {
    let share = if partition.subscription.is_resuming() { Share::Replacement } else { Share::Space };
    match partition.mailbox.reserve(draft.weight(), share) {
        Ok(room) => Reach::Room(room),
        Err(Full) => Reach::Missed(partition.cut_off(ledger.last() + 1)),
    }
}

/// Without a journal there is nothing to read: half-way down its backlog a subscription goes on with what comes then.
fn resume_in_memory(space: &Space, partition: &Partition) {
    if partition.subscription.is_cut_off() && partition.mailbox.has_recovered() {
        partition.subscription.resume();
        partition.subscription.resumed();
        let (index, missed) = (partition.name.index, partition.subscription.missed().load(Ordering::Relaxed));
        space.note("warn", format!("subscription of partition {index} goes on; {missed} events are lost to it by now"));
    }
}

fn deliver_event(
    (route, draft): (&EventRoute, &Draft),
    to: Vec<Receiver>,
    (id, at_ns): (MessageId, u64),
    router: &Router,
) {
    // Receivers come in the order of the route's subscribers.
    for (Receiver { space, reach, .. }, subscriber) in to.into_iter().zip(&route.subscribers) {
        subscriber.count(router, &draft.sender, &route.topic);
        match reach {
            Reach::Room(room) => {
                let message = draft.message(id, Kind::Event(route.topic.clone()));
                let mut envelope = Envelope::new(message, room, id.sequence);
                envelope.enqueued_ns = at_ns;
                envelope.recorded = router.ledger.keeps_records();
                envelope.deliver();
            }
            Reach::Missed(missed) => missed.written(&space, id.sequence, &router.audit),
        }
    }
}
