//! Forgetting a space for good: the orderer's side.
//!
//! ```text
//! all partitions at rest -> one record -> all forget
//! ```
//!
//! One record stands for all of it: after a crash all is there or all is gone. Only a space that does not run is purged. Its
//! partitions stay, empty, because turns of others may have room in their mailboxes; what such a turn sends after the record
//! waits for the next version, which is a new space's first.

use super::api::{Holdings, Refusal, SpaceState};
use super::space::Space;
use super::space::actor::Control;
use super::space::purge::PurgeOrder;
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
        let usage = self.0.purgeable(name)?.usage();
        Ok(Holdings {
            keys: usage.state_keys,
            bytes: usage.state_bytes,
            messages: usage.backlog_messages,
            timers: usage.timers,
            dead_letters: usage.dead_letters,
        })
    }

    /// Deletes state, timers, backlog, dead letters and version of a space for good. It is done when it is on disk.
    pub async fn purge(&self, name: &SpaceName) -> Result<Holdings, Refusal> {
        if self.0.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let space = self.0.purgeable(name)?;
        let _one_at_a_time = space.deploying.lock().await;
        // It may have been started while this waited.
        self.0.purgeable(name)?;
        let (sequence, gone) = self.0.purge_all(&space).await?;
        self.0.past().forget(name);
        space.note("warn", format!("purged by the operator: {gone} are gone for good"));
        self.0.router.gate.durable(sequence).await;
        Ok(gone)
    }
}

impl Inner {
    /// The space, if it is one that does not run.
    fn purgeable(&self, name: &SpaceName) -> Result<Arc<Space>, Refusal> {
        if !self.router.is_open() {
            return Err(Refusal::Starting);
        }
        let there = self.router.space(name).filter(|space| space.former().is_some() || !space.is_empty());
        let space = there.ok_or_else(|| self.unknown(name))?;
        match space.state() {
            SpaceState::Stopped | SpaceState::Removed => Ok(space),
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

    fn write_purge(&self, name: &SpaceName) -> u64 {
        let ledger = &self.router.ledger;
        match ledger.keeps_records() {
            true => Scribe::default().submit(ledger, &Record::Purged { space: name.as_str() }),
            false => ledger.next_sequence(),
        }
    }
}
