//! The router: who is there, which topic reaches whom, and the sequence that orders all turns.
//!
//! The table is replaced as a whole when spaces come, change or go; senders keep the routes they use until its version
//! changes. Delivery never waits.

use super::api::{Published, SpaceState};
use super::listeners::Listeners;
use super::outcomes::Outcomes;
use super::space::envelope::Envelope;
use super::space::mailbox::Share;
use super::space::{Partition, Space};
use super::waits::Waits;
use crate::words::failure::code;
use crate::words::message::{Headers, Kind, Sender, weigh};
use crate::words::{Address, Failure, Message, MessageId, SpaceName, Topic};
use arc_swap::ArcSwap;
use bytes::Bytes;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub struct Router {
    table: ArcSwap<Table>,
    /// Changes with the table.
    version: AtomicU64,
    sequence: AtomicU64,
    /// Tells the ids of this run of the host from those of others.
    pub host_id: String,
    pub waits: Waits,
    pub listeners: Arc<Listeners>,
    pub outcomes: Outcomes,
}

pub type Table = HashMap<SpaceName, Arc<Space>>;

/// The spaces that a topic reaches.
pub struct EventRoute {
    pub topic: Arc<str>,
    subscribers: Vec<Arc<Space>>,
}

/// The space and command that an address means.
pub struct CommandRoute {
    pub space: Arc<Space>,
    pub command: Arc<str>,
}

/// A message without its id: what a turn wants to send.
pub struct Draft {
    pub sender: Sender,
    pub body: Bytes,
    pub key: Option<Arc<str>>,
    pub headers: Headers,
    pub hops: u16,
    pub depends_on: u64,
}

impl Draft {
    fn message(&self, id: MessageId, kind: Kind) -> Message {
        Message {
            id,
            sender: self.sender.clone(),
            kind,
            body: self.body.clone(),
            key: self.key.clone(),
            headers: self.headers.clone(),
            hops: self.hops,
        }
    }

    /// What it will weigh in a mailbox.
    pub fn weight(&self) -> usize {
        weigh(&self.body, &self.headers)
    }

    pub fn into_message(self, id: MessageId, kind: Kind) -> Message {
        let Draft { sender, body, key, headers, hops, .. } = self;
        Message { id, sender, kind, body, key, headers, hops }
    }
}

impl Router {
    pub fn new() -> Self {
        Router {
            table: ArcSwap::default(),
            version: AtomicU64::new(1),
            sequence: AtomicU64::new(0),
            host_id: format!("{:08x}", rand_id()),
            waits: Waits::default(),
            listeners: Arc::default(),
            outcomes: Outcomes::default(),
        }
    }

    /// The next number in the order of all turns.
    pub fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    pub fn space(&self, name: &SpaceName) -> Option<Arc<Space>> {
        self.table.load().get(name).cloned()
    }

    /// Changes who is there, or makes senders look again because a descriptor has changed.
    pub fn update(&self, change: impl Fn(&mut Table)) {
        self.table.rcu(|table| {
            let mut next = Table::clone(table);
            change(&mut next);
            next
        });
        self.version.fetch_add(1, Ordering::Release);
    }

    fn command_route(&self, address: &str) -> Result<CommandRoute, Failure> {
        let Address { space: name, command } =
            Address::parse(address).map_err(|error| Failure::last(code::BAD_ADDRESS, error.to_string()))?;
        let unknown = || Failure::passing(code::UNKNOWN_SPACE, format!("there is no space `{name}`"));
        let space = self.space(&name).filter(|space| space.state() != SpaceState::Removed).ok_or_else(unknown)?;
        let known = space.loaded().is_some_and(|loaded| loaded.artifact.descriptor().has_command(&command));
        if !known {
            let message = format!("space `{name}` has no command `{command}`");
            return Err(Failure::last(code::UNKNOWN_COMMAND, message));
        }
        Ok(CommandRoute { space, command })
    }

    fn event_route(&self, topic: &str) -> Result<EventRoute, Failure> {
        let topic = Topic::parse(topic).map_err(|error| Failure::last(code::BAD_TOPIC, error.to_string()))?;
        let hears =
            |space: &&Arc<Space>| space.loaded().is_some_and(|loaded| loaded.artifact.descriptor().hears(&topic));
        let mut subscribers: Vec<_> = self.table.load().values().filter(hears).cloned().collect();
        subscribers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(EventRoute { topic: topic.shared(), subscribers })
    }

    /// Delivers an event to its subscribers and listeners. Never fails: a subscriber without room is cut off.
    pub fn deliver_event(&self, route: &EventRoute, id: MessageId, draft: Draft) {
        if !self.listeners.is_empty() {
            self.listeners.hear(published(&route.topic, id, &draft));
        }
        let Some((last, others)) = route.subscribers.split_last() else { return };
        for space in others {
            deliver_to(space, draft.message(id, Kind::Event(route.topic.clone())), draft.depends_on);
        }
        let depends_on = draft.depends_on;
        deliver_to(last, draft.into_message(id, Kind::Event(route.topic.clone())), depends_on);
    }
}

fn published(topic: &Arc<str>, id: MessageId, draft: &Draft) -> Published {
    Published {
        id,
        topic: topic.clone(),
        source: draft.sender.source().into(),
        body: draft.body.clone(),
        key: draft.key.clone(),
        headers: draft.headers.clone(),
        time: SystemTime::now(),
    }
}

fn deliver_to(space: &Space, message: Message, depends_on: u64) {
    let partition = space.partition(message.key.as_deref());
    if partition.subscription.is_cut_off() && !try_to_resume(space, partition, message.id.sequence) {
        partition.subscription.miss(message.id.sequence);
        return;
    }
    match partition.mailbox.reserve(message.weight(), Share::Space) {
        Ok(room) => partition.mailbox.push(Envelope::new(message, room, depends_on)),
        Err(_) => {
            if partition.subscription.miss(message.id.sequence) {
                let sequence = message.id.sequence;
                space.note(
                    "warn",
                    format!(
                        "subscription of partition {} cut off at {sequence}: its backlog is full",
                        partition.name.index
                    ),
                );
            }
        }
    }
}

/// Half-way down its backlog a subscription goes on with what comes then; what it missed is reported as a gap.
fn try_to_resume(space: &Space, partition: &Partition, sequence: u64) -> bool {
    if !partition.mailbox.has_recovered() {
        return false;
    }
    if let Some(first) = partition.subscription.resume() {
        let index = partition.name.index;
        space.note(
            "warn",
            format!("subscription of partition {index} goes on at {sequence}; it missed events from {first} on"),
        );
    }
    true
}

fn rand_id() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(SystemTime::now()) as u32
}

/// The routes that one sender uses, kept until the table changes.
#[derive(Default)]
pub struct RouteCache {
    version: u64,
    events: HashMap<String, Arc<EventRoute>, RandomState>,
    commands: HashMap<String, Arc<CommandRoute>, RandomState>,
}

/// Topics made of ids would fill the cache without end.
const CACHED_ROUTES: usize = 1_024;

impl RouteCache {
    pub fn event(&mut self, router: &Router, topic: &str) -> Result<Arc<EventRoute>, Failure> {
        self.refresh(router);
        if let Some(route) = self.events.get(topic) {
            return Ok(route.clone());
        }
        let route = Arc::new(router.event_route(topic)?);
        if self.events.len() == CACHED_ROUTES {
            self.events.clear();
        }
        self.events.insert(topic.to_owned(), route.clone());
        Ok(route)
    }

    pub fn command(&mut self, router: &Router, address: &str) -> Result<Arc<CommandRoute>, Failure> {
        self.refresh(router);
        if let Some(route) = self.commands.get(address) {
            return Ok(route.clone());
        }
        let route = Arc::new(router.command_route(address)?);
        if self.commands.len() == CACHED_ROUTES {
            self.commands.clear();
        }
        self.commands.insert(address.to_owned(), route.clone());
        Ok(route)
    }

    fn refresh(&mut self, router: &Router) {
        let version = router.version.load(Ordering::Acquire);
        if self.version != version {
            *self = RouteCache { version, ..RouteCache::default() };
        }
    }
}
