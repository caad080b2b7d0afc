//! One message from the actor's hand to its end: the call into the guest, and what becomes of the turn and of the message.
//!
//! ```text
//! call -> answered a reply  -> commit -> who waits is answered
//!      -> answered a failure, trapped, too long -> effects gone -> retry, dead letter, or whoever waits is told
//!      -> interrupted -> the same again
//! ```

use super::actor::{Actor, Seat};
use super::chronicle;
use super::count;
use super::envelope::{Answer, Envelope, Waiter};
use super::graves::Grave;
use super::probation::FailedProbation;
use super::restart::{Fault, Fitness, Verdict, judge};
use super::turn::allowance::check_reply;
use super::turn::now_ms;
use crate::runtime::api::{Outcome, SpaceState};
use crate::store::ledger::Scribe;
use crate::store::record::Record;
use crate::wasm::{Broken, Entry, Path};
use crate::words::failure::code;
use crate::words::message::{Kind, PartitionName};
use crate::words::{Failure, MessageId};
use bytes::Bytes;
use rand::Rng;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long a partition rests whose version has failed its probation, if nobody decides what follows.
const UNTIL_DECIDED: Duration = Duration::from_secs(1);

/// Which handler a message is for, with its name.
pub fn entry(kind: &Kind) -> (Entry, Arc<str>) {
    match kind {
        Kind::Command(name) => (Entry::Command, name.clone()),
        Kind::Event(name) => (Entry::Event, name.clone()),
        Kind::Timer(name) => (Entry::Timer, name.clone()),
    }
}

/// How a call into the guest ended. Unless it was answered, the instance is gone.
enum Ended {
    /// There is no instance to call.
    NotBegun(Box<Envelope>, Failure),
    Answered(Result<Bytes, Failure>),
    Broken(Broken),
    /// It took longer than a turn may.
    TooLong,
    /// A reload did not want to wait for it.
    Cancelled,
}

impl Actor {
    /// Gives the message in hand to the guest, and settles what becomes of it.
    pub(super) async fn handle(&mut self, envelope: Box<Envelope>) {
        // A wait that was given up before the turn has withdrawn its message.
        if envelope.waiter.as_ref().is_some_and(|waiter| !waiter.begin()) {
            drop(self.give_up(envelope));
            return;
        }
        self.partition.pace.guest_begins(self.router.ticks()).await;
        let ended = self.attempt(envelope).await;
        // Who has waited for a reply may have done nothing all the time.
        self.partition.pace.guest_has_ended(self.router.ticks(), self.turn().has_asked()).await;
        match ended {
            Ended::NotBegun(envelope, broken) => self.could_not_start(envelope, &broken),
            Ended::Answered(Ok(reply)) => match check_reply(&self.turn().settings().limits, &reply) {
                Ok(()) => self.succeeded(reply),
                Err(failure) => {
                    self.router.audit.of_space(&self.space, "reply-too-large", &failure.message);
                    self.failed(Fault::Failed(failure));
                }
            },
            Ended::Answered(Err(failure)) => self.failed(Fault::Failed(failure)),
            Ended::Broken(Broken::Slice) | Ended::Cancelled => self.repeat(),
            Ended::Broken(Broken::Abort(failure)) => self.broke_off(failure),
            Ended::Broken(broken) => {
                self.router.audit.of_space(&self.space, broken.cause(), &broken);
                self.broke_off(Failure::passing(code::TRAPPED, broken.to_string()));
            }
            Ended::TooLong => {
                let allowed = self.turn().settings().limits.wall_per_turn();
                let failure = Failure::passing(code::TIMEOUT, format!("the turn took longer than {allowed:?}"));
                self.router.audit.of_space(&self.space, "wall_per_turn_ms", &failure.message);
                self.broke_off(failure);
            }
        }
    }

    /// What the guest costs: its call, before that an instance if there is none, and the end of one that broke off, which takes
    /// the system a while if it had much memory.
    async fn attempt(&mut self, envelope: Box<Envelope>) -> Ended {
        if let Seat::Empty(_) = self.seat
            && let Err(broken) = self.take_seat().await
        {
            return Ended::NotBegun(envelope, broken);
        }
        let ended = self.call(envelope).await;
        if let Seat::Live(instance) = &mut self.seat {
            let cpu = instance.cpu_used();
            self.partition.counters.note_costs(cpu, instance.host_calls_made());
            instance.host_mut().used_cpu(cpu);
            if let Ended::Broken(Broken::Slice) = ended {
                instance.leave_sync_path();
            }
        }
        match ended {
            Ended::Answered(_) | Ended::NotBegun(..) => {}
            // No fault of the guest's.
            Ended::Cancelled | Ended::Broken(Broken::Slice) => self.vacate(),
            Ended::Broken(_) | Ended::TooLong => {
                self.partition.pace.broke_off();
                self.vacate();
            }
        }
        ended
    }

    async fn call(&mut self, envelope: Box<Envelope>) -> Ended {
        let Seat::Live(instance) = &mut self.seat else { return Ended::Cancelled };
        let (entry, name) = entry(&envelope.message.kind);
        let body = envelope.message.body.clone();
        instance.host_mut().begin(envelope);
        let limits = &instance.host().settings().limits;
        let (cpu, wall) = (limits.cpu_per_turn(), limits.wall_per_turn());
        if instance.path() == Path::Sync {
            return instance.call_sync(entry, name, body, cpu).map_or_else(Ended::Broken, Ended::Answered);
        }
        let mut call = pin!(instance.call_fiber(entry, name, body, cpu));
        // Most calls end at once; only those that wait pay for a time-out.
        let at_once = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(result) = at_once {
            return result.map_or_else(Ended::Broken, Ended::Answered);
        }
        tokio::select! {
            biased;
            result = &mut call => result.map_or_else(Ended::Broken, Ended::Answered),
            () = self.partition.turn_cancelled() => Ended::Cancelled,
            () = tokio::time::sleep(wall) => Ended::TooLong,
        }
    }

    fn succeeded(&mut self, reply: Bytes) {
        let (envelope, sequence) = self.turn_mut().commit(&reply);
        count(&self.partition.counters.turns, 1);
        self.health.succeeded();
        if self.probation.as_ref().is_some_and(|probation| probation.succeeded()) {
            self.probation = None;
        }
        let Some(envelope) = envelope else { return };
        self.timer_ended(&envelope, self.turn().ended_ms());
        if envelope.tracked {
            self.router.outcomes.ended(envelope.message.id, Outcome::Done { reply: reply.clone() });
        }
        if let Some(waiter) = envelope.into_waiter() {
            self.router.gate.answer(waiter, Answer::Ok(reply), sequence);
        }
    }

    /// The guest answered a failure: the instance is fine, the effects are gone.
    fn failed(&mut self, fault: Fault) {
        count(&self.partition.counters.failures, 1);
        self.turn_mut().note_failed();
        self.health.succeeded();
        if self.turn().is_awaited() {
            let failure = fault.failure().clone();
            self.answer_failure(&failure, Answer::Failed(failure.clone()));
        } else if let Some(envelope) = self.turn_mut().discard() {
            self.settle(envelope, &fault);
        }
    }

    /// The guest trapped, or was ended: effects and instance are gone.
    fn broke_off(&mut self, failure: Failure) {
        self.turn_mut().note_failed();
        count(&self.partition.counters.traps, 1);
        let Some(message) = self.turn().message() else { return };
        let sequence = message.id;
        let line = format!(
            "{} `{}` ({}) broke off: {}",
            message.kind.word(),
            message.kind.name(),
            message.id,
            failure.message
        );
        self.space.note("warn", line);
        if failure.retryable {
            self.judge_probation(Some(sequence), &failure.message);
        }
        if self.turn().is_awaited() {
            let answer = match &*failure.code {
                code::TIMEOUT => Answer::TimedOut(failure.message.clone()),
                code::DIVERGED => Answer::Failed(failure.clone()),
                _ => Answer::Broken(failure.message.clone()),
            };
            self.answer_failure(&failure, answer);
        } else if let Some(envelope) = self.turn_mut().discard() {
            let fault = if failure.retryable { Fault::Broken(failure) } else { Fault::Failed(failure) };
            self.settle(envelope, &fault);
        }
        self.faulted(Some(sequence));
    }

    /// Someone waits for the message in hand, so it is done with.
    fn answer_failure(&mut self, failure: &Failure, answer: Answer) {
        let (envelope, rests_on) = self.turn_mut().fail(failure);
        if let Some(waiter) = envelope.and_then(Envelope::into_waiter) {
            self.router.gate.answer(waiter, answer, rests_on);
        }
    }

    /// The turn is handled again at once, and this attempt does not count.
    fn repeat(&mut self) {
        if let Some(mut envelope) = self.turn_mut().discard() {
            envelope.attempt -= 1;
            self.put_back(envelope);
        }
    }

    /// It is handled again before whatever else its sender has sent.
    fn put_back(&mut self, envelope: Box<Envelope>) {
        if let Some(envelope) = self.backoff.put_back(envelope) {
            self.batch.push_front(envelope);
        }
    }

    /// It is not handled here, and whoever asked may ask again under the same id: what it had got before is kept for then.
    pub(super) fn give_up(&self, mut envelope: Box<Envelope>) -> Option<Waiter> {
        if envelope.request.is_some() && !envelope.first.requests.is_empty() {
            let first = std::mem::take(&mut envelope.first);
            self.router.asked_before.note(PartitionName::clone(&self.partition.name), envelope.message.id, first);
        }
        envelope.into_waiter()
    }

    fn could_not_start(&mut self, envelope: Box<Envelope>, broken: &Failure) {
        let line = format!("partition {} could not start: {}", self.partition.name.index, broken.message);
        self.router.audit.of_space(&self.space, "start-failed", &line);
        self.space.note("warn", line);
        match &envelope.waiter {
            Some(_) => {
                let rests_on = self.turn().rests_on();
                if let Some(waiter) = self.give_up(envelope) {
                    self.router.gate.answer(waiter, Answer::Broken(broken.message.clone()), rests_on);
                }
            }
            None => self.put_back(envelope),
        }
        self.judge_probation(None, &broken.message);
        self.faulted(None);
    }

    /// A version that breaks off too often at its begin rests here until it has been decided what follows.
    fn judge_probation(&mut self, message: Option<MessageId>, how: &str) {
        let Some(probation) = &self.probation else { return };
        if let Some(reason) = probation.broke_off(message, how) {
            let failed =
                FailedProbation { space: self.space.name.clone(), digest: probation.digest().to_owned(), reason };
            self.router.failed_probations.report(failed);
            self.rest_until = Some(Instant::now() + UNTIL_DECIDED);
        }
    }

    fn faulted(&mut self, message: Option<MessageId>) {
        match self.health.faulted(message, Instant::now()) {
            Fitness::GoOn => {}
            Fitness::Rest(rest) => self.rest_until = Some(Instant::now() + rest),
            Fitness::Quarantine => {
                let reason =
                    "it kept failing with no success between; mend it and drop a new version, or `spacehost start` it";
                self.router.audit.of_space(&self.space, "quarantined", reason);
                self.space.set_state(SpaceState::Quarantined, reason);
                self.space.note("error", format!("quarantined: {reason}"));
            }
        }
    }

    /// Decides what becomes of a failed message that nobody waits for.
    fn settle(&mut self, mut envelope: Box<Envelope>, fault: &Fault) {
        let now = Instant::now();
        let congested_for = envelope.congested_since.map_or(Duration::ZERO, |since| now.duration_since(since));
        let jitter = (self.jitter.next_u32() as f64) / f64::from(u32::MAX);
        let limits = &self.turn().settings().limits;
        match judge(limits, envelope.attempt, congested_for, fault, jitter) {
            Verdict::Retry { after } => {
                count(&self.partition.counters.retries, 1);
                self.turn().attempt_failed(&mut envelope, fault.failure());
                self.note_setback(&envelope, after);
                self.backoff.hold(envelope, now + after);
            }
            Verdict::Again { after } => {
                envelope.attempt -= 1;
                envelope.congested_since.get_or_insert(now);
                self.backoff.hold(envelope, now + after);
            }
            Verdict::DeadLetter => {
                self.turn().attempt_failed(&mut envelope, fault.failure());
                self.bury(envelope, fault.failure().clone());
            }
        }
    }

    /// A restart of the host must not forget how often a message has been tried.
    fn note_setback(&self, envelope: &Envelope, after: Duration) {
        if envelope.recorded {
            let due_ms = now_ms() + after.as_millis() as u64;
            let message = chronicle::id(envelope.message.id);
            let place = chronicle::place(&self.partition.name);
            let record = Record::Setback { place, message, attempt: envelope.attempt, due_ms };
            Scribe::default().submit(&self.router.ledger, &record);
        }
    }

    fn bury(&mut self, mut envelope: Box<Envelope>, failure: Failure) {
        count(&self.partition.counters.buried, 1);
        self.turn().note_buried(&envelope);
        let time_ms = now_ms();
        self.timer_ended(&envelope, time_ms);
        if self.router.ledger.keeps_records() {
            let record = Record::Buried {
                place: chronicle::place(&self.partition.name),
                message: chronicle::consumed(&envelope),
                attempts: envelope.attempt,
                failure: chronicle::failure(&failure),
                time_ms,
            };
            Scribe::default().submit(&self.router.ledger, &record);
            envelope.recorded = true;
        }
        let message = &envelope.message;
        if envelope.tracked {
            self.router.outcomes.ended(message.id, Outcome::Failed { failure: failure.clone() });
        }
        let (word, name) = (message.kind.word(), message.kind.name());
        let line = format!("{word} `{name}` ({}) is a dead letter: {failure}", message.id);
        self.router.audit.of_space(&self.space, "dead-letter", &line);
        self.space.note("warn", line);
        let most = self.turn().settings().limits.dead_letters;
        if !self.space.graves.bury(Grave::new(envelope, self.partition.name.index, failure), most) {
            let reason = format!("its dead-letter table is full (`dead_letters` allows {most})");
            self.router.audit.of_space(&self.space, "dead_letters", &reason);
            self.space.set_state(SpaceState::Blocked, &reason);
            self.space.note("error", format!("stopped: {reason}"));
        }
    }

    /// At the time that the record says, so that the tables reckon the same.
    fn timer_ended(&mut self, envelope: &Envelope, time_ms: u64) {
        if let Kind::Timer(name) = &envelope.message.kind {
            self.turn_mut().timers.ended(name, time_ms);
        }
    }
}
