//! What an operator's word does to the course of a file: reload, rollback, stop, start.
//!
//! Pure like the rest of the course. The orders that need the runtime are begun here only when it is free; the caller
//! keeps them until then.

use super::{Course, Phase, Plan};
use crate::reload::decision::Decision;
use crate::reload::judgement::{Identity, rolled_back};
use crate::reload::status::Verdict;
use crate::runtime::api::{DeployError, Deployed};
use std::time::{Duration, Instant};

impl<A: Clone> Course<A> {
    /// An operator wants the file looked at now. `force`: brought in whatever is remembered of it.
    pub fn reload(&mut self, force: bool, now: Instant) {
        self.force |= force;
        self.watched.look_now(now);
    }

    /// The former version is wanted back. None: there is none. What is on its way in is turned back, too.
    pub fn roll_back(&mut self, why: &str, now: Instant) -> Option<Plan<A>> {
        let former = self.memory.former.clone()?;
        let running = self.memory.running.as_ref()?.identity.clone();
        self.memory.rolled_back.extend(self.underway().map(|identity| identity.digest.clone()));
        if self.underway().is_some() {
            self.watched.note_change(now);
        }
        self.phase = Phase::Applying;
        let then = rolled_back(&running.digest, why);
        self.memory.rolled_back.push(running.digest);
        let identity = Identity { digest: former.identity.digest, settings: running.settings };
        Some(Plan { identity, artifact: former.artifact, compile: Duration::ZERO, then })
    }

    /// Takes in the outcome of a rollback.
    pub fn rolled_back(&mut self, plan: Plan<A>, outcome: &Result<Deployed, DeployError>) {
        self.phase = Phase::Idle;
        match outcome {
            Ok(deployed) => {
                self.serve(plan, deployed);
                // Going back twice would bring in what was just turned out.
                self.memory.former = None;
            }
            Err(_) => self.memory.rolled_back.clear(),
        }
    }

    /// An operator stops the space. What is on its way in is looked at again when it starts.
    pub fn stop(&mut self, now: Instant) {
        if self.underway().is_some() {
            self.watched.note_change(now);
        }
        self.resume = false;
        self.phase = Phase::Applying;
    }

    /// An operator starts the space. A file that changed meanwhile comes first, so that not even one message meets the
    /// version that was stopped for a reason.
    pub fn start(&mut self, now: Instant) {
        self.stopped = false;
        self.resume = true;
        if self.watched.decide(now) != Decision::Nothing {
            self.watched.look_now(now);
        }
    }

    /// Takes in that the runtime has stopped or resumed the space, or refused to.
    pub fn halted(&mut self, stopped: bool, done: bool) {
        self.phase = Phase::Idle;
        if done && stopped {
            self.stopped = true;
            self.verdict = Verdict::Stopped;
        } else if done && self.verdict == Verdict::Stopped {
            self.verdict = Verdict::Serving;
        }
    }

    /// An operator wants all forgotten that the space holds.
    pub fn purge(&mut self, now: Instant) {
        if self.underway().is_some() {
            self.watched.note_change(now);
        }
        self.phase = Phase::Applying;
    }

    /// Takes in that nothing is left of the space, or that it was refused. What comes next of its file comes as if for the
    /// first time.
    pub fn purged(&mut self, done: bool, now: Instant) {
        self.phase = Phase::Idle;
        if done {
            self.memory.running = None;
            self.memory.former = None;
            self.report = None;
            if self.stopped {
                self.watched.note_change(now);
            }
        }
    }
}
