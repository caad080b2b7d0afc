//! The tables on disk: one fjall keyspace, its settings, its format and its sequence.
//!
//! All tables share one keyspace, told apart by the first byte of the key: one memtable bounds the memory of all, and no
//! table that is seldom written keeps the database's journal from being cut. Must not know what rows mean. Fails when the
//! database does, and for good then: fjall takes no writes after a failed one.

use super::error::TablesError;
use super::keys::{self, Table};
use super::rows::corrupt;
use fjall::{
    Database, Guard, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, UserKey, UserValue,
};
use std::path::Path;

/// Of the layout of keys and values: the newest that this host knows. A host refuses a higher one.
pub const FORMAT: u32 = 2;
/// Of new tables. The first row of a webhook makes it 2; until then an older host can use them.
const FIRST_FORMAT: u32 = 1;

/// Blocks are read at the start and, rarely, for a message that has waited for long.
const CACHE_BYTES: u64 = 4 << 20;
const MEMTABLE_BYTES: u64 = 8 << 20;
/// The least that fjall takes; on disk, and sparse.
const FJALL_JOURNAL_BYTES: u64 = 64 << 20;
const OPEN_FILES: usize = 64;
/// Rows removed at once when whole ranges go.
const REMOVED_AT_ONCE: usize = 4096;

pub struct Disk {
    database: Database,
    rows: Keyspace,
}

impl Disk {
    pub fn open(dir: &Path) -> Result<Self, TablesError> {
        let builder = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(FJALL_JOURNAL_BYTES)
            .max_cached_files(Some(OPEN_FILES))
            .worker_threads(1);
        let database = builder.open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let rows = database.keyspace("tables", options)?;
        let disk = Disk { database, rows };
        disk.check_format()?;
        Ok(disk)
    }

    fn check_format(&self) -> Result<(), TablesError> {
        let key = format_key();
        match self.get(&key)? {
            Some(value) => match number(&key, &value).map(u32::from_be_bytes)? {
                found if found > FORMAT => Err(TablesError::Newer { found, known: FORMAT }),
                _ => Ok(()),
            },
            None if self.rows.is_empty()? => {
                let mut batch = self.batch();
                batch.insert(&self.rows, key, FIRST_FORMAT.to_be_bytes());
                Ok(batch.commit()?)
            }
            None => Err(corrupt(&key, "there are tables, but not their format")),
        }
    }

    /// The last record that the tables contain.
    pub fn sequence(&self) -> Result<u64, TablesError> {
        let key = sequence_key();
        self.get(&key)?.map_or(Ok(0), |value| number(&key, &value).map(u64::from_be_bytes))
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<UserValue>, TablesError> {
        Ok(self.rows.get(key)?)
    }

    pub fn all(&self) -> impl Iterator<Item = Result<(UserKey, UserValue), TablesError>> {
        self.rows.iter().map(read)
    }

    pub fn prefix(&self, prefix: &[u8]) -> impl Iterator<Item = Result<(UserKey, UserValue), TablesError>> + use<> {
        self.rows.prefix(prefix).map(read)
    }

    pub fn range(&self, from: &[u8], to: &[u8]) -> impl Iterator<Item = Result<(UserKey, UserValue), TablesError>> {
        self.rows.range(from..to).map(read)
    }

    /// Rows and sequence together, or neither; on disk when it returns.
    pub fn write(&self, changes: Vec<(UserKey, Option<UserValue>)>, sequence: u64) -> Result<(), TablesError> {
        let mut batch = self.batch();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(&self.rows, key, value),
                None => batch.remove(&self.rows, key),
            }
        }
        batch.insert(&self.rows, sequence_key(), sequence.to_be_bytes());
        Ok(batch.commit()?)
    }

    /// Removes whatever has the prefix, part by part: neither atomic nor yet synced.
    pub fn remove_all(&self, prefix: &[u8]) -> Result<(), TablesError> {
        let mut batch = self.database.batch();
        for row in self.rows.prefix(prefix) {
            batch.remove(&self.rows, row.key()?);
            if batch.len() == REMOVED_AT_ONCE {
                std::mem::replace(&mut batch, self.database.batch()).commit()?;
            }
        }
        Ok(batch.commit()?)
    }

    /// The id of the journal that the tables are written behind; none in new ones.
    pub fn journal(&self) -> Result<Option<u64>, TablesError> {
        let key = journal_key();
        self.get(&key)?.map(|value| number(&key, &value).map(u64::from_be_bytes)).transpose()
    }

    pub fn set_journal(&self, id: u64) -> Result<(), TablesError> {
        let mut batch = self.batch();
        batch.insert(&self.rows, journal_key(), id.to_be_bytes());
        Ok(batch.commit()?)
    }

    /// All rows as they are now, whatever is written from here on.
    pub fn frozen(&self) -> impl Iterator<Item = Result<(UserKey, UserValue), TablesError>> + Send + use<> {
        self.database.snapshot().iter(&self.rows).map(read)
    }

    fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::SyncAll))
    }

    #[cfg(test)]
    pub fn overwrite(&self, key: &[u8], value: &[u8]) {
        self.rows.insert(key, value).unwrap();
    }
}

pub fn format_key() -> Vec<u8> {
    keys::named(Table::Meta, "format")
}

fn sequence_key() -> Vec<u8> {
    keys::named(Table::Meta, "sequence")
}

fn journal_key() -> Vec<u8> {
    keys::named(Table::Meta, "journal")
}

fn read(row: Guard) -> Result<(UserKey, UserValue), TablesError> {
    Ok(row.into_inner()?)
}

fn number<const N: usize>(key: &[u8], value: &[u8]) -> Result<[u8; N], TablesError> {
    value.try_into().map_err(|_| corrupt(key, format!("its value has {} bytes and should have {N}", value.len())))
}
