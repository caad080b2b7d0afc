//! The partition's side of looking at what it holds, and of forgetting it.
//!
//! ```text
//! at rest -> all are, and one record says that all is purged -> forget
//! ```
//!
//! While it rests nothing of the partition is written down, so each of its records lies before that of the purge or after
//! it. If whoever ordered the purge goes away, nothing has happened.

use super::actor::Actor;
use super::envelope::{Answer, Envelope};
use super::restart::Health;
use crate::runtime::api::{Holdings, Outcome};
use crate::wasm::{HostCalls, Page};
use crate::words::failure::code;
use crate::words::{Failure, SpaceName};
use tokio::sync::oneshot;

/// One page of the state as the last turn has left it.
pub struct Shown {
    pub page: Page,
    /// All that the partition has done so far has a lower sequence, or this one; what it does next has a higher one.
    pub sequence: u64,
}

pub struct ShowOrder {
    pub prefix: Vec<u8>,
    pub limit: u32,
    pub after: Option<Vec<u8>>,
    pub shown: oneshot::Sender<Shown>,
}

pub struct PurgeOrder {
    /// What there is to forget.
    pub at_rest: oneshot::Sender<Holdings>,
    /// The sequence of the record.
    pub purged: oneshot::Receiver<u64>,
    pub done: oneshot::Sender<()>,
}

impl Actor {
    pub(super) fn show(&self, order: ShowOrder) {
        let ShowOrder { prefix, limit, after, shown } = order;
        let page = self.turn().scan(&prefix, limit, after.as_deref());
        // Whoever asked may have gone.
        let _ = shown.send(Shown { page, sequence: self.router.ledger.last() });
    }

    pub(super) async fn purge(&mut self, order: PurgeOrder) {
        let PurgeOrder { at_rest, purged, done } = order;
        // Nobody has been promised anything yet who still waits for an answer: refused, it can be asked again.
        self.refuse_those_who_wait();
        let _ = at_rest.send(self.holdings());
        let Ok(sequence) = purged.await else { return };
        self.wipe(sequence);
        let _ = done.send(());
    }

    /// Dead letters are the space's.
    fn holdings(&self) -> Holdings {
        let (keys, bytes) = self.turn().state_usage();
        let (messages, _) = self.partition.mailbox.backlog();
        Holdings { keys, bytes, messages, timers: self.turn().timers.len() as u64, dead_letters: 0 }
    }

    fn wipe(&mut self, sequence: u64) {
        self.purged_at = sequence;
        self.vacate();
        self.turn_mut().wipe(sequence);
        self.health = Health::default();
        self.rest_until = None;
        let mut waiting = std::mem::take(&mut self.batch);
        waiting.extend(std::mem::take(&mut self.held).into_values());
        waiting.extend(self.backoff.remove(|_| true));
        self.router.asked_before.forget(&self.partition.name);
        for envelope in waiting {
            // What has come since the record was written is not purged.
            if envelope.depends_on < sequence { self.forget(*envelope) } else { self.batch.push_back(envelope) }
        }
        for id in self.partition.mailbox.forget_put_off(sequence) {
            self.router.outcomes.ended(id, Outcome::Failed { failure: purged(&self.space.name) });
        }
        self.reader = None;
        // What it has missed before is nothing that it has still to read.
        self.partition.subscription.read_up_to(sequence + 1, u64::MAX);
        self.turn().publish_usage();
    }

    /// Whether it was on its way when the space was purged: on disk it is gone.
    pub(super) fn is_purged(&self, envelope: &Envelope) -> bool {
        envelope.recorded && envelope.depends_on < self.purged_at
    }

    /// It will never be handled, and whoever asks is told so.
    pub(super) fn forget(&self, envelope: Envelope) {
        if envelope.tracked {
            self.router.outcomes.ended(envelope.message.id, Outcome::Failed { failure: purged(&self.space.name) });
        }
        if let Some(waiter) = envelope.waiter {
            waiter.answer(Answer::Unavailable("purged"), 0);
        }
    }
}

/// What became of a message that was purged.
pub fn purged(space: &SpaceName) -> Failure {
    Failure::last(code::PURGED, format!("`{space}` was purged, and this message with it"))
}
