//! Forgetting a space for good: the orderer's side.
//!
//! ```text
//! all partitions at rest -> one record -> all forget
//! ```
//!
//! One record stands for all of it: after a crash all is there or all is gone. Only a space that does not run is purged. Its
//! partitions stay, empty, because turns of others may have room in their mailboxes; what such a turn sends after the record
//! waits for the next version, which is a new space's first.

use super::api::{Holdings, Outcome, Refusal, SpaceState};
use super::past::PastSpace;
use super::space::Space;
use super::space::actor::Control;
use super::space::purge::{PurgeOrder, purged};
use super::{Inner, Runtime};
use crate::store::ledger::Scribe;
use crate::store::record::Record;
use crate::words::SpaceName;
use futures::future::join_all;
use std::sync::Arc;
use tokio::sync::oneshot;

impl Runtime {
    /// What a purge would take. Refused when the space cannot be purged now.
    pub fn holdings(&self, name: &SpaceName) -> Result<Holdings, Refusal> {
        if let Some(space) = self.0.purgeable(name)? {
            let usage = space.usage();
            return Ok(Holdings {
                keys: usage.state_keys,
                bytes: usage.state_bytes,
                messages: usage.backlog_messages,
                timers: usage.timers,
                dead_letters: usage.dead_letters,
            });
        }
        let past = self.0.past();
        past.look(name).map(PastSpace::holdings).ok_or_else(|| self.0.unknown(name))
    }

    /// Deletes state, timers, backlog, dead letters and version of a space for good. It is done when it is on disk.
    pub async fn purge(&self, name: &SpaceName) -> Result<Holdings, Refusal> {
        if self.0.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let (sequence, gone) = match self.0.purgeable(name)? {
            Some(space) => {
                let _one_at_a_time = space.deploying.lock().await;
                // It may have been started while this waited.
                self.0.purgeable(name)?;
                let purged = self.0.purge_all(&space).await?;
                space.note("warn", format!("purged: {} are gone for good", purged.1));
                purged
            }
            None => self.0.purge_past(name)?,
        };
        tracing::warn!(space = %name, "purged by the operator: {gone} are gone for good");
        self.0.router.gate.durable(sequence).await;
        Ok(gone)
    }
}

impl Inner {
    /// The space, if it is one that does not run. None: it has not been loaded, or there is none.
    fn purgeable(&self, name: &SpaceName) -> Result<Option<Arc<Space>>, Refusal> {
        if !self.router.is_open() {
            return Err(Refusal::Starting);
        }
        let Some(space) = self.router.space(name).filter(|space| space.former().is_some()) else { return Ok(None) };
        match space.state() {
            SpaceState::Stopped | SpaceState::Removed => Ok(Some(space)),
            state => Err(Refusal::NotStopped { space: name.clone(), state: state.word() }),
        }
    }

    async fn purge_all(&self, space: &Arc<Space>) -> Result<(u64, Holdings), Refusal> {
        let (mut resting, mut orders, mut dones) = (Vec::new(), Vec::new(), Vec::new());
        for partition in &space.partitions {
            let ((at_rest, rests), (order, purged), (end, done)) =
                (oneshot::channel(), oneshot::channel(), oneshot::channel());
            partition.mailbox.push_control(Control::Purge(PurgeOrder { at_rest, purged, done: end }));
            resting.push(rests);
            orders.push(order);
            dones.push(done);
        }
        let mut gone = Holdings::default();
        for holdings in join_all(resting).await {
            // An actor that is gone ends with the host; dropping the orders leaves all as it was.
            gone += holdings.map_err(|_| Refusal::Stopping)?;
        }
        let (sequence, dead_letters) = space.graves.clear(|| self.write_purge(&space.name));
        gone.dead_letters = dead_letters;
        space.set_new();
        space.set_state(SpaceState::Removed, "it was purged");
        self.router.update(|_| {});
        for order in orders {
            let _ = order.send(sequence);
        }
        join_all(dones).await;
        Ok((sequence, gone))
    }

    /// One that has not been loaded since the host started.
    fn purge_past(&self, name: &SpaceName) -> Result<(u64, Holdings), Refusal> {
        // Held until it is written down, so that no deployment takes it up in between.
        let mut past = self.past();
        let Some(space) = past.take(name) else { return Err(self.unknown(name)) };
        let sequence = self.write_purge(name);
        for (envelope, _) in
            space.parts.values().flat_map(|part| &part.pending).filter(|(envelope, _)| envelope.tracked)
        {
            self.router.outcomes.ended(envelope.message.id, Outcome::Failed { failure: purged(name) });
        }
        Ok((sequence, space.holdings()))
    }

    fn write_purge(&self, name: &SpaceName) -> u64 {
        let ledger = &self.router.ledger;
        match ledger.keeps_records() {
            true => Scribe::default().submit(ledger, &Record::Purged { space: name.as_str() }),
            false => ledger.next_sequence(),
        }
    }
}
