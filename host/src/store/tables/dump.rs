//! The tables as rows that come and go as they are: what a backup is made of, and what a restored folder begins with.
//!
//! Must not know what a backup looks like, nor what rows mean. What is not of the records (format, sequence, journal) is
//! told apart, because whoever takes the rows up has his own. Fails when the database does.

use super::Tables;
use super::disk::{FORMAT, format_key};
use super::error::TablesError;
use super::keys::Table;
use fjall::{UserKey, UserValue};

/// So much is taken up before it goes to disk.
const MOST_AT_ONCE: usize = 32 << 20;

/// The tables at one sequence. Whatever is applied later is not in it.
pub struct Frozen {
    /// Of the journal that they were written behind.
    pub journal: u64,
    pub sequence: u64,
    rows: Box<dyn Iterator<Item = Result<(UserKey, UserValue), TablesError>> + Send>,
}

impl Frozen {
    /// All rows, in the order of their keys.
    pub fn rows(self) -> impl Iterator<Item = Result<(UserKey, UserValue), TablesError>> {
        let of_records = |row: &Result<(UserKey, UserValue), _>| {
            row.as_ref().map_or(true, |(key, _)| Table::of(key) != Some(Table::Meta))
        };
        self.rows.filter(of_records)
    }
}

impl Tables {
    /// The id of the journal that they are written behind; none in new ones.
    pub fn journal(&self) -> Result<Option<u64>, TablesError> {
        self.layers.disk().journal()
    }

    /// From now on they are written behind the journal of that id.
    pub fn belong_to(&self, journal: u64) -> Result<(), TablesError> {
        self.layers.disk().set_journal(journal)
    }

    /// The last record applied, on disk or not.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Everything applied so far goes to disk, and is held fast.
    pub fn freeze(&mut self) -> Result<Frozen, TablesError> {
        self.flush()?;
        let journal = self.journal()?.unwrap_or_default();
        Ok(Frozen { journal, sequence: self.sequence(), rows: Box::new(self.layers.disk().frozen()) })
    }

    /// Takes up a row of others. Not for tables that have applied a record.
    pub fn take_up(&mut self, key: &[u8], value: &[u8]) -> Result<(), TablesError> {
        if matches!(Table::of(key), Some(Table::Webhooks | Table::WebhookLetters)) {
            self.layers.put(&format_key(), UserValue::from(FORMAT.to_be_bytes()));
        }
        self.layers.put(key, UserValue::from(value));
        if self.layers.overlay_bytes() > MOST_AT_ONCE { self.layers.flush(self.applied) } else { Ok(()) }
    }

    /// Everything goes to disk; the next record has the sequence after `sequence`.
    pub fn go_on_after(&mut self, sequence: u64) -> Result<(), TablesError> {
        self.flush()?;
        self.applied = sequence;
        self.flush()
    }
}
