//! The backup: one file that holds what a host was at one sequence.
//!
//! Owns the format, and why a file is refused. Holds the tables alone: what the journal has beyond them is in no backup, and
//! its past (history, events to come back for) is not either. Must not know HTTP or the folder that it goes to. The token is
//! not part of it: whoever gets hold of a backup must not get into the host with it.
//!
//! ```text
//! header  magic 8 | format 8 | made by 32 | format of the tables 8 | journal id 8 | sequence 8 | time in ms 8 | hash 32
//! block   bytes of its rows 8 | rows | hash 32          as often as needed
//! row     bytes of the key 4 | bytes of the value 4 | key | value
//! end     0 in 8 | rows in all blocks 8 | hash 32
//! ```
//!
//! Numbers are little-endian. Each hash is the blake3 of all bytes of the file before it, hashes aside. So the first that
//! does not hold names the block in which something is wrong, and a file without its end, or with more after it, is refused.

mod reader;
mod writer;

pub use reader::{BackupReader, Checked, check};
pub use writer::write;

use super::tables::TablesError;
use std::io;

const MAGIC: &[u8; 8] = b"SPACEBAK";
/// A host refuses a higher one.
const FORMAT: u64 = 1;
const MAKER: &str = env!("CARGO_PKG_VERSION");
const HEADER_BYTES: usize = 80;
const HASH_BYTES: usize = blake3::OUT_LEN;
/// A block is closed when it has become so large.
const BLOCK_BYTES: usize = 256 << 10;
/// No block of ours is larger: one row of the largest value, and then some.
const LARGEST_BLOCK: u64 = 1 << 30;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub made_by: String,
    /// Of the journal that the tables were written behind.
    pub journal: u64,
    /// The last record that is in it.
    pub sequence: u64,
    pub time_ms: u64,
}

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("it is no backup: it does not begin like one")]
    NotOne,
    #[error(
        "it was made by spacehost {made_by} in a format that this one does not know: use that version, or a newer one"
    )]
    Newer { made_by: String },
    #[error("it ends at byte {offset}, before it is complete: it was cut short; use another backup")]
    Short { offset: u64 },
    #[error(
        "the bytes before byte {offset} are not those that were written: it was altered or damaged; use another backup"
    )]
    Altered { offset: u64 },
    #[error("something follows its end at byte {offset}: it was altered; use another backup")]
    Trailing { offset: u64 },
    #[error("could not read the backup: {0}")]
    Read(io::Error),
    #[error("could not write the backup: {0}")]
    Write(io::Error),
    #[error(transparent)]
    Tables(#[from] TablesError),
}

#[cfg(test)]
mod tests;
