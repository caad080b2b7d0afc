//! Writing a backup: rows in, bytes out, hashed on the way.
//!
//! Must not know where rows come from but that they are in order. Fails when a row cannot be read, or the bytes not written.

use super::{BLOCK_BYTES, BackupError, FORMAT, HEADER_BYTES, Header, MAGIC};
use crate::store::tables::FORMAT as TABLES_FORMAT;
use crate::store::tables::dump::Frozen;
use std::io::Write;

/// Writes all of it, its end included.
pub fn write(frozen: Frozen, time_ms: u64, out: &mut impl Write) -> Result<(), BackupError> {
    let header =
        Header { made_by: super::MAKER.to_owned(), journal: frozen.journal, sequence: frozen.sequence, time_ms };
    let mut hashed = Hashed { out, hasher: blake3::Hasher::new() };
    hashed.put(&header.encode())?;
    hashed.seal()?;
    let (mut block, mut rows) = (Vec::new(), 0u64);
    for row in frozen.rows() {
        let (key, value) = row?;
        push_row(&mut block, &key, &value);
        rows += 1;
        if block.len() >= BLOCK_BYTES {
            hashed.block(&block)?;
            block.clear();
        }
    }
    if !block.is_empty() {
        hashed.block(&block)?;
    }
    hashed.put(&0u64.to_le_bytes())?;
    hashed.put(&rows.to_le_bytes())?;
    hashed.seal()
}

impl Header {
    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[16..48].iter_mut().zip(self.made_by.as_bytes()).for_each(|(to, from)| *to = *from);
        let words = [u64::from(TABLES_FORMAT), self.journal, self.sequence, self.time_ms];
        bytes[48..].copy_from_slice(words.map(u64::to_le_bytes).as_flattened());
        bytes
    }
}

/// Keys are shorter than 64 KiB and values than a block, so their lengths fit.
fn push_row(block: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    block.extend_from_slice(&(key.len() as u32).to_le_bytes());
    block.extend_from_slice(&(value.len() as u32).to_le_bytes());
    block.extend_from_slice(key);
    block.extend_from_slice(value);
}

struct Hashed<'o, W> {
    out: &'o mut W,
    hasher: blake3::Hasher,
}

impl<W: Write> Hashed<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.hasher.update(bytes);
        self.out.write_all(bytes).map_err(BackupError::Write)
    }

    fn seal(&mut self) -> Result<(), BackupError> {
        self.out.write_all(self.hasher.finalize().as_bytes()).map_err(BackupError::Write)
    }

    fn block(&mut self, rows: &[u8]) -> Result<(), BackupError> {
        self.put(&(rows.len() as u64).to_le_bytes())?;
        self.put(rows)?;
        self.seal()
    }
}
