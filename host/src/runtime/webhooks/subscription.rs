//! What a webhook gets, one event after the other, in the order of the journal.
//!
//! Owns the way from where it was to the live end and back: events come from the inbox, or, when that had no room or before it
//! was there, from the journal. Whoever asks for the next event is done with the one before. What the journal no longer holds
//! is a gap, which is told and never passed over. In memory there is no journal: events come from a listener.

use super::feed::{Inbox, Taken};
use super::hook::Hook;
use super::letters::HookLetter;
use super::{MessageId, Pattern, Which};
use crate::runtime::Runtime;
use crate::runtime::api::{Heard, Published};
use crate::runtime::history::{HistoryError, Past};
use crate::runtime::listeners::{Listener, Listeners};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How old what is said of a webhook may be that gets nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Closed when it is dropped.
pub struct Subscription {
    runtime: Runtime,
    hook: Arc<Hook>,
    source: Source,
}

enum Source {
    Journal(Box<Reading>),
    /// None only while it is dropped.
    Memory(Option<Memory>),
}

/// In memory, all that there is of the past. It waits for the next subscription of the same webhook.
pub struct Memory {
    listener: Listener,
    patterns: Vec<Pattern>,
    /// Given out, and not done with.
    in_hand: Option<Arc<Published>>,
    /// Events that a change of the patterns has cost, and that nobody has been told of.
    lost: u64,
}

struct Reading {
    inbox: Arc<Inbox>,
    patterns: Vec<Pattern>,
    /// Everything up to there has been given out, or is not for it.
    position: MessageId,
    /// Where the journal is being read, beyond `ahead`.
    past: Option<Past>,
    /// Read, and still to be given out.
    ahead: VecDeque<Published>,
}

/// What comes next.
pub enum Next {
    Event(Arc<Published>),
    /// Events are lost to it.
    Gap(Gap),
    /// The journal does not read; asked again, it is tried again.
    Unreadable(String),
    /// The host ends.
    End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// All events of these records.
    Records { from: u64, to: u64 },
    /// So many events, in memory.
    Events(u64),
}

impl Subscription {
    pub fn new(runtime: Runtime, hook: Arc<Hook>, patterns: Vec<Pattern>) -> Self {
        let router = &runtime.0.router;
        let source = match &router.journal {
            Some(journal) => {
                let inbox = runtime.0.webhooks.feed.open(patterns.clone(), &router.ledger, journal);
                let (position, ahead) = (hook.cursor(), VecDeque::new());
                Source::Journal(Box::new(Reading { inbox, patterns, position, past: None, ahead }))
            }
            None => Source::Memory(Some(Memory::go_on(hook.take_memory(), &router.listeners, patterns))),
        };
        Subscription { runtime, hook, source }
    }

    /// Waits for the next event. May be broken off: then the same comes next time.
    pub async fn next(&mut self) -> Next {
        match &mut self.source {
            Source::Journal(reading) => reading.next(&self.runtime, &self.hook).await,
            Source::Memory(Some(memory)) => memory.next().await,
            Source::Memory(None) => Next::End,
        }
    }

    /// It is done with that event, and so with all before it.
    pub fn done(&mut self, event: MessageId) {
        self.put_down();
        self.hook.done(event);
    }

    fn put_down(&mut self) {
        if let Source::Memory(Some(memory)) = &mut self.source {
            memory.in_hand = None;
        }
    }

    /// The event is given up, and set aside after so many attempts. It is done with.
    pub fn bury(&mut self, event: Arc<Published>, attempts: u32, failure: &str) {
        self.put_down();
        self.hook.bury(&self.runtime.0.router.ledger, event, attempts, failure);
    }

    /// A dead letter was tried again, once and in vain.
    pub fn bury_again(&self, event: Arc<Published>, failure: &str) {
        self.hook.bury_again(&self.runtime.0.router.ledger, event, failure);
    }

    /// A dead letter has been delivered.
    pub fn exhumed(&self, event: MessageId) {
        self.hook.exhume(&self.runtime.0.router.ledger, Which::One(event), false);
    }

    /// The first dead letter that is to be posted again.
    pub fn retried(&self) -> Option<HookLetter> {
        self.hook.retried()
    }

    /// Whether one more dead letter fits.
    pub fn has_room(&self) -> bool {
        self.hook.has_room()
    }

    /// To be waited for beside the next event.
    pub fn bell(&self) -> LetterBell {
        LetterBell(self.hook.clone())
    }
}

/// Rings when dead letters are to be posted again, or are gone.
pub struct LetterBell(Arc<Hook>);

impl LetterBell {
    pub async fn rung(&self) {
        self.0.changed().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        match &mut self.source {
            Source::Journal(reading) => reading.inbox.close(),
            Source::Memory(memory) => self.hook.keep_memory(memory.take()),
        }
        self.hook.close();
    }
}

impl Memory {
    /// What waited for other patterns than those that hold now is lost.
    fn go_on(before: Option<Memory>, listeners: &Arc<Listeners>, patterns: Vec<Pattern>) -> Self {
        match before {
            Some(memory) if memory.patterns == patterns => memory,
            before => {
                let lost = before.as_ref().map_or(0, |memory| memory.lost + memory.listener.waiting());
                let in_hand = before.and_then(|memory| memory.in_hand);
                Memory { listener: listeners.add_all(patterns.clone()), patterns, in_hand, lost }
            }
        }
    }

    /// The one that is in hand comes again.
    async fn next(&mut self) -> Next {
        if self.lost > 0 {
            return Next::Gap(Gap::Events(std::mem::take(&mut self.lost)));
        }
        if let Some(event) = &self.in_hand {
            return Next::Event(event.clone());
        }
        match self.listener.next().await {
            Some(Heard::Event(event)) => Next::Event(self.in_hand.insert(event).clone()),
            Some(Heard::Gap { missed }) => Next::Gap(Gap::Events(missed)),
            None => Next::End,
        }
    }
}

impl Reading {
    async fn next(&mut self, runtime: &Runtime, hook: &Hook) -> Next {
        loop {
            if let Some(event) = self.ahead.pop_front() {
                self.position = event.id;
                return Next::Event(Arc::new(event));
            }
            // What is being read from the journal goes before all that comes by itself.
            if self.past.is_none() {
                match self.inbox.take(self.position) {
                    Taken::Event(event) => {
                        self.position = event.id;
                        return Next::Event(event);
                    }
                    Taken::Quiet(at) => {
                        self.is_through(at, hook);
                        // What does not concern it rings no bell, and is passed over now and then.
                        let _ = tokio::time::timeout(LOOK_AGAIN, self.inbox.more()).await;
                        continue;
                    }
                    Taken::Behind => {}
                }
            }
            if let Some(trouble) = self.read_on(runtime, hook).await {
                return trouble;
            }
        }
    }

    /// There was nothing more up to that sequence.
    fn is_through(&mut self, sequence: u64, hook: &Hook) {
        self.position = self.position.max(MessageId { sequence, ordinal: u64::MAX });
        hook.nothing_up_to(sequence);
    }

    /// Reads a page of the journal, up to what is durable now.
    async fn read_on(&mut self, runtime: &Runtime, hook: &Hook) -> Option<Next> {
        let past = self.past.take().map_or_else(|| runtime.events_after(self.position, self.patterns.clone()), Ok);
        let mut past = match past {
            Ok(past) => past,
            Err(error) => return Some(Next::Unreadable(error.to_string())),
        };
        // Reading takes files. Broken off here, it begins again at the position.
        let read = tokio::task::spawn_blocking(move || (past.page(), past)).await;
        let Ok((page, past)) = read else { return Some(Next::End) };
        match page {
            Ok(Some(events)) => {
                self.ahead = events.into();
                self.past = Some(past);
                None
            }
            Ok(None) => {
                self.is_through(past.until, hook);
                if !self.inbox.has_caught_up(past.until) {
                    self.past = Some(past.up_to(runtime.0.router.ledger.durable()));
                }
                None
            }
            Err(HistoryError::Gone { first }) => {
                // Of a record from which something has been given out, there may have been more.
                let from = self.position.sequence + u64::from(self.position.ordinal == u64::MAX);
                let to = first.saturating_sub(1);
                self.is_through(to, hook);
                Some(Next::Gap(Gap::Records { from, to }))
            }
            Err(error) => Some(Next::Unreadable(error.to_string())),
        }
    }
}
