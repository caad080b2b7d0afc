//! What a guest asks of its turn: the imports of the contract, as this host answers them.
//!
//! Collects; nothing leaves the turn here but requests. Fails with the codes of the contract, and every failure that the
//! guest sees is noted, because a turn can be told again only if it meets the same ones.

use super::allowance::{self, Emitted};
use super::{Phase, Turn, now_ms};
use crate::runtime::api::LogLine;
use crate::runtime::space::envelope::Envelope;
use crate::runtime::space::outbox::Outgoing;
use crate::runtime::timers::TimerChange;
use crate::wasm::{Abort, Extras, HostCalls, Page, Schedule};
use crate::words::failure::code;
use crate::words::message::{Kind, PartitionName};
use crate::words::{Failure, MessageId};
use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use std::borrow::Cow;
use std::sync::Arc;

/// Failures noted of one turn. A guest that collects more is not told again.
const MOST_REFUSED: usize = 1_000;

impl Turn {
    /// Counts a call that can fail.
    fn note_call(&mut self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let call = self.calls;
        self.calls += 1;
        if let Err(failure) = &outcome {
            if let Cow::Borrowed(cause) = failure.code {
                self.router.audit.of_space(&self.space, cause, &failure.message);
            }
            if self.refused.len() < MOST_REFUSED {
                self.refused.push((call, failure.clone()));
            } else {
                self.refused_more = self.refused_more.saturating_add(1);
            }
        }
        outcome
    }

    fn try_publish(&mut self, topic: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        self.charge(&body, extras.as_ref())?;
        let route = self.routes.event(&self.router, &self.access, topic)?;
        let draft = self.draft(body, extras);
        self.outbox.push(Outgoing::event(route, draft));
        Ok(())
    }

    fn try_send(&mut self, address: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        self.charge(&body, extras.as_ref())?;
        let route = self.routes.command(&self.router, &self.access, address)?;
        let draft = self.draft(body, extras);
        let room = self.reserve(route.space.partition(draft.key.as_deref()), draft.weight())?;
        let message = draft.into_message(MessageId::TO_COME, Kind::Command(route.command.clone()));
        self.outbox.push(Outgoing::Command(Envelope::new(message, room, 0), route));
        Ok(())
    }

    fn try_set(&mut self, key: Vec<u8>, value: Bytes) -> Result<(), Failure> {
        self.phase.require_turn()?;
        match self.migrated_bytes {
            Some(_) => self.charge_migration(key.len() + value.len())?,
            None => self.state.charge(&key, &value, &self.settings.limits)?,
        }
        self.state.set(key, value, &self.settings.limits)
    }

    fn try_set_timer(&mut self, name: String, body: Bytes, schedule: Schedule) -> Result<(), Failure> {
        self.phase.require_turn()?;
        allowance::check_timer_changes(self.limits(), self.timer_changes.len())?;
        let emitted = Emitted { messages: 0, bytes: self.emitted_bytes };
        self.emitted_bytes += emitted.charge_timer(self.limits(), &name, &body)?;
        let pending = self.timers.len() + self.timer_changes.len();
        if pending as u64 >= self.limits().timers && !self.timers.contains(&name) {
            let message = format!("`timers` allows {}", self.limits().timers);
            return Err(Failure::last(code::TOO_MANY_TIMERS, message));
        }
        let (due_ms, every_ms) = allowance::due(self.now(), schedule);
        self.timer_changes.push(TimerChange::Set { name: name.into(), body, due_ms, every_ms });
        Ok(())
    }

    fn try_cancel_timer(&mut self, name: &str) -> Result<(), Failure> {
        self.phase.require_turn()?;
        allowance::check_timer_changes(self.limits(), self.timer_changes.len())?;
        // No timer has such a name.
        if name.len() <= allowance::LONGEST_TIMER_NAME {
            self.timer_changes.push(TimerChange::Cancel { name: name.into() });
        }
        Ok(())
    }
}

/// The random numbers of that message. Derived from the id, so that each attempt sees the same ones without storing any;
/// and from the partition, because all subscribers of an event see one id.
pub fn random_of(host: &str, id: MessageId, partition: &PartitionName) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(xxhash_rust::xxh3::xxh3_64(format!("{host}-{id}-{partition}").as_bytes()))
}

impl HostCalls for Turn {
    fn computes_on(&mut self) {
        // What `start` and `migrate` compute holds up a deployment, and is bounded by budgets of its own.
        if self.in_hand.is_some() {
            self.partition.pace.slow_down();
        }
    }

    fn publish(&mut self, topic: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        let published = self.try_publish(topic, body, extras);
        self.note_call(published)
    }

    fn send(&mut self, address: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        let sent = self.try_send(address, body, extras);
        self.note_call(sent)
    }

    async fn request(
        &mut self,
        address: String,
        body: Bytes,
        extras: Option<Extras>,
    ) -> Result<Result<Bytes, Failure>, Abort> {
        let charged = self.charge(&body, extras.as_ref());
        match self.note_call(charged) {
            Ok(()) => {
                let was_away = self.partition.pace.guest_waits();
                let reply = self.request_reply(address, body, extras).await?;
                self.partition.pace.guest_goes_on(was_away).await;
                // It is kept for later attempts, and so it counts.
                self.emitted_bytes += reply.as_ref().map_or(0, |reply| reply.len() as u64);
                Ok(reply)
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.state.get(key)
    }

    fn set(&mut self, key: Vec<u8>, value: Bytes) -> Result<(), Failure> {
        let set = self.try_set(key, value);
        self.note_call(set)
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        let deleted = self.phase.require_turn();
        if deleted.is_ok() {
            self.state.delete(key);
            // Deleting is never refused; too much of it refuses the migration at its end.
            let _ = self.charge_migration(key.len());
        }
        self.note_call(deleted)
    }

    fn scan(&self, prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page {
        self.state.scan(prefix, limit, after)
    }

    fn scan_back(&self, prefix: &[u8], limit: u32, before: Option<&[u8]>) -> Page {
        self.state.scan_back(prefix, limit, before)
    }

    fn set_timer(&mut self, name: String, body: Bytes, schedule: Schedule) -> Result<(), Failure> {
        let set = self.try_set_timer(name, body, schedule);
        self.note_call(set)
    }

    fn cancel_timer(&mut self, name: &str) -> Result<(), Failure> {
        let cancelled = self.try_cancel_timer(name);
        self.note_call(cancelled)
    }

    fn id(&self) -> String {
        self.message().map_or_else(String::new, |message| format!("{}-{}", self.router.host_id, message.id))
    }

    fn source(&self) -> String {
        self.message().map_or("host", |message| message.sender.source()).to_owned()
    }

    fn key(&self) -> Option<Arc<str>> {
        self.message()?.key.clone()
    }

    fn attempt(&self) -> u32 {
        self.in_hand.as_ref().map_or(0, |envelope| envelope.attempt)
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.message().and_then(|message| message.headers.as_deref().cloned()).unwrap_or_default()
    }

    fn now(&mut self) -> u64 {
        match self.phase {
            Phase::InTurn => *self.first.now_ms.get_or_insert_with(now_ms),
            Phase::ReadOnly => now_ms(),
        }
    }

    fn random(&mut self) -> u64 {
        let id = self.message().map_or(MessageId { sequence: 0, ordinal: 0 }, |message| message.id);
        let seeded = || random_of(&self.router.host_id, id, &self.partition.name);
        self.random.get_or_insert_with(seeded).next_u64()
    }

    fn space(&self) -> Arc<str> {
        self.space.name.shared()
    }

    fn partition(&self) -> u32 {
        self.partition.name.index
    }

    fn log(&mut self, level: &'static str, message: String) {
        #[cfg(feature = "faulty")]
        assert_ne!(message, "a fault in a host call", "the host's own, as the test wants it");
        let line = LogLine {
            time_ms: now_ms(),
            level,
            message,
            id: self.message().map(|message| message.id),
            attempt: self.attempt(),
            space: self.space.name.clone(),
            partition: self.partition.name.index,
            generation: self.generation,
            trace_id: self.message().and_then(|message| message.trace_id()).map(str::to_owned),
        };
        let allowed = self.limits().log_lines_per_second;
        let traced = self.span().map(|_| line.clone());
        let seen = self.space.logs.write(line, allowed);
        if let (Some(line), Some(span)) = (traced, self.in_hand.as_mut().and_then(|envelope| envelope.span.as_mut())) {
            span.note(&line, seen);
        }
        if !seen {
            let figure = format_args!("a line more than the {allowed} of a second");
            self.router.audit.of_space(&self.space, "log_lines_per_second", figure);
        }
    }

    fn lines_dropped(&mut self, lines: u64) {
        self.space.logs.suppress(lines);
        let figure = format_args!("{lines} lines at once, more than are kept");
        self.router.audit.of_space(&self.space, "log_lines_per_second", figure);
    }

    fn config(&self, name: &str) -> Option<String> {
        self.settings.config.get(name).map(ToString::to_string)
    }

    fn config_all(&self) -> String {
        serde_json::Value::Object(self.settings.config.clone()).to_string()
    }
}
