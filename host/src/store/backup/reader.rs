//! Reading a backup: block by block, and no row before the hash of its block holds.
//!
//! Must not know what rows mean. Fails at the first byte that is missing or wrong, and names the place.

use super::{BackupError, FORMAT, HASH_BYTES, HEADER_BYTES, Header, LARGEST_BLOCK, MAGIC};
use crate::store::tables::FORMAT as TABLES_FORMAT;
use std::io::Read;

pub struct BackupReader<R> {
    source: R,
    hasher: blake3::Hasher,
    offset: u64,
    rows: u64,
    pub header: Header,
}

/// A backup that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub header: Header,
    pub rows: u64,
    pub bytes: u64,
}

/// Reads all of it, and keeps nothing.
pub fn check(source: impl Read) -> Result<Checked, BackupError> {
    let mut reader = BackupReader::open(source)?;
    while reader.block()?.is_some() {}
    Ok(Checked { rows: reader.rows, bytes: reader.offset, header: reader.header })
}

impl<R: Read> BackupReader<R> {
    pub fn open(source: R) -> Result<Self, BackupError> {
        let header = Header { made_by: String::new(), journal: 0, sequence: 0, time_ms: 0 };
        let mut reader = BackupReader { source, hasher: blake3::Hasher::new(), offset: 0, rows: 0, header };
        let bytes = reader.take(HEADER_BYTES as u64)?;
        if &bytes[..8] != MAGIC {
            return Err(BackupError::NotOne);
        }
        let made_by = String::from_utf8_lossy(&bytes[16..48]).trim_end_matches('\0').to_owned();
        reader.verify()?;
        if word(&bytes, 8) > FORMAT || word(&bytes, 48) > u64::from(TABLES_FORMAT) {
            return Err(BackupError::Newer { made_by });
        }
        let (journal, sequence, time_ms) = (word(&bytes, 56), word(&bytes, 64), word(&bytes, 72));
        reader.header = Header { made_by, journal, sequence, time_ms };
        Ok(reader)
    }

    /// The next rows; None at the end, when nothing is missing.
    pub fn block(&mut self) -> Result<Option<Block>, BackupError> {
        let length = word(&self.take(8)?, 0);
        if length == 0 {
            return self.end().map(|()| None);
        }
        if length > LARGEST_BLOCK {
            return Err(BackupError::Altered { offset: self.offset });
        }
        let bytes = self.take(length)?;
        self.verify()?;
        let block = Block { bytes };
        let rows = block.rows().count() as u64;
        if block.rows().any(|row| row.is_none()) {
            return Err(BackupError::Altered { offset: self.offset });
        }
        self.rows += rows;
        Ok(Some(block))
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let rows = word(&self.take(8)?, 0);
        self.verify()?;
        if rows != self.rows {
            return Err(BackupError::Altered { offset: self.offset });
        }
        let mut more = [0];
        match self.source.read(&mut more).map_err(BackupError::Read)? {
            0 => Ok(()),
            _ => Err(BackupError::Trailing { offset: self.offset }),
        }
    }

    fn take(&mut self, length: u64) -> Result<Vec<u8>, BackupError> {
        let bytes = self.read(length)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn verify(&mut self) -> Result<(), BackupError> {
        let expected = self.hasher.finalize();
        let found = self.read(HASH_BYTES as u64)?;
        if found == expected.as_bytes() { Ok(()) } else { Err(BackupError::Altered { offset: self.offset }) }
    }

    /// Takes no memory for bytes that do not come.
    fn read(&mut self, length: u64) -> Result<Vec<u8>, BackupError> {
        let mut bytes = Vec::new();
        let read = (&mut self.source).take(length).read_to_end(&mut bytes).map_err(BackupError::Read)?;
        self.offset += read as u64;
        if read as u64 == length { Ok(bytes) } else { Err(BackupError::Short { offset: self.offset }) }
    }
}

/// Rows whose hash holds.
pub struct Block {
    bytes: Vec<u8>,
}

impl Block {
    /// Keys and values. A row that does not fit in is `None`, and the last.
    pub fn rows(&self) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
        let mut rest = Some(self.bytes.as_slice());
        std::iter::from_fn(move || {
            let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
            let row = split(bytes);
            rest = row.map(|(_, _, rest)| rest);
            Some(row.map(|(key, value, _)| (key, value)))
        })
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = bytes.split_first_chunk::<8>()?;
    let length = |at: usize| lengths[at..].first_chunk().copied().map(u32::from_le_bytes);
    let (key, rest) = rest.split_at_checked(length(0)? as usize)?;
    let (value, rest) = rest.split_at_checked(length(4)? as usize)?;
    Some((key, value, rest))
}

/// The number at `offset`, which the caller has taken.
fn word(bytes: &[u8], offset: usize) -> u64 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk().copied()).map_or(0, u64::from_le_bytes)
}
