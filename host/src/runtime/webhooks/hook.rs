//! One webhook that is known: its cursor, its dead letters, and how much of the journal it needs.
//!
//! Everything that changes what the tables hold of it is submitted under its lock, so that records come in the order of the
//! changes. Must not know who posts. Never fails; what it says of the disk is true once the record is durable.

use super::letters::{HookLetter, Letters, letter_record};
use super::subscription::Memory;
use super::{HookPlace, Which};
use crate::runtime::api::Published;
use crate::runtime::space::chronicle;
use crate::store::ledger::{Ledger, Scribe};
use crate::store::record::Record;
use crate::words::MessageId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Where nothing matches for long, the cursor is written after so many records: the host's own records must not cause each
/// other.
const QUIET: u64 = 4_096;

pub struct Hook {
    name: Arc<str>,
    state: Mutex<State>,
    /// Rung when a dead letter is to be posted again, or is gone.
    changed: Notify,
    moved: Arc<Notify>,
}

struct State {
    cursor: MessageId,
    /// The cursor that the last record tells, and the sequence of that record.
    written: (MessageId, u64),
    /// It has got events since.
    got: bool,
    letters: Letters,
    is_open: bool,
    /// The journal is kept from there on as long as this is here.
    needs: Option<Arc<AtomicU64>>,
    /// In memory: what waits for it, while its settings change.
    memory: Option<Memory>,
}

impl Hook {
    pub fn new(name: Arc<str>, cursor: MessageId, moved: Arc<Notify>) -> Self {
        let letters = Letters::default();
        let written = (cursor, 0);
        let state = State { cursor, written, got: false, letters, is_open: false, needs: None, memory: None };
        Hook { name, state: Mutex::new(state), changed: Notify::new(), moved }
    }

    /// As it was when the host ended.
    pub fn take_up(&self, letters: Letters, ledger: &Ledger) {
        let mut state = self.state();
        state.letters = letters;
        state.keep(ledger, u64::MAX);
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn cursor(&self) -> MessageId {
        self.state().cursor
    }

    pub fn open(&self, ledger: &Ledger, backlog_bytes: u64) {
        let mut state = self.state();
        state.is_open = true;
        state.keep(ledger, backlog_bytes);
    }

    /// The journal is still kept for it until it is released: it may only be about to open again.
    pub fn close(&self) {
        self.state().is_open = false;
    }

    pub fn is_open(&self) -> bool {
        self.state().is_open
    }

    pub fn release_if_closed(&self) {
        let mut state = self.state();
        if !state.is_open {
            state.needs = None;
            state.memory = None;
        }
    }

    pub fn keep_memory(&self, memory: Option<Memory>) {
        self.state().memory = memory;
    }

    pub fn take_memory(&self) -> Option<Memory> {
        self.state().memory.take()
    }

    /// It is done with the event of that id, and all before it.
    pub fn done(&self, id: MessageId) {
        let mut state = self.state();
        state.cursor = id.max(state.cursor);
        state.got = true;
        drop(state);
        self.moved.notify_one();
    }

    /// There is nothing for it up to that sequence.
    pub fn nothing_up_to(&self, sequence: u64) {
        let mut state = self.state();
        state.cursor = MessageId { sequence, ordinal: u64::MAX }.max(state.cursor);
        if state.cursor.sequence >= state.written.0.sequence + QUIET {
            drop(state);
            self.moved.notify_one();
        }
    }

    /// The cursor, if it is worth a record. What the record before it tells is durable by now, as a rule, and then the
    /// journal up to there is needed no more.
    pub fn to_write(&self, ledger: &Ledger, at_the_end: bool) -> Option<MessageId> {
        let mut state = self.state();
        let (cursor, record) = state.written;
        if let Some(needs) = state.needs.as_ref().filter(|_| ledger.durable() >= record) {
            needs.store(cursor.sequence, Ordering::Release);
        }
        let is_far = state.cursor.sequence >= cursor.sequence + QUIET;
        let is_due = std::mem::take(&mut state.got) || is_far || (at_the_end && state.cursor > cursor);
        is_due.then_some(state.cursor)
    }

    pub fn written(&self, cursor: MessageId, record: u64) {
        let mut state = self.state();
        state.written = state.written.max((cursor, record));
    }

    /// A new webhook has its place at once: what happens from now on is for it, also after a crash.
    pub fn write_place(&self, ledger: &Ledger) {
        let mut state = self.state();
        if ledger.keeps_records() {
            let cursors = vec![(&*self.name, chronicle::id(state.cursor))];
            let record = Scribe::default().submit(ledger, &Record::WebhooksMoved { cursors });
            state.written = (state.cursor, record);
        }
    }

    /// Sets an event aside, and is done with it.
    pub fn bury(&self, ledger: &Ledger, event: Arc<Published>, attempts: u32, failure: &str) {
        let id = event.id;
        let mut state = self.state();
        let record = self.write_down(ledger, &mut state, HookLetter::new(event, attempts, failure));
        state.cursor = id.max(state.cursor);
        state.written = state.written.max((id, record));
    }

    /// It was tried again in vain. One that was dropped meanwhile stays so.
    pub fn bury_again(&self, ledger: &Ledger, event: Arc<Published>, failure: &str) {
        let mut state = self.state();
        if let Some(attempts) = state.letters.get(event.id).map(|letter| letter.attempts) {
            self.write_down(ledger, &mut state, HookLetter::new(event, attempts + 1, failure));
        }
    }

    /// The sequence of the record.
    fn write_down(&self, ledger: &Ledger, state: &mut State, letter: HookLetter) -> u64 {
        let record = || Record::WebhookBuried {
            webhook: &self.name,
            event: chronicle::id(letter.event.id),
            letter: letter_record(&letter),
        };
        let sequence = if ledger.keeps_records() { Scribe::default().submit(ledger, &record()) } else { 0 };
        state.letters.put(letter);
        sequence
    }

    /// How many.
    pub fn exhume(&self, ledger: &Ledger, which: Which, retry: bool) -> usize {
        let mut state = self.state();
        let ids = state.letters.ids(which);
        if ids.is_empty() {
            return 0;
        }
        if ledger.keeps_records() {
            let events = ids.iter().map(|id| chronicle::id(*id)).collect();
            Scribe::default().submit(ledger, &Record::WebhookExhumed { webhook: &self.name, events, retry });
        }
        for id in &ids {
            if retry { state.letters.retry(*id) } else { state.letters.remove(*id) }
        }
        drop(state);
        self.changed.notify_one();
        ids.len()
    }

    /// The first dead letter that is to be posted again.
    pub fn retried(&self) -> Option<HookLetter> {
        self.state().letters.first_retried().cloned()
    }

    pub fn has_room(&self) -> bool {
        self.state().letters.has_room()
    }

    /// Returns when something has become of the dead letters.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    pub fn letters(&self) -> Vec<HookLetter> {
        self.state().letters.all()
    }

    pub fn place(&self, durable: u64) -> HookPlace {
        let state = self.state();
        HookPlace {
            cursor: state.cursor.sequence,
            lag: durable.saturating_sub(state.cursor.sequence),
            dead_letters: state.letters.len() as u64,
            is_open: state.is_open,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, ledger: &Ledger, bytes: u64) {
        let needs = Arc::new(AtomicU64::new(self.written.0.sequence));
        ledger.keep_for_within(&needs, bytes);
        self.needs = Some(needs);
    }
}
