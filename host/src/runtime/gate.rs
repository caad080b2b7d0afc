//! The output gate: nothing leaves the host before what it rests on is on disk.
//!
//! Owns what waits to leave, and tells the ledger that it waits. The committer opens it; where everything is durable at once
//! nothing ever waits. Listeners outside hear events from the durable groups themselves, which keeps
//! their order that of the journal. When the disk fails it stays shut for good.

use super::heard::events_of;
use super::listeners::Listeners;
use super::space::envelope::{Answer, Waiter};
use crate::store::journal::{Group, JournalError};
use crate::store::ledger::{Ledger, Listen};
use crate::store::record::Record;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot, watch};

/// With the feature `ungated` nothing waits: it exists for the one test that shows that the power cuts would tell.
const SHUT: bool = !cfg!(feature = "ungated");

pub struct Gate {
    ledger: Ledger,
    listeners: Arc<Listeners>,
    /// In no order: nearly all of it leaves with the group that is being written, or with the next.
    waiting: Mutex<Vec<Held>>,
    /// Rung after each group.
    opened: Notify,
    failure: watch::Sender<Option<String>>,
}

/// What waits, and for which sequence.
struct Held {
    until: u64,
    what: Leaving,
}

enum Leaving {
    Reply(Waiter, Answer),
    Word(oneshot::Sender<()>),
}

impl Leaving {
    fn leave(self, rests_on: u64) {
        match self {
            Leaving::Reply(waiter, answer) => waiter.answer(answer, rests_on),
            // Whoever asked may have gone.
            Leaving::Word(told) => drop(told.send(())),
        }
    }
}

impl Gate {
    pub fn new(ledger: Ledger, listeners: Arc<Listeners>) -> Self {
        Gate { ledger, listeners, waiting: Mutex::default(), opened: Notify::new(), failure: watch::Sender::default() }
    }

    /// Gives the answer to whoever waits; outside the host, as soon as `rests_on` is on disk.
    pub fn answer(&self, waiter: Waiter, answer: Answer, rests_on: u64) {
        if waiter.leaves_host {
            self.hold(Held { until: rests_on, what: Leaving::Reply(waiter, answer) });
        } else {
            waiter.answer(answer, rests_on);
        }
    }

    /// Waits until everything up to `sequence` is on disk.
    pub async fn durable(&self, sequence: u64) {
        if self.lets_out(sequence) {
            return;
        }
        let (told, word) = oneshot::channel();
        self.hold(Held { until: sequence, what: Leaving::Word(told) });
        if word.await.is_err() {
            // Dropped unanswered: the disk has failed or the host ends, and it must not seem durable.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the next group to be on disk.
    pub async fn next_group(&self) {
        let opened = self.opened.notified();
        if self.ledger.is_congested() {
            opened.await;
        }
    }

    /// Why the disk has failed, once it has.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.subscribe();
        let reason = failure.wait_for(Option::is_some).await.map(|reason| reason.clone());
        match reason {
            Ok(reason) => reason.unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    fn lets_out(&self, sequence: u64) -> bool {
        !SHUT || self.ledger.durable() >= sequence
    }

    fn hold(&self, held: Held) {
        if self.lets_out(held.until) {
            return held.what.leave(held.until);
        }
        let mut waiting = self.lock();
        // Looked at again under the lock: a group that became durable since then has opened the gate without this one.
        if self.ledger.durable() < held.until {
            let until = held.until;
            waiting.push(held);
            drop(waiting);
            return self.ledger.want(until);
        }
        drop(waiting);
        held.what.leave(held.until);
    }

    fn open(&self, up_to: u64) {
        let leaving: Vec<Held> = self.lock().extract_if(.., |held| held.until <= up_to).collect();
        for held in leaving {
            held.what.leave(held.until);
        }
        self.opened.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listen for Gate {
    fn durable(&self, sequence: u64, group: &Group) {
        self.open(sequence);
        if !self.listeners.is_empty() {
            for (sequence, encoded) in group.iter() {
                // What this host has just encoded decodes.
                if let Ok(record) = Record::decode(encoded) {
                    events_of(sequence, &record, |_| true, |event| self.listeners.hear(event));
                }
            }
        }
    }

    fn is_eager(&self) -> bool {
        !self.listeners.is_empty()
    }

    fn failed(&self, error: &JournalError) {
        tracing::error!("the disk has failed, and the host ends: {error}");
        self.failure.send_replace(Some(error.to_string()));
    }
}
