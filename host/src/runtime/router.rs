//! The router: who is there, which topic reaches whom, and the sequence that orders all turns.
//!
//! The table is replaced as a whole when spaces come, change or go; senders keep the routes they use until its version
//! changes. Delivery never waits.

use super::api::{Published, SpaceState};
use super::asked::AskedBefore;
use super::audit::Audit;
use super::gate::Gate;
use super::listeners::Listeners;
use super::outcomes::Outcomes;
use super::space::Space;
use super::space::probation::FailedProbations;
use super::traces::Traces;
use super::waits::Waits;
use crate::store::ledger::Ledger;
use crate::store::record::Idempotency;
use crate::words::failure::code;
use crate::words::grants::{Access, Passed};
use crate::words::message::{Headers, Kind, Sender, weigh};
use crate::words::{Address, Failure, Message, MessageId, SpaceName, Topic};
use arc_swap::ArcSwap;
use bytes::Bytes;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

pub struct Router {
    table: ArcSwap<Table>,
    /// Changes with the table.
    version: AtomicU64,
    pub ledger: Ledger,
    pub gate: Arc<Gate>,
    /// The sequence of the host's start, from which messages that no record makes are counted.
    started: u64,
    entries: AtomicU64,
    /// Tells the ids of this host's messages from those of others.
    pub host_id: String,
    pub waits: Waits,
    pub listeners: Arc<Listeners>,
    pub outcomes: Outcomes,
    pub asked_before: AskedBefore,
    pub audit: Audit,
    pub failed_probations: FailedProbations,
    pub traces: Traces,
    /// Where the past is read from; none in memory.
    pub journal: Option<PathBuf>,
    ticks: Arc<AtomicU64>,
    /// Turns begin only when all that was there has been loaded.
    open: AtomicBool,
}

pub type Table = HashMap<SpaceName, Arc<Space>>;

/// The spaces that a topic reaches.
pub struct EventRoute {
    pub topic: Arc<str>,
    pub subscribers: Vec<Arc<Space>>,
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
    pub idempotency: Option<Idempotency>,
}

impl Draft {
    pub fn message(&self, id: MessageId, kind: Kind) -> Message {
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
    pub fn new(ledger: Ledger, started: u64, host_id: String, journal: Option<PathBuf>, ticks: Arc<AtomicU64>) -> Self {
        let listeners = Arc::<Listeners>::default();
        let gate = Arc::new(Gate::new(ledger.clone(), listeners.clone()));
        ledger.listen(gate.clone());
        Router {
            table: ArcSwap::default(),
            version: AtomicU64::new(1),
            ledger,
            gate,
            started,
            entries: AtomicU64::new(0),
            host_id,
            waits: Waits::default(),
            listeners,
            outcomes: Outcomes::default(),
            asked_before: AskedBefore::default(),
            audit: Audit::default(),
            failed_probations: FailedProbations::default(),
            traces: Traces::default(),
            journal,
            ticks,
            open: AtomicBool::new(false),
        }
    }

    /// The id of a message that no record makes.
    pub fn next_entry(&self) -> MessageId {
        MessageId { sequence: self.started, ordinal: self.entries.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    /// Of a millisecond, since the host started. Quicker to read than a clock.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub fn open(&self) {
        self.open.store(true, Ordering::Release);
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

    fn command_route(&self, access: &Access, address: &str) -> Result<CommandRoute, Failure> {
        let address = Address::parse(address).map_err(|error| Failure::last(code::BAD_ADDRESS, error.to_string()))?;
        self.passed(access, access.to_command(&address)?);
        let Address { space: name, command } = address;
        let unknown = || Failure::passing(code::UNKNOWN_SPACE, format!("there is no space `{name}`"));
        let space = self.space(&name).filter(|space| space.state() != SpaceState::Removed).ok_or_else(unknown)?;
        let Some(loaded) = space.loaded() else {
            return Err(Failure::passing(code::UNAVAILABLE, format!("no version of `{name}` serves yet")));
        };
        if !loaded.artifact.descriptor().has_command(&command) {
            let message = format!("space `{name}` has no command `{command}`");
            return Err(Failure::last(code::UNKNOWN_COMMAND, message));
        }
        Ok(CommandRoute { space, command })
    }

    fn event_route(&self, access: &Access, topic: &str) -> Result<EventRoute, Failure> {
        let topic = Topic::parse(topic).map_err(|error| Failure::last(code::BAD_TOPIC, error.to_string()))?;
        self.passed(access, access.to_publish(&topic)?);
        let table = self.table.load();
        let private = self.is_private(&topic);
        let hears = |space: &&Arc<Space>| space.hears(&topic) && (!private || self.may_hear_private(space, &topic));
        let mut subscribers: Vec<_> = table.values().filter(hears).cloned().collect();
        subscribers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(EventRoute { topic: topic.shared(), subscribers })
    }

    fn is_private(&self, topic: &Topic) -> bool {
        let owner = SpaceName::parse(topic.first_token()).ok().and_then(|owner| self.space(&owner));
        owner.and_then(|owner| owner.loaded()).is_some_and(|loaded| loaded.artifact.descriptor().keeps_private(topic))
    }

    fn may_hear_private(&self, space: &Space, topic: &Topic) -> bool {
        let may = space.may_hear_private(topic);
        if !may {
            self.audit.of_space(space, "private-topic", topic);
        }
        may
    }

    /// In development a space learns what it will have to ask for.
    fn passed(&self, access: &Access, passed: Passed) {
        if let (Passed::Unasked(told), Some(space)) = (passed, access.space().and_then(|name| self.space(name))) {
            space.note("warn", format!("denied outside of development: {told}"));
        }
    }

    /// Tells those who listen outside, unless they hear it when it is on disk.
    pub fn hear(&self, event: impl FnOnce() -> Published) {
        if !self.ledger.keeps_records() && !self.listeners.is_empty() {
            self.listeners.hear(event());
        }
    }
}

pub fn published(topic: &Arc<str>, id: MessageId, draft: &Draft) -> Published {
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
    pub fn event(&mut self, router: &Router, access: &Access, topic: &str) -> Result<Arc<EventRoute>, Failure> {
        self.refresh(router);
        if let Some(route) = self.events.get(topic) {
            return Ok(route.clone());
        }
        let route = Arc::new(router.event_route(access, topic)?);
        if self.events.len() == CACHED_ROUTES {
            self.events.clear();
        }
        self.events.insert(topic.to_owned(), route.clone());
        Ok(route)
    }

    pub fn command(&mut self, router: &Router, access: &Access, address: &str) -> Result<Arc<CommandRoute>, Failure> {
        self.refresh(router);
        if let Some(route) = self.commands.get(address) {
            return Ok(route.clone());
        }
        let route = Arc::new(router.command_route(access, address)?);
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
