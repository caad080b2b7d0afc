//! The course of one file from sighting to serving: which step is due, and what each outcome leads to.
//!
//! ```text
//! sighted -> (quiet) -> look -> compile -> (still the same?) -> swap -> serving
//!                         |        |                              |
//!                         +--------+--- refused: what runs goes on +
//! ```
//!
//! Pure: time is passed in, steps are handed out and their outcomes handed back; the reconciler carries them out. A
//! change during a compile does not stop it, for it may be a mere touch: the outcome waits until the file has been looked
//! at again, and is dropped if the bytes are others.

mod operator;

use super::decision::{Decision, Watched};
use super::judgement::{Digest, Identity, Judgement, Memory, Version};
use super::status::{ReloadReport, Unfit, Verdict};
use crate::runtime::api::{DeployError, Deployed, Kept, Remembered};
use std::time::{Duration, Instant};

/// What to do now. All but `Wait` and `Rest` are to be carried out and their outcome reported.
#[derive(Debug)]
pub enum Step<A> {
    /// Until then, or until something happens.
    Wait(Option<Instant>),
    /// All is done that can be done.
    Rest,
    Look,
    /// Bring back the version of this digest, which served before the host started.
    Restore(Digest),
    Swap(Plan<A>),
    Remove,
    Resume,
    /// What runs is no longer granted what it asks for; the text says what is missing.
    Park(String),
}

/// A version to be swapped in.
#[derive(Debug, Clone)]
pub struct Plan<A> {
    pub identity: Identity,
    pub artifact: A,
    pub compile: Duration,
    /// The verdict on the file when it has succeeded.
    pub then: Verdict,
}

/// What a look found.
#[derive(Debug)]
pub enum Looked<B> {
    /// Not what was sighted.
    Changed,
    Unreadable(String),
    /// Its settings are wrong.
    Rejected(String),
    Whole(Identity, B),
}

/// An order to compile; the ticket comes back with the outcome.
#[derive(Debug)]
pub struct Compile<B> {
    pub ticket: u64,
    pub identity: Identity,
    pub bytes: B,
}

#[derive(Debug)]
enum Phase<A> {
    Idle,
    Compiling {
        ticket: u64,
        identity: Identity,
    },
    Ready(Plan<A>),
    /// The runtime is at it: nothing else may begin.
    Applying,
}

#[derive(Debug)]
pub struct Course<A> {
    pub watched: Watched,
    pub memory: Memory<A>,
    pub verdict: Verdict,
    /// Of the bytes last read.
    pub digest: Option<Digest>,
    pub report: Option<ReloadReport>,
    pub stopped: bool,
    resume: bool,
    force: bool,
    looking: bool,
    phase: Phase<A>,
    /// Since when there is a version to be swapped in.
    ready_since: Option<Instant>,
    tickets: u64,
    /// What runs must not go on.
    to_park: Option<String>,
    /// Served before the host started, and goes before what lies in the folder now.
    before: Option<Digest>,
}

impl<A: Clone> Course<A> {
    pub fn new(watched: Watched) -> Self {
        Course {
            watched,
            memory: Memory::default(),
            verdict: Verdict::Compiling,
            digest: None,
            report: None,
            stopped: false,
            resume: false,
            force: false,
            looking: false,
            phase: Phase::Idle,
            ready_since: None,
            tickets: 0,
            to_park: None,
            before: None,
        }
    }

    /// The file of a space that an earlier host has served. What served then is brought back before the file is looked at:
    /// another file is a reload like any other, with a version to go on with if it is refused.
    pub fn of_before(watched: Watched, kept: Kept) -> Self {
        let memory = Memory::of_before(kept.remembered);
        Course { memory, before: kept.digest, ..Course::new(watched) }
    }

    /// The next step. Those that begin something count as begun.
    pub fn next(&mut self, now: Instant) -> Step<A> {
        if self.is_applying() || self.looking {
            return Step::Wait(None);
        }
        if let Some(digest) = self.before.take() {
            self.phase = Phase::Applying;
            return Step::Restore(digest);
        }
        match self.watched.decide(now) {
            Decision::Wait(until) => Step::Wait(Some(until)),
            Decision::Load if self.stopped => Step::Rest,
            Decision::Load => {
                self.watched.deal_with(now);
                self.looking = true;
                Step::Look
            }
            Decision::Remove => {
                self.watched.deal_with(now);
                self.phase = Phase::Applying;
                Step::Remove
            }
            Decision::Nothing => self.next_when_settled(),
        }
    }

    fn next_when_settled(&mut self) -> Step<A> {
        match std::mem::replace(&mut self.phase, Phase::Applying) {
            Phase::Ready(plan) => Step::Swap(plan),
            Phase::Idle if let Some(reason) = self.to_park.take() => Step::Park(reason),
            Phase::Idle if std::mem::take(&mut self.resume) => Step::Resume,
            phase @ Phase::Idle => {
                self.phase = phase;
                Step::Rest
            }
            phase => {
                self.phase = phase;
                Step::Wait(None)
            }
        }
    }

    /// Whether the version of that digest is the one that runs.
    pub fn runs(&self, digest: &str) -> bool {
        self.memory.running.as_ref().is_some_and(|running| *running.identity.digest == *digest)
    }

    /// Since when a version waits for nothing but its swap.
    pub fn ready_since(&self) -> Option<Instant> {
        self.ready_since.filter(|_| matches!(self.phase, Phase::Ready(_)))
    }

    /// Whether another version is on its way in, or could be.
    pub fn is_changing(&self, now: Instant) -> bool {
        let at_rest = matches!(self.phase, Phase::Idle) && !self.looking;
        !at_rest || (!self.stopped && self.watched.decide(now) != Decision::Nothing)
    }

    pub fn is_applying(&self) -> bool {
        matches!(self.phase, Phase::Applying)
    }

    /// Takes in what a look found. What is to be compiled is returned.
    pub fn looked<B>(&mut self, found: Looked<B>, now: Instant) -> Option<Compile<B>> {
        self.looking = false;
        self.ready_since = Some(now);
        if self.stopped || self.is_applying() {
            // The operator was faster; what is there is looked at again after his order.
            self.watched.note_change(now);
            return None;
        }
        match found {
            Looked::Changed => self.watched.moved_on(now),
            Looked::Unreadable(reason) => self.give_up(Verdict::Unreadable { reason }),
            Looked::Rejected(reason) => self.give_up(Verdict::Rejected { reason }),
            Looked::Whole(identity, bytes) => return self.found(identity, bytes),
        }
        None
    }

    fn give_up(&mut self, verdict: Verdict) {
        self.phase = Phase::Idle;
        self.force = false;
        self.verdict = verdict;
    }

    fn found<B>(&mut self, identity: Identity, bytes: B) -> Option<Compile<B>> {
        self.digest = Some(identity.digest.clone());
        let force = std::mem::take(&mut self.force);
        if !force && self.underway() == Some(&identity) {
            return None;
        }
        self.memory.forget_other_rejection(&identity);
        match self.memory.judge(&identity, force) {
            Judgement::Leave(verdict) => self.give_up(verdict),
            Judgement::Resettle(then) => self.resettle(identity, then),
            Judgement::Compile => {
                self.tickets += 1;
                let ticket = self.tickets;
                self.phase = Phase::Compiling { ticket, identity: identity.clone() };
                self.verdict = Verdict::Compiling;
                return Some(Compile { ticket, identity, bytes });
            }
        }
        None
    }

    fn underway(&self) -> Option<&Identity> {
        match &self.phase {
            Phase::Compiling { identity, .. } => Some(identity),
            Phase::Ready(plan) => Some(&plan.identity),
            Phase::Idle | Phase::Applying => None,
        }
    }

    fn resettle(&mut self, found: Identity, then: Verdict) {
        if let Some(running) = &self.memory.running {
            let identity = Identity { digest: running.identity.digest.clone(), settings: found.settings };
            let artifact = running.artifact.clone();
            self.phase = Phase::Ready(Plan { identity, artifact, compile: Duration::ZERO, then });
        }
    }

    /// Takes in the outcome of a compile. One that was superseded is dropped.
    pub fn compiled(&mut self, ticket: u64, outcome: Result<A, Unfit>, compile: Duration, now: Instant) {
        let identity = match &self.phase {
            Phase::Compiling { ticket: current, identity } if *current == ticket => identity.clone(),
            _ => return,
        };
        match outcome {
            Ok(artifact) => {
                self.phase = Phase::Ready(Plan { identity, artifact, compile, then: Verdict::Serving });
                self.ready_since = Some(now);
            }
            Err(Unfit { reason, passing: true }) => self.give_up(Verdict::Rejected { reason }),
            Err(Unfit { reason, passing: false }) => self.reject(identity, reason),
        }
    }

    fn reject(&mut self, identity: Identity, reason: String) {
        self.memory.rejected = Some(identity.rejected(reason.clone()));
        self.phase = Phase::Idle;
        self.verdict = Verdict::Rejected { reason };
    }

    /// Takes in the outcome of a swap.
    pub fn swapped(&mut self, plan: Plan<A>, outcome: &Result<Deployed, DeployError>) {
        self.phase = Phase::Idle;
        match outcome {
            Ok(deployed) => self.serve(plan, deployed),
            // No fault of the version: it is tried when the host runs again.
            Err(DeployError::Stopping) => {}
            Err(DeployError::Ungranted(reason)) => self.park(&plan, reason),
            Err(error) => self.reject(plan.identity, error.to_string()),
        }
    }

    /// Nothing of it is remembered: the settings decide, and they are looked at each time. What runs with settings that grant
    /// it less than before may not go on.
    fn park(&mut self, plan: &Plan<A>, reason: &str) {
        self.verdict = Verdict::Parked { reason: reason.to_owned() };
        if self.runs(&plan.identity.digest) {
            self.to_park = Some(reason.to_owned());
        }
    }

    /// Takes in that what ran is parked. When it may serve again it is brought in anew.
    pub fn parked(&mut self) {
        self.phase = Phase::Idle;
        self.memory.running = None;
    }

    pub fn is_parked(&self) -> bool {
        matches!(self.verdict, Verdict::Parked { .. })
    }

    /// Takes in whether what served before serves again. If not, the file is all there is.
    pub fn restored(&mut self, outcome: Result<(Plan<A>, Deployed), String>) {
        self.phase = Phase::Idle;
        if let Ok((plan, deployed)) = outcome {
            // That it serves says nothing of what was refused then.
            let Remembered { rejected, rolled_back } = self.memory.remembered();
            self.serve(plan, &deployed);
            (self.memory.rejected, self.memory.rolled_back) = (rejected, rolled_back);
        }
    }

    fn serve(&mut self, plan: Plan<A>, deployed: &Deployed) {
        let Plan { identity, artifact, compile, then } = plan;
        let before = self.memory.running.take();
        self.report = Some(ReloadReport {
            from_generation: before.as_ref().map(|version| version.generation),
            to_generation: deployed.generation,
            from_digest: before.as_ref().map(|version| version.identity.digest.to_string()),
            to_digest: identity.digest.to_string(),
            compile_ms: compile.as_millis() as u64,
            check_us: deployed.checked.interface.as_micros() as u64,
            replay_us: deployed.checked.replay.as_micros() as u64,
            instantiate_us: deployed.instantiate.as_micros() as u64,
            barrier_us: deployed.barrier.as_micros() as u64,
            migrate_us: deployed.migrate.as_micros() as u64,
            pause_us: deployed.pause.as_micros() as u64,
            warnings: deployed.checked.warnings.clone(),
        });
        if before.as_ref().is_some_and(|version| version.identity.digest != identity.digest) {
            self.memory.former = before;
        }
        if then == Verdict::Serving {
            self.memory.rolled_back.clear();
        }
        self.memory.rejected = None;
        self.memory.running = Some(Version { identity, artifact, generation: deployed.generation });
        self.verdict = then;
    }

    /// Takes in that the file is gone and its space drained, or that it was there after all.
    pub fn removed(&mut self, gone: bool, now: Instant) {
        self.phase = Phase::Idle;
        self.resume = false;
        if !gone {
            return self.watched.moved_on(now);
        }
        self.memory = Memory::default();
        self.digest = None;
        self.stopped = false;
        self.verdict = Verdict::Removed;
    }
}

#[cfg(test)]
mod tests;
