//! A copy of a data folder, to look at what opening the folder itself would change.
//!
//! Copies what a store is opened from, journal and tables, and nothing that only its own host has a use for: no token, no
//! components, no code. Holds the folder's lock meanwhile, so that nobody writes to it. Fails, with nothing changed, when a
//! host runs on it, when there is no store, and as the disk does.

use super::journal::{Journal, Lock};
use super::{StoreError, failed};
use std::fs;
use std::io;
use std::path::Path;

/// Copies the store of the folder `data` into the empty folder `into`.
pub fn copy(data: &Path, into: &Path) -> Result<(), StoreError> {
    if !Journal::is_in(&data.join("journal"))? {
        return Err(StoreError::Nothing { path: data.to_owned() });
    }
    let _lock = Lock::take(data)?;
    for part in ["journal", "tables"] {
        let from = data.join(part);
        copy_folder(&from, &into.join(part)).map_err(failed(&from))?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, place) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
