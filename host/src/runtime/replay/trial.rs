//! The trial: the candidate handles one recorded message after the other, on the state as it was before each.
//!
//! Owns the candidate's instance, one partition at a time, and the time for all. After each message what was recorded is
//! applied, not what the candidate did, so that each is judged by itself. Must not know where turns and state come from.
//! Cannot fail: whatever the candidate does ends in a verdict on a message.

use super::compare::differences;
use super::detached::Detached;
use super::effects::Taped;
use super::report::Verdict;
use crate::runtime::space::handling::entry;
use crate::runtime::space::state::PartitionState;
use crate::runtime::space::swap::{migrate, start};
use crate::runtime::space::turn::allowance::check_reply;
use crate::wasm::{Artifact, Broken, Instance, SpaceMemory};
use crate::words::failure::code;
use crate::words::grants::Access;
use crate::words::message::PartitionName;
use crate::words::{Failure, Message, SpaceName, SpaceSettings};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is tried, and on whose behalf.
pub struct Trial {
    pub candidate: Artifact<Detached>,
    pub settings: Arc<SpaceSettings>,
    pub host_id: Arc<str>,
    pub space: SpaceName,
    /// The candidate's counts as that of the space.
    pub memory: Arc<SpaceMemory>,
    /// The version that has written the state, if the candidate has to migrate it.
    pub from: Option<String>,
    /// What has not been tried by then is not tried.
    pub deadline: Instant,
}

/// Where the state is: in a live instance, or waiting for one.
enum Seat {
    Live(Box<Instance<Detached>>),
    Empty(Box<Detached>),
    /// Only while it is being exchanged.
    Moving,
}

/// One partition under trial.
pub struct Candidate<'t> {
    trial: &'t Trial,
    seat: Seat,
}

/// How a call ended.
enum Ended {
    With(Result<Bytes, Failure>),
    /// The time for all is over.
    OutOfTime,
}

impl Trial {
    /// The candidate on that state.
    pub fn on(&self, partition: u32, state: PartitionState) -> Candidate<'_> {
        let name = PartitionName { space: self.space.clone(), index: partition };
        let access = Access::of(&self.space, self.candidate.descriptor(), &self.settings.grants);
        let vacant = Detached::new(self.settings.clone(), access, self.host_id.clone(), name, state);
        Candidate { trial: self, seat: Seat::Empty(Box::new(vacant)) }
    }

    /// What is cut short here leaves an instance of no further use.
    async fn in_time(&self, work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        let worked = tokio::time::timeout(self.time_left(), work).await;
        worked.unwrap_or_else(|_| Err("it took longer than there is time for all".to_owned()))
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl Candidate<'_> {
    /// Tries one message. Afterwards the state is what it was after its recorded turn.
    pub async fn handle(&mut self, taped: &Arc<Taped>, message: Option<Message>) -> Verdict {
        let verdict = match message {
            _ if self.trial.time_left().is_zero() => Verdict::NotTried,
            None => Verdict::NotComparable("the record that made the message is not kept any more".to_owned()),
            Some(_) if taped.refused_more => {
                Verdict::NotComparable("more of its calls were refused than are recorded".to_owned())
            }
            Some(message) => self.attempt(taped, message).await,
        };
        let host = self.host();
        host.discard();
        for (key, value) in &taped.writes {
            host.state.put(key.clone(), value.clone());
        }
        verdict
    }

    async fn attempt(&mut self, taped: &Arc<Taped>, message: Message) -> Verdict {
        if let Err(reason) = self.prepare().await {
            self.vacate();
            let timely = !self.trial.time_left().is_zero();
            return if timely { Verdict::NotComparable(reason) } else { Verdict::NotTried };
        }
        let outcome = match self.call(taped, message).await {
            Ended::With(outcome) => outcome,
            Ended::OutOfTime => return Verdict::NotTried,
        };
        match self.host().end(outcome) {
            Err(reason) => Verdict::NotComparable(reason),
            Ok(tried) => match differences(&taped.did, &tried, taped.now_ms.unwrap_or(taped.time_ms)) {
                lines if lines.is_empty() => Verdict::Same,
                lines => Verdict::Different(lines),
            },
        }
    }

    /// A started instance on migrated state. Migrating is part of each attempt, because what was recorded is applied to the
    /// state in its old form.
    async fn prepare(&mut self) -> Result<(), String> {
        let limits = &self.trial.settings.limits;
        self.take_seat().await?;
        let (Some(from), Seat::Live(instance)) = (&self.trial.from, &mut self.seat) else { return Ok(()) };
        instance.host_mut().begin_migration();
        let migrating = migrate(instance, Some(from.clone()), limits);
        self.trial.in_time(migrating).await.map_err(|reason| format!("on the state before it, {reason}"))
    }

    async fn take_seat(&mut self) -> Result<(), String> {
        let limits = &self.trial.settings.limits;
        let host = match std::mem::replace(&mut self.seat, Seat::Moving) {
            Seat::Empty(host) => host,
            seated => {
                self.seat = seated;
                return Ok(());
            }
        };
        let mut instance = match self.trial.candidate.instantiate(limits, &self.trial.memory, *host).await {
            Ok(instance) => Box::new(instance),
            Err((broken, host)) => {
                self.seat = Seat::Empty(Box::new(host));
                return Err(format!("the candidate has no instance: {broken}"));
            }
        };
        let started = self.trial.in_time(start(&mut instance, limits)).await;
        self.seat = Seat::Live(instance);
        started.map_err(|reason| format!("on the state before it, {reason}"))
    }

    async fn call(&mut self, taped: &Arc<Taped>, message: Message) -> Ended {
        let limits = &self.trial.settings.limits;
        let (wall, left) = (limits.wall_per_turn(), self.trial.time_left());
        let Seat::Live(instance) = &mut self.seat else { return Ended::OutOfTime };
        if left.is_zero() {
            return Ended::OutOfTime;
        }
        let ((handler, name), body) = (entry(&message.kind), message.body.clone());
        instance.took_time();
        instance.host_mut().begin(taped.clone(), message);
        let call = instance.call_fiber(handler, name, body, limits.cpu_per_turn());
        let ended = tokio::time::timeout(wall.min(left), call).await;
        if instance.took_time() {
            instance.host_mut().cannot_compare("it reads a clock of WASI, which is not on record");
        }
        let broken = match ended {
            Ok(Ok(Ok(reply))) => return Ended::With(check_reply(limits, &reply).map(|()| reply)),
            Ok(Ok(Err(failure))) => return Ended::With(Err(failure)),
            Ok(Err(Broken::Abort(failure))) => Ended::With(Err(failure)),
            Ok(Err(broken)) => Ended::With(Err(Failure::passing(code::TRAPPED, broken.to_string()))),
            Err(_) if left < wall => Ended::OutOfTime,
            Err(_) => Ended::With(Err(Failure::passing(code::TIMEOUT, format!("it took longer than {wall:?}")))),
        };
        self.vacate();
        broken
    }

    /// Drops the instance, and keeps the state.
    fn vacate(&mut self) {
        self.seat = match std::mem::replace(&mut self.seat, Seat::Moving) {
            Seat::Live(instance) => Seat::Empty(Box::new(instance.into_host())),
            other => other,
        };
    }

    fn host(&mut self) -> &mut Detached {
        match &mut self.seat {
            Seat::Live(instance) => instance.host_mut(),
            Seat::Empty(host) => host,
            Seat::Moving => unreachable!("the seat is filled again before anyone looks"),
        }
    }
}
