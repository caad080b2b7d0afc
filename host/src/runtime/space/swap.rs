//! The barrier at which a partition changes to a new version, together with all its sisters.
//!
//! ```text
//! at rest -> all are -> the turn's state moves over -> start, migrate -> all could? -> commit, or back
//! ```
//!
//! Each step answers to the one who ordered the swap; if that one goes away, the old version goes on.

use super::Instance;
use super::actor::{Actor, Seat};
use super::probation::Watched;
use super::restart::Health;
use super::turn::{Effects, Terms, Undo};
use crate::wasm::{self, HostCalls};
use crate::words::Limits;
use std::time::Duration;
use tokio::sync::oneshot;

pub struct SwapOrder {
    /// The new version, instantiated beside the old.
    pub candidate: Instance,
    pub terms: Terms,
    pub at_rest: oneshot::Sender<()>,
    /// What to do with the state, once all are.
    pub all_at_rest: oneshot::Receiver<Migration>,
    pub tried: oneshot::Sender<Result<Effects, String>>,
    /// That all partitions could; the swap is undone if nobody says so.
    pub settle: oneshot::Receiver<Settled>,
    pub done: oneshot::Sender<()>,
}

/// The deployment's place in the journal: its sequence, and the number of this partition's first message.
pub struct Settled {
    pub sequence: u64,
    pub first: u64,
    pub probation: Watched,
}

/// Whether `migrate` is called, and with what.
#[derive(Debug, Clone)]
pub enum Migration {
    /// The same version with other bytes or settings, or back to one whose state is still there.
    Unneeded,
    NewSpace,
    From(String),
    /// Back to the version before, with its state.
    TakeBack(Undo),
}

impl Actor {
    pub(super) async fn swap(&mut self, order: SwapOrder) {
        let SwapOrder { mut candidate, terms, at_rest, all_at_rest, tried, settle, done } = order;
        // The orderer may have given up; then so do the waits below.
        let _ = at_rest.send(());
        let migration = all_at_rest.await;
        self.partition.clear_cancel();
        let Ok(migration) = migration else { return };
        self.exchange(&mut candidate);
        let settings = terms.settings.clone();
        let former = candidate.host_mut().change_terms(terms);
        let outcome = try_out(&mut candidate, &settings.limits, migration).await;
        let outcome = outcome.and_then(|()| candidate.host_mut().migrated());
        let could = outcome.is_ok();
        let _ = tried.send(outcome);
        let settled = if could { settle.await.ok() } else { None };
        if let Some(Settled { sequence, first, probation }) = settled {
            self.probation = probation;
            candidate.host_mut().commit_migration(sequence, first);
            self.seat = Seat::Live(Box::new(candidate));
            self.health = Health::default();
            self.rest_until = None;
            self.publish_memory();
        } else {
            candidate.host_mut().discard();
            candidate.host_mut().change_terms(former);
            self.exchange(&mut candidate);
        }
        let _ = done.send(());
    }

    /// Moves the partition's turn between the instance that serves and the candidate.
    fn exchange(&mut self, candidate: &mut Instance) {
        std::mem::swap(self.turn_mut(), candidate.host_mut());
    }
}

/// Starts the candidate and lets it migrate, as an uncommitted turn.
async fn try_out(candidate: &mut Instance, limits: &Limits, migration: Migration) -> Result<(), String> {
    start(candidate, limits).await?;
    let from = match migration {
        Migration::Unneeded => return Ok(()),
        Migration::NewSpace => None,
        Migration::From(version) => Some(version),
        Migration::TakeBack(undo) => {
            candidate.host_mut().take_back(undo);
            return Ok(());
        }
    };
    candidate.host_mut().begin_migration();
    migrate(candidate, from, limits).await
}

/// Calls `migrate` under its budget, in a turn that has begun.
pub async fn migrate<H: HostCalls>(
    instance: &mut wasm::Instance<H>,
    from: Option<String>,
    limits: &Limits,
) -> Result<(), String> {
    let migrate = instance.migrate(from, Duration::from_millis(limits.migrate_cpu_ms));
    match tokio::time::timeout(limits.wall_per_turn(), migrate).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(failure))) => Err(format!("`migrate` failed: {failure}")),
        Ok(Err(broken)) => Err(format!("`migrate` failed: {broken}")),
        Err(_) => Err(format!("`migrate` took longer than {:?}", limits.wall_per_turn())),
    }
}

/// Calls `start` under its budget.
pub async fn start<H: HostCalls>(instance: &mut wasm::Instance<H>, limits: &Limits) -> Result<(), String> {
    let start = instance.start(Duration::from_millis(limits.start_cpu_ms));
    match tokio::time::timeout(limits.wall_per_turn(), start).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(failure))) => Err(format!("`start` failed: {failure}")),
        Ok(Err(broken)) => Err(format!("`start` failed: {broken}")),
        Err(_) => Err(format!("`start` took longer than {:?}", limits.wall_per_turn())),
    }
}
