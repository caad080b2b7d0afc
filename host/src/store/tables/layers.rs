//! The tables as they are after the last record: what has changed since the last flush, over what is on disk.
//!
//! Owns the overlay and the moment when it goes to disk; must not know what rows mean. What comes and goes between two
//! flushes never reaches the disk, as far as its caller can tell that the disk does not have it. Fails when the disk does.

use super::disk::Disk;
use super::error::TablesError;
use super::keys::{self, OF_PLACES, Table};
use super::rows;
use fjall::{UserKey, UserValue};
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// What an entry of the overlay costs beside its key and value.
const ENTRY_BYTES: usize = 96;
/// Entries that the overlay keeps room for when it is empty.
const KEPT_ROOM: usize = 1 << 12;

pub struct Layers {
    disk: Disk,
    /// None: it was removed.
    overlay: HashMap<UserKey, Option<UserValue>>,
    overlay_bytes: usize,
    on_disk: u64,
    scratch: Vec<u8>,
}

impl Layers {
    pub fn open(dir: &Path) -> Result<Self, TablesError> {
        let disk = Disk::open(dir)?;
        let on_disk = disk.sequence()?;
        Ok(Layers { disk, overlay: HashMap::new(), overlay_bytes: 0, on_disk, scratch: Vec::new() })
    }

    /// The last record whose changes are on disk.
    pub fn on_disk(&self) -> u64 {
        self.on_disk
    }

    pub fn overlay_bytes(&self) -> usize {
        self.overlay_bytes
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<UserValue>, TablesError> {
        match self.overlay.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.disk.get(key),
        }
    }

    pub fn encode(&mut self, table: Table, row: &impl Serialize) -> Result<UserValue, TablesError> {
        rows::encode(table, row, &mut self.scratch)
    }

    pub fn put_row(&mut self, table: Table, key: &[u8], row: &impl Serialize) -> Result<(), TablesError> {
        let value = self.encode(table, row)?;
        self.put(key, value);
        Ok(())
    }

    pub fn put(&mut self, key: &[u8], value: UserValue) {
        self.change(key, Some(value));
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.change(key, None);
    }

    /// Whether it was removed since the last flush, so that the disk may still have it.
    pub fn is_removed(&self, key: &[u8]) -> bool {
        matches!(self.overlay.get(key), Some(None))
    }

    /// Removes a row that record `made` was the first to make, and returns it.
    pub fn take(&mut self, key: &[u8], made: u64) -> Result<Option<UserValue>, TablesError> {
        // Made since the last flush, so the disk does not have it and need not hear of it.
        if made > self.on_disk {
            let Some((key, value)) = self.overlay.remove_entry(key) else { return Ok(None) };
            self.overlay_bytes -= cost(&key, value.as_ref());
            return Ok(value);
        }
        let value = self.get(key)?;
        if value.is_some() {
            self.remove(key);
        }
        Ok(value)
    }

    fn change(&mut self, key: &[u8], value: Option<UserValue>) {
        let added = cost(key, value.as_ref());
        let replaced = match self.overlay.get_mut(key) {
            Some(entry) => cost(key, std::mem::replace(entry, value).as_ref()),
            None => {
                self.overlay.insert(UserKey::from(key), value);
                0
            }
        };
        self.overlay_bytes = self.overlay_bytes + added - replaced;
    }

    /// Shows every row, in no order.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), TablesError>) -> Result<(), TablesError> {
        for row in self.disk.all() {
            let (key, value) = row?;
            if !self.overlay.contains_key(&key) {
                visit(&key, &value)?;
            }
        }
        for (key, value) in &self.overlay {
            if let Some(value) = value {
                visit(key, value)?;
            }
        }
        Ok(())
    }

    pub fn keys_on_disk(&self, table: Table) -> impl Iterator<Item = Result<UserKey, TablesError>> {
        self.disk.prefix(&keys::named(table, "")).map(|row| row.map(|(key, _)| key))
    }

    /// Shows every key of a table, in no order.
    pub fn for_each_key(
        &self,
        table: Table,
        mut visit: impl FnMut(&[u8]) -> Result<(), TablesError>,
    ) -> Result<(), TablesError> {
        for key in self.keys_on_disk(table) {
            let key = key?;
            if !self.overlay.contains_key(&key) {
                visit(&key)?;
            }
        }
        let kept = self.overlay.iter().filter(|(key, value)| value.is_some() && Table::of(key) == Some(table));
        kept.map(|(key, _)| key).try_for_each(|key| visit(key))
    }

    /// Removes at most `most` rows of `table` that are older than `before_ms` and on disk. True: there may be more.
    pub fn remove_older(&mut self, table: Table, before_ms: u64, most: usize) -> Result<bool, TablesError> {
        let (from, to) = (keys::timed(table, 0, 0), keys::timed(table, before_ms, 0));
        let mut old = Vec::new();
        for row in self.disk.range(&from, &to) {
            let (key, _) = row?;
            if self.overlay.contains_key(&key) {
                continue;
            }
            if old.len() == most {
                break;
            }
            old.push(key);
        }
        old.iter().for_each(|key| self.remove(key));
        Ok(old.len() == most)
    }

    /// All changes up to record `sequence`, at once.
    pub fn flush(&mut self, sequence: u64) -> Result<(), TablesError> {
        if self.overlay.is_empty() && sequence == self.on_disk {
            return Ok(());
        }
        let mut changes: Vec<_> = self.overlay.drain().collect();
        // Neighbours one after the other: the database finds their place in half the time.
        changes.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        self.disk.write(changes, sequence)?;
        self.overlay.shrink_to(KEPT_ROOM);
        self.overlay_bytes = 0;
        self.on_disk = sequence;
        Ok(())
    }

    /// Removes a space, as record `sequence`, straight from the disk: it may be too large for the overlay. After a crash
    /// in between, the same record is applied again and removes the rest, which is why all before it goes first.
    pub fn purge(&mut self, sequence: u64, space: &str) -> Result<(), TablesError> {
        self.flush(sequence - 1)?;
        for table in OF_PLACES {
            self.disk.remove_all(&keys::of_space(table, space))?;
        }
        self.remove(&keys::named(Table::Spaces, space));
        self.remove(&keys::named(Table::Memories, space));
        self.flush(sequence)
    }

    pub fn disk(&self) -> &Disk {
        &self.disk
    }
}

fn cost(key: &[u8], value: Option<&UserValue>) -> usize {
    key.len() + value.map_or(0, |value| value.len()) + ENTRY_BYTES
}
