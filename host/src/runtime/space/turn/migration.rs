//! A turn without a message: `migrate`, or taking back what it did.
//!
//! All partitions of a space commit theirs under one record, so what each has done is handed to the orderer of the swap
//! first, with what would undo it. Fails when `migrate` has written more than it may, whatever it made of the refusal.

use super::{Phase, Turn};
use crate::runtime::space::chronicle;
use crate::runtime::space::outbox::Outgoing;
use crate::runtime::timers::TimerChange;
use crate::store::record;
use crate::words::Failure;
use crate::words::failure::code;
use bytes::Bytes;

/// What a migration has done to one partition.
#[derive(Debug, Default)]
pub struct Effects {
    /// As the journal keeps it.
    pub record: Vec<u8>,
    /// Messages among it.
    pub emitted: u64,
    pub bytes: u64,
    pub undo: Undo,
}

/// What takes a migration back, as long as nothing has been built on it.
#[derive(Debug, Clone, Default)]
pub struct Undo {
    writes: Vec<(Vec<u8>, Option<Bytes>)>,
    timers: Vec<TimerChange>,
}

impl Undo {
    #[cfg(test)]
    pub fn note_timer(&mut self, change: TimerChange) {
        self.timers.push(change);
    }

    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.timers.is_empty()
    }
}

impl Turn {
    /// It ends with `commit_migration` or `discard`.
    pub fn begin_migration(&mut self) {
        self.phase = Phase::InTurn;
        self.migrated_bytes = Some(0);
    }

    /// Counts what `migrate` writes; any other turn has its own limits.
    pub(super) fn charge_migration(&mut self, bytes: usize) -> Result<(), Failure> {
        let allowed = self.limits().migrate_bytes;
        match &mut self.migrated_bytes {
            None => Ok(()),
            Some(written) => {
                *written = written.saturating_add(bytes as u64);
                if *written > allowed {
                    return Err(Failure::last(code::TOO_LARGE, exceeds(*written, allowed)));
                }
                Ok(())
            }
        }
    }

    /// Takes a migration back: state and timers become what they were before it.
    pub fn take_back(&mut self, undo: Undo) {
        self.phase = Phase::InTurn;
        for (key, former) in undo.writes {
            self.state.put_back(key, former);
        }
        self.timer_changes.extend(undo.timers);
    }

    /// What an uncommitted migration has done, for the one record of all partitions.
    pub fn migrated(&mut self) -> Result<Effects, String> {
        let written = self.migrated_bytes.unwrap_or_default();
        let (bytes, allowed) = (written + self.emitted_bytes, self.limits().migrate_bytes);
        if self.migrated_bytes.is_some() && bytes > allowed {
            return Err(exceeds(bytes, allowed));
        }
        self.outbox.iter_mut().for_each(|outgoing| outgoing.address(&self.router.ledger));
        let restoring = |change: &TimerChange| self.timers.restoring(change.name());
        let undo = Undo { writes: self.state.undo(), timers: self.timer_changes.iter().map(restoring).collect() };
        let record = if self.router.ledger.keeps_records() { self.migration_record() } else { Vec::new() };
        Ok(Effects { record, emitted: self.outbox.len() as u64, bytes, undo })
    }

    fn migration_record(&self) -> Vec<u8> {
        let effects = record::Migrated {
            partition: self.partition.name.index,
            writes: self.state.written().map(|(key, value)| record::Write { key, value }).collect(),
            emitted: self.outbox.iter().map(Outgoing::record).collect(),
            timers: self.timer_changes.iter().map(chronicle::timer).collect(),
        };
        effects.encode()
    }

    /// A migration takes effect, its messages numbered from `first` on under the sequence of the deployment.
    pub fn commit_migration(&mut self, sequence: u64, first: u64) {
        self.read_clock();
        self.take_effect(sequence, first);
        self.pause_clock();
        self.end();
    }
}

/// Also for all partitions together.
pub fn exceeds(bytes: u64, allowed: u64) -> String {
    format!(
        "`migrate` writes and emits {bytes} bytes or more; `migrate_bytes` allows {allowed} for all partitions together: raise it in \
         spacehost.toml, or let the new version read the old form and rewrite it message by message"
    )
}
