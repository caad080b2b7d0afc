//! The tables: what the journal's records add up to, so that a start need not read the journal from its beginning.
//!
//! Owns the state, backlog, timers, dead letters, replies and outcomes of all spaces on disk, and what the records since
//! the last flush have changed. Must not know the journal's files or the runtime; one thread writes, and reads happen at
//! the start only. Fails when the disk does, when a value does not decode, and when a record contradicts the tables;
//! after that it takes no more records, because a record that was applied by half must not reach the disk.
//!
//! ```text
//! record -> apply -> overlay (memory) -- flush: one batch, with the sequence --> fjall
//!                        '--------------- image: both, as owned values -----------'
//! ```

mod apply;
mod disk;
pub mod dump;
mod effects;
mod error;
pub mod image;
mod keys;
mod layers;
mod letters;
mod load;
mod replies;
mod rows;
mod subscriptions;
mod timers;
mod webhooks;

#[cfg(test)]
mod tests;

use super::record::Record;
pub use disk::FORMAT;
pub use error::TablesError;
pub use image::Image;
use keys::EXPIRING;
use layers::Layers;
use replies::Callers;
use std::path::Path;

/// How long a client may ask for an outcome or repeat its Idempotency-Key.
const KEPT_MS: u64 = 24 * 3600 * 1000;
/// Rows that one call to `expire` removes from each table.
const EXPIRED_AT_ONCE: usize = 1 << 16;
/// A change of nothing but the sequence, in the overlay.
const SEQUENCE_BYTES: usize = 32;

pub struct Tables {
    layers: Layers,
    /// The last record applied.
    applied: u64,
    callers: Callers,
    /// A record was applied by half, or a flush failed.
    broken: bool,
}

impl Tables {
    /// Opens the folder, or makes a new one.
    pub fn open(dir: &Path) -> Result<Self, TablesError> {
        let layers = Layers::open(dir)?;
        let callers = Callers::load(&layers)?;
        Ok(Tables { applied: layers.on_disk(), layers, callers, broken: false })
    }

    /// The last record that the tables contain on disk; 0: none.
    pub fn sequence(&self) -> u64 {
        self.layers.on_disk()
    }

    /// What a flush would write. 0: there is nothing to flush.
    pub fn overlay_bytes(&self) -> usize {
        let moved = self.applied > self.layers.on_disk();
        self.layers.overlay_bytes() + if moved { SEQUENCE_BYTES } else { 0 }
    }

    /// Takes the next record. It is on disk after the next flush; a purge is so at once.
    pub fn apply(&mut self, sequence: u64, record: &Record<'_>) -> Result<(), TablesError> {
        if self.broken {
            return Err(TablesError::Broken);
        }
        if sequence != self.applied.saturating_add(1) {
            return Err(TablesError::Order { applied: self.applied, found: sequence });
        }
        self.broken = true;
        self.take_in(sequence, record)?;
        self.broken = false;
        self.applied = sequence;
        Ok(())
    }

    /// Everything applied so far goes to disk at once, with its sequence.
    pub fn flush(&mut self) -> Result<(), TablesError> {
        if self.broken {
            return Err(TablesError::Broken);
        }
        self.broken = true;
        self.layers.flush(self.applied)?;
        self.broken = false;
        Ok(())
    }

    /// Forgets what nobody may ask for any more. True: there was more than one call removes. What is not on disk yet is
    /// left for a later call.
    pub fn expire(&mut self, now_ms: u64) -> Result<bool, TablesError> {
        let before_ms = now_ms.saturating_sub(KEPT_MS);
        let mut more = false;
        for table in EXPIRING {
            more |= self.layers.remove_older(table, before_ms, EXPIRED_AT_ONCE)?;
        }
        Ok(more)
    }

    /// Everything that the runtime needs at the start, flushed or not.
    pub fn image(&self) -> Result<Image, TablesError> {
        if self.broken {
            return Err(TablesError::Broken);
        }
        load::image(&self.layers, self.applied)
    }
}
