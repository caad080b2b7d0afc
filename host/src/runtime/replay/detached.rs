//! A detached turn: the host's calls of a candidate that is only tried. All comes from the record and the rebuilt state, and
//! nothing goes anywhere.
//!
//! Owns the state while messages are tried on it, and what the turn in hand would have done. Must not know the router, the
//! journal or who tries. What has no counterpart in the record makes the message incomparable; the reason is kept.

use super::effects::{self, Effects, Sent, Taped, Timer};
use crate::runtime::space::state::PartitionState;
use crate::runtime::space::turn::allowance::{self, Emitted};
use crate::runtime::space::turn::{Phase, digest_of, merge_headers, now_ms, random_of};
use crate::wasm::{Abort, Extras, HostCalls, Page, Schedule};
use crate::words::failure::code;
use crate::words::grants::Access;
use crate::words::message::PartitionName;
use crate::words::{Address, Failure, Limits, Message, MessageId, SpaceSettings, Topic};
use bytes::Bytes;
use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Calls that can fail, by what they can fail with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Publish,
    Send,
    Request,
    Set,
    Delete,
    SetTimer,
    CancelTimer,
}

impl Call {
    /// Whether the host refuses such a call with that code. Of a recorded refusal only its number among the calls is known.
    fn can_meet(self, refused: &str) -> bool {
        use Call::{CancelTimer, Publish, Request, Send, Set, SetTimer};
        match refused {
            code::OVERLOADED | code::UNKNOWN_SPACE | code::UNAVAILABLE | code::UNKNOWN_COMMAND | code::BAD_ADDRESS => {
                self == Send
            }
            code::BAD_TOPIC => self == Publish,
            code::DENIED => matches!(self, Publish | Send),
            code::FAN_OUT | code::HOPS => matches!(self, Publish | Send | Request | SetTimer),
            code::TOO_LARGE => matches!(self, Publish | Send | Request | SetTimer | Set),
            code::KEY_TOO_LARGE | code::VALUE_TOO_LARGE | code::STATE_FULL => self == Set,
            code::TOO_MANY_TIMERS => matches!(self, SetTimer | CancelTimer),
            _ => true,
        }
    }
}

pub struct Detached {
    settings: Arc<SpaceSettings>,
    access: Access,
    host_id: Arc<str>,
    partition: PartitionName,
    pub state: PartitionState,
    phase: Phase,
    in_hand: Option<(Arc<Taped>, Message)>,
    /// What a migration has written lies before it.
    mark: usize,
    emitted: Vec<Sent>,
    emitted_bytes: u64,
    timers: BTreeMap<String, Timer>,
    timer_changes: usize,
    /// Recorded requests that were made, by their ordinal.
    requests: BTreeSet<u32>,
    /// Calls that can fail, and recorded refusals that were met.
    calls: u32,
    refusals: usize,
    random: Option<Xoshiro256PlusPlus>,
    incomparable: Option<String>,
}

impl Detached {
    pub fn new(
        settings: Arc<SpaceSettings>,
        access: Access,
        host_id: Arc<str>,
        partition: PartitionName,
        state: PartitionState,
    ) -> Self {
        Detached {
            settings,
            access,
            host_id,
            partition,
            state,
            phase: Phase::ReadOnly,
            in_hand: None,
            mark: 0,
            emitted: Vec::new(),
            emitted_bytes: 0,
            timers: BTreeMap::new(),
            timer_changes: 0,
            requests: BTreeSet::new(),
            calls: 0,
            refusals: 0,
            random: None,
            incomparable: None,
        }
    }

    /// A turn without a message. What it writes is there for the message that follows.
    pub fn begin_migration(&mut self) {
        self.phase = Phase::InTurn;
    }

    /// Takes a recorded message in hand.
    pub fn begin(&mut self, taped: Arc<Taped>, message: Message) {
        let incomparable = self.incomparable.take();
        self.forget();
        self.incomparable = incomparable;
        self.mark = self.state.mark();
        self.in_hand = Some((taped, message));
        self.phase = Phase::InTurn;
    }

    /// What the turn would have done, or why nobody can say. The state is again what it was before it, and its migration.
    pub fn end(&mut self, outcome: Result<Bytes, Failure>) -> Result<Effects, String> {
        let refusals = self.in_hand.as_ref().map_or(0, |(taped, _)| taped.refused.len());
        let missed = (self.refusals < refusals)
            .then(|| "the recorded turn met a refusal of the host that this one does not come to".to_owned());
        let incomparable = self.incomparable.take().or(missed);
        let done = outcome.is_ok();
        let mut effects = Effects {
            outcome,
            emitted: std::mem::take(&mut self.emitted),
            writes: self.state.changed_since(self.mark),
            timers: std::mem::take(&mut self.timers),
            requests: std::mem::take(&mut self.requests),
        };
        if !done {
            effects.emitted.clear();
            effects.writes.clear();
            effects.timers.clear();
        }
        self.discard();
        incomparable.map_or(Ok(effects), Err)
    }

    /// Nothing has been.
    pub fn discard(&mut self) {
        self.state.discard();
        self.forget();
        self.in_hand = None;
        self.phase = Phase::ReadOnly;
    }

    fn forget(&mut self) {
        self.emitted.clear();
        self.emitted_bytes = 0;
        self.timers.clear();
        self.timer_changes = 0;
        self.requests.clear();
        self.calls = 0;
        self.refusals = 0;
        self.random = None;
        self.incomparable = None;
    }

    fn taped(&self) -> Option<&Taped> {
        self.in_hand.as_ref().map(|(taped, _)| &**taped)
    }

    fn message(&self) -> Option<&Message> {
        self.in_hand.as_ref().map(|(_, message)| message)
    }

    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// The first reason counts.
    pub fn cannot_compare(&mut self, reason: impl Into<String>) {
        self.incomparable.get_or_insert_with(|| reason.into());
    }

    /// Carries a call out, unless it was refused when it was recorded.
    fn call(&mut self, call: Call, carry_out: impl FnOnce(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        let number = self.calls;
        self.calls += 1;
        match self.taped().and_then(|taped| taped.refused.get(&number)).cloned() {
            Some(failure) if call.can_meet(&failure.code) => {
                self.refusals += 1;
                Err(failure)
            }
            Some(failure) => {
                self.cannot_compare(format!(
                    "call {number} of the recorded turn was refused with `{}`, and this one makes another call there",
                    failure.code
                ));
                carry_out(self)
            }
            None => carry_out(self),
        }
    }

    fn charge(&mut self, body: &Bytes, extras: Option<&Extras>) -> Result<(), Failure> {
        self.phase.require_turn()?;
        let messages = self.emitted.len() as u64 + self.requests.len() as u64;
        let hops = self.message().map_or(1, |message| message.hops.saturating_add(1));
        let emitted = Emitted { messages, bytes: self.emitted_bytes };
        self.emitted_bytes += emitted.charge(&self.settings.limits, body, extras, hops)?;
        Ok(())
    }

    /// Counts a timer that is set or cancelled.
    fn change_timers(&mut self) -> Result<(), Failure> {
        allowance::check_timer_changes(self.limits(), self.timer_changes)?;
        self.timer_changes += 1;
        Ok(())
    }

    fn emit(&mut self, target: String, body: Bytes, extras: Option<Extras>) {
        let (key, headers) = extras.map_or((None, None), |extras| (extras.key, Some(extras.headers)));
        let message = self.message();
        let key = key.or_else(|| message.and_then(|message| message.key.as_deref().map(str::to_owned)));
        let headers = merge_headers(message.map(|message| &message.headers), headers);
        let headers =
            effects::headers(headers.iter().flat_map(|all| all.iter()).map(|(name, value)| (&**name, &**value)));
        self.emitted.push(Sent { target, body, key, headers });
    }

    /// What the recorded turn got for the same question.
    fn recorded_reply(&mut self, address: &str, body: &[u8]) -> Option<Result<Bytes, Failure>> {
        let digest = digest_of(address, body);
        let taped = self.in_hand.as_ref().map(|(taped, _)| taped.clone())?;
        let fits = |(ordinal, asked, _): &&(u32, [u8; 32], _)| *asked == digest && !self.requests.contains(ordinal);
        let (ordinal, _, reply) = taped.requests.iter().find(fits)?;
        self.requests.insert(*ordinal);
        Some(reply.clone())
    }
}

impl HostCalls for Detached {
    fn publish(&mut self, topic: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        self.call(Call::Publish, |turn| {
            turn.charge(&body, extras.as_ref())?;
            let parsed = Topic::parse(topic).map_err(|error| Failure::last(code::BAD_TOPIC, error.to_string()))?;
            turn.access.to_publish(&parsed)?;
            turn.emit(format!("event {topic}"), body, extras);
            Ok(())
        })
    }

    fn send(&mut self, address: &str, body: Bytes, extras: Option<Extras>) -> Result<(), Failure> {
        self.call(Call::Send, |turn| {
            turn.charge(&body, extras.as_ref())?;
            let parsed =
                Address::parse(address).map_err(|error| Failure::last(code::BAD_ADDRESS, error.to_string()))?;
            turn.access.to_command(&parsed)?;
            turn.emit(format!("command {address}"), body, extras);
            Ok(())
        })
    }

    async fn request(
        &mut self,
        address: String,
        body: Bytes,
        extras: Option<Extras>,
    ) -> Result<Result<Bytes, Failure>, Abort> {
        if let Err(failure) = self.call(Call::Request, |turn| turn.charge(&body, extras.as_ref())) {
            return Ok(Err(failure));
        }
        if let Some(reply) = self.recorded_reply(&address, &body) {
            self.emitted_bytes += reply.as_ref().map_or(0, |reply| reply.len() as u64);
            return Ok(reply);
        }
        let address: String = address.chars().take(100).collect();
        self.cannot_compare(format!("it makes a request to `{address}` that the recorded turn did not make"));
        Err(Abort(Failure::last(code::DIVERGED, "there is no reply on record for this request")))
    }

    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.state.get(key)
    }

    fn set(&mut self, key: Vec<u8>, value: Bytes) -> Result<(), Failure> {
        self.call(Call::Set, |turn| {
            turn.phase.require_turn()?;
            if turn.in_hand.is_some() {
                turn.state.charge(&key, &value, &turn.settings.limits)?;
            }
            turn.state.set(key, value, &turn.settings.limits)
        })
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Failure> {
        self.call(Call::Delete, |turn| {
            turn.phase.require_turn()?;
            turn.state.delete(key);
            Ok(())
        })
    }

    fn scan(&self, prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page {
        self.state.scan(prefix, limit, after)
    }

    fn scan_back(&self, prefix: &[u8], limit: u32, before: Option<&[u8]>) -> Page {
        self.state.scan_back(prefix, limit, before)
    }

    fn set_timer(&mut self, name: String, body: Bytes, schedule: Schedule) -> Result<(), Failure> {
        self.call(Call::SetTimer, |turn| {
            turn.phase.require_turn()?;
            turn.change_timers()?;
            let emitted = Emitted { messages: 0, bytes: turn.emitted_bytes };
            turn.emitted_bytes += emitted.charge_timer(turn.limits(), &name, &body)?;
            if turn.timers.len() as u64 >= turn.limits().timers && !turn.timers.contains_key(&name) {
                let message = format!("`timers` allows {}", turn.limits().timers);
                return Err(Failure::last(code::TOO_MANY_TIMERS, message));
            }
            // A recorded turn that has set a timer has its time on record; for one that has not, any time is a difference.
            let now_ms = turn.taped().map_or_else(now_ms, |taped| taped.now_ms.unwrap_or(taped.time_ms));
            let (due_ms, every_ms) = allowance::due(now_ms, schedule);
            turn.timers.insert(name, Timer::Set { body, due_ms, every_ms });
            Ok(())
        })
    }

    fn cancel_timer(&mut self, name: &str) -> Result<(), Failure> {
        self.call(Call::CancelTimer, |turn| {
            turn.phase.require_turn()?;
            turn.change_timers()?;
            // No timer has such a name.
            if name.len() <= allowance::LONGEST_TIMER_NAME {
                turn.timers.insert(name.to_owned(), Timer::Cancelled);
            }
            Ok(())
        })
    }

    fn id(&self) -> String {
        self.message().map_or_else(String::new, |message| format!("{}-{}", self.host_id, message.id))
    }

    fn source(&self) -> String {
        self.message().map_or("host", |message| message.sender.source()).to_owned()
    }

    fn key(&self) -> Option<Arc<str>> {
        self.message()?.key.clone()
    }

    fn attempt(&self) -> u32 {
        self.taped().map_or(0, |taped| taped.attempt)
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.message().and_then(|message| message.headers.as_deref().cloned()).unwrap_or_default()
    }

    fn now(&mut self) -> u64 {
        match self.taped().map(|taped| (taped.now_ms, taped.time_ms)) {
            None => now_ms(),
            Some((Some(now_ms), _)) => now_ms,
            Some((None, time_ms)) => {
                self.cannot_compare("it asks for the time, and the recorded turn did not");
                time_ms
            }
        }
    }

    fn random(&mut self) -> u64 {
        let id = self.message().map_or(MessageId { sequence: 0, ordinal: 0 }, |message| message.id);
        let seeded = || random_of(&self.host_id, id, &self.partition);
        self.random.get_or_insert_with(seeded).next_u64()
    }

    fn space(&self) -> Arc<str> {
        self.partition.space.shared()
    }

    fn partition(&self) -> u32 {
        self.partition.index
    }

    /// Whoever reads the log must not take it for something that has happened.
    fn log(&mut self, _: &'static str, _: String) {}

    fn lines_dropped(&mut self, _: u64) {}

    fn config(&self, name: &str) -> Option<String> {
        self.settings.config.get(name).map(ToString::to_string)
    }

    fn config_all(&self) -> String {
        serde_json::Value::Object(self.settings.config.clone()).to_string()
    }
}

#[cfg(test)]
mod tests;
