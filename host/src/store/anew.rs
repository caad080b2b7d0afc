//! A journal that begins anew behind tables that are there already: after a restore, or after a loss that was accepted.
//!
//! Owns the rule by which sequences are never given twice. The journal keeps its id, so that the messages which are still
//! to be handled keep theirs, and with them what handlers have derived from them. What came after the tables' sequence has
//! been numbered already, by the host that was lost, and clients hold such ids; how many there were nobody can know. So
//! the journal goes on at a distance that no host reaches by counting, and at random, for the same backup may be restored
//! twice: whoever comes back with a number in between is told of a gap, or that there is no such message. Fails as the
//! disk does; then the folder is not to be started with, and the same order can be repeated.

use super::StoreError;
use super::journal::{Group, Journal, JournalConfig, Opened};
use super::record::Record;
use super::tables::Tables;
use rand::TryRng;
use rand::rngs::SysRng;
use std::path::Path;

/// Two years at 300,000 turns a second. Still far below 2^53, up to which all readers of JSON count.
const DISTANCE: u64 = 1 << 44;

/// Begins the journal of that id after `tables`, and after `last`. Its first record is a start of the host.
pub fn begin(
    tables: &mut Tables,
    folder: &Path,
    config: &JournalConfig,
    id: u64,
    last: u64,
) -> Result<(Journal, Opened), StoreError> {
    let first = far_beyond(tables.sequence().max(last))?;
    let mut journal = Journal::begin(folder, config, id)?;
    let mut group = Group::default();
    group.push(first, &Record::Started { time_ms: super::now_ms() }.encode(Vec::new()));
    journal.append(&mut group)?;
    // Last, because until then the gap between the two keeps any host from starting.
    tables.belong_to(id)?;
    tables.go_on_after(first - 1)?;
    Ok((journal, Opened { id, first: Some(first), last: Some(first), cut_bytes: 0 }))
}

fn far_beyond(sequence: u64) -> Result<u64, StoreError> {
    let random = SysRng.try_next_u64().map_err(|error| StoreError::Random(error.to_string()))?;
    Ok(sequence + DISTANCE + random % DISTANCE + 1)
}

/// A journal id for tables that never had one.
pub fn random_id() -> Result<u64, StoreError> {
    SysRng.try_next_u64().map_err(|error| StoreError::Random(error.to_string()))
}
