//! Why the tables cannot be read or written.

use crate::store::record::RecordError;

#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    #[error("the database of the tables: {0}")]
    Database(#[from] fjall::Error),
    #[error(
        "the tables have format {found} and this host knows formats up to {known}: use the host that wrote them, or a newer one"
    )]
    Newer { found: u32, known: u32 },
    #[error("table `{table}`, key {key}: {reason}; the tables are damaged: restore the data folder from a backup")]
    Corrupt { table: &'static str, key: String, reason: String },
    #[error(
        "record {sequence} names a message that is not in table `{table}`: {key}; the journal and the tables disagree"
    )]
    Missing { sequence: u64, table: &'static str, key: String },
    #[error("record {found} cannot be applied after record {applied}: one by one, and each once")]
    Order { applied: u64, found: u64 },
    #[error("record {sequence}: {reason}")]
    Record { sequence: u64, reason: RecordError },
    #[error("record {sequence} answers a request that no partition has made")]
    Unasked { sequence: u64 },
    #[error("record {sequence} has a key of {bytes} bytes, and the tables take {most}")]
    LongKey { sequence: u64, bytes: usize, most: usize },
    #[error("a value for table `{table}` does not encode: {reason}")]
    Unwritable { table: &'static str, reason: String },
    #[error("an earlier record could not be applied, so nothing more is written to the tables")]
    Broken,
}
