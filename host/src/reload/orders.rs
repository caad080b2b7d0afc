//! What operators order: reload, rollback, stop, start, quarantine, purge. Each is answered once.
//!
//! Reload and start are answered when all is done that can be done; rollback, stop and purge need the runtime to themselves, so
//! they wait until it is through with what it is at.

use super::Reply;
use super::course::Plan;
use super::deployer::Deployer;
use super::jobs;
use super::reconciler::{Order, Reconciler};
use super::scan::Sight;
use super::status::{ReloadError, Verdict};
use super::tracked::{Cause, Exclusive};
use crate::runtime::api::{DeployError, Deployed, FailedProbation, Holdings, Refusal};
use crate::words::SpaceName;
use std::time::Instant;

const BY_OPERATOR: &str = "by the operator; `spacehost start` lets it serve again, and so does a new version";

impl<D: Deployer> Reconciler<D> {
    pub(super) async fn take(&mut self, order: Order) {
        match order {
            Order::Reload { name, force, reply } => match self.scan_for_order().await {
                Ok(()) => self.reload(&name, force, reply),
                Err(error) => drop(reply.send(Err(error))),
            },
            Order::Rollback { name, reply } => self.queue(&name, Exclusive::Rollback(Cause::Operator(reply))),
            Order::Stop { name, reply } => self.queue(&name, Exclusive::Stop(reply)),
            Order::Quarantine { name, reply } => match self.ordered(&name) {
                Ok(()) => self.quarantine(name, reply),
                Err(error) => drop(reply.send(Err(error))),
            },
            Order::Purge { name, reply } => self.purge(name, reply),
            Order::Start { name, reply } => match self.scan_for_order().await {
                Ok(()) => self.start(&name, reply),
                Err(error) => drop(reply.send(Err(error))),
            },
            // The loop ends with it before it gets here.
            Order::Shutdown { reply } => drop(reply),
        }
    }

    /// What was copied a moment ago is meant, whether or not the watcher has reported it.
    async fn scan_for_order(&mut self) -> Result<(), ReloadError> {
        self.scan().await;
        match &self.scan_trouble {
            Some(trouble) => Err(ReloadError::Folder(trouble.clone())),
            None => Ok(()),
        }
    }

    fn reload(&mut self, name: &SpaceName, force: bool, reply: Reply<crate::reload::FileStatus>) {
        let tracked = self.spaces.get_mut(name.as_str());
        match tracked.filter(|tracked| tracked.course.watched.seen().component != Sight::Absent) {
            Some(tracked) if tracked.course.stopped => drop(reply.send(Err(ReloadError::Stopped(name.clone())))),
            Some(tracked) => {
                tracked.course.reload(force, Instant::now());
                tracked.reloading.push(reply);
            }
            None => drop(reply.send(Err(ReloadError::Unknown(name.clone())))),
        }
    }

    fn start(&mut self, name: &SpaceName, reply: Reply<()>) {
        // One that was purged has no version, and still is to be started.
        let stopped = self.spaces.get(name.as_str()).is_some_and(|tracked| tracked.course.stopped);
        if let (false, Err(error)) = (stopped, self.runs(name)) {
            return drop(reply.send(Err(error)));
        }
        if let Some(tracked) = self.spaces.get_mut(name.as_str()) {
            tracked.course.start(Instant::now());
            tracked.starting.push(reply);
        }
    }

    /// It needs no place in the queue: whatever the runtime is at, the turn in hand is the last one.
    fn quarantine(&mut self, name: SpaceName, reply: Reply<()>) {
        let deployer = self.deployer.clone();
        tokio::spawn(async move {
            deployer.quarantine(&name, BY_OPERATOR).await;
            // Whoever asked may have gone.
            let _ = reply.send(Ok(()));
        });
    }

    fn purge(&mut self, name: SpaceName, reply: Reply<Holdings>) {
        if self.spaces.contains_key(name.as_str()) {
            return self.queue(&name, Exclusive::Purge(reply));
        }
        // No file is there, so nothing of it is being brought in or out.
        let deployer = self.deployer.clone();
        tokio::spawn(async move {
            let outcome = deployer.purge(&name).await;
            let _ = reply.send(outcome.map_err(|refusal| ReloadError::Runtime { space: name, refusal }));
        });
    }

    /// Whether the space has a version that serves or could.
    fn runs(&self, name: &SpaceName) -> Result<(), ReloadError> {
        match self.spaces.get(name.as_str()) {
            Some(tracked) if tracked.runs() => Ok(()),
            Some(_) => Err(ReloadError::Runtime { space: name.clone(), refusal: Refusal::UnknownSpace(name.clone()) }),
            None => Err(ReloadError::Unknown(name.clone())),
        }
    }

    /// Whether the space takes a new version.
    fn ordered(&self, name: &SpaceName) -> Result<(), ReloadError> {
        self.runs(name)?;
        let stopped = self.spaces.get(name.as_str()).is_some_and(|tracked| tracked.course.stopped);
        if stopped { Err(ReloadError::Stopped(name.clone())) } else { Ok(()) }
    }

    /// What an order finds is judged when it begins: by then a version that is being swapped in has come in or not.
    fn queue(&mut self, name: &SpaceName, order: Exclusive) {
        match self.spaces.get_mut(name.as_str()) {
            Some(tracked) => tracked.queued.push_back(order),
            None => order.refuse(ReloadError::Unknown(name.clone())),
        }
    }

    /// Begins the next order that had to wait, if the runtime is free.
    pub(super) fn begin_queued(&mut self, stem: &str, now: Instant) {
        while let Some((name, order)) = self.next_queued(stem) {
            let may_begin = match order {
                Exclusive::Stop(_) => self.runs(&name),
                Exclusive::Rollback(_) => self.ordered(&name),
                Exclusive::Purge(_) => Ok(()),
            };
            match may_begin {
                Ok(()) => self.begin_order(stem, name, order, now),
                Err(error) => order.refuse(error),
            }
        }
    }

    fn next_queued(&mut self, stem: &str) -> Option<(SpaceName, Exclusive)> {
        let tracked = self.spaces.get_mut(stem).filter(|tracked| !tracked.course.is_applying())?;
        Some((tracked.files.name.clone()?, tracked.queued.pop_front()?))
    }

    fn begin_order(&mut self, stem: &str, name: SpaceName, order: Exclusive, now: Instant) {
        let Some(tracked) = self.spaces.get_mut(stem) else { return };
        let deployer = self.deployer.clone();
        match order {
            Exclusive::Stop(_) => {
                tracked.course.stop(now);
                tracked.current = Some(order);
                self.begin(stem, jobs::halt(deployer, name, true));
            }
            Exclusive::Purge(_) => {
                tracked.course.purge(now);
                tracked.current = Some(order);
                self.begin(stem, jobs::purge(deployer, name));
            }
            Exclusive::Rollback(cause) => self.begin_rollback(stem, name, cause, now),
        }
    }

    fn begin_rollback(&mut self, stem: &str, name: SpaceName, cause: Cause, now: Instant) {
        let Some(tracked) = self.spaces.get_mut(stem) else { return };
        let why = match &cause {
            Cause::Operator(_) => "an operator wanted it",
            Cause::Failed(failed) if tracked.course.runs(&failed.digest) => &failed.reason,
            // Another version has come meanwhile.
            Cause::Failed(_) => return,
        };
        match (tracked.course.roll_back(why, now), cause) {
            (Some(plan), cause) => {
                tracked.current = Some(Exclusive::Rollback(cause));
                let swapping = jobs::swap(self.deployer.clone(), name, plan, true);
                self.begin(stem, swapping);
            }
            (None, Cause::Operator(reply)) => drop(reply.send(Err(ReloadError::NoFormerVersion(name)))),
            // Then it fails like any other version, and is quarantined if it goes on.
            (None, Cause::Failed(failed)) => {
                tracing::warn!("{name}: {}; there is no version to go back to", failed.reason)
            }
        }
    }

    /// A version that fails at its begin gives way to the one before.
    pub(super) fn failed(&mut self, failed: FailedProbation) {
        let name = failed.space.clone();
        self.queue(&name, Exclusive::Rollback(Cause::Failed(failed)));
    }

    pub(super) fn rolled_back(&mut self, stem: &str, plan: Plan<D::Artifact>, outcome: Result<Deployed, DeployError>) {
        let Some(tracked) = self.spaces.get_mut(stem) else { return };
        tracked.course.rolled_back(plan, &outcome);
        let (Some(Exclusive::Rollback(cause)), Some(space)) = (tracked.current.take(), tracked.files.name.clone())
        else {
            return;
        };
        self.show(stem);
        self.publish();
        match (cause, outcome) {
            // Whoever asked may have gone.
            (Cause::Operator(reply), outcome) => {
                drop(reply.send(outcome.map_err(|error| ReloadError::Refused { space, error })));
            }
            (Cause::Failed(_), Ok(_) | Err(DeployError::Stopping)) => {}
            (Cause::Failed(failed), Err(error)) => self.hold_up(stem, space, format!("{}; {error}", failed.reason)),
        }
    }

    /// Neither forward nor back: it stands still until somebody acts.
    fn hold_up(&mut self, stem: &str, space: SpaceName, reason: String) {
        let quarantining = jobs::quarantine(self.deployer.clone(), space, reason);
        self.begin(stem, quarantining);
    }

    pub(super) fn halted(&mut self, stem: &str, stopped: bool, outcome: Result<(), Refusal>) {
        let Some(tracked) = self.spaces.get_mut(stem) else { return };
        tracked.course.halted(stopped, outcome.is_ok());
        let answer = tracked.translated(outcome.clone());
        let current = tracked.current.take();
        self.show(stem);
        self.publish();
        if let Some(Exclusive::Stop(reply)) = current {
            let _ = reply.send(answer);
        }
        if let (false, Some(tracked)) = (stopped, self.spaces.get_mut(stem)) {
            tracked.answer_starts(&outcome);
        }
    }

    pub(super) fn purged(&mut self, stem: &str, outcome: Result<Holdings, Refusal>) {
        let Some(tracked) = self.spaces.get_mut(stem) else { return };
        let done = outcome.is_ok();
        tracked.course.purged(done, Instant::now());
        let answer = tracked.translated(outcome);
        let current = tracked.current.take();
        if done && tracked.course.verdict == Verdict::Removed {
            // Neither file nor anything else is left of it.
            tracked.answer_gone();
            self.spaces.remove(stem);
        }
        self.show(stem);
        self.publish();
        if let Some(Exclusive::Purge(reply)) = current {
            let _ = reply.send(answer);
        }
    }
}
