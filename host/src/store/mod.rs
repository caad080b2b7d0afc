//! The store: the journal, which is the truth, and the tables that are written behind it.
//!
//! Owns the data folder: its lock, its layout (`journal/`, `tables/`, `artifacts/`, `cache/`) and the order in which it is
//! opened. Must not know what runs on it. Fails, and changes nothing, when the folder is another host's, damaged, or of a
//! newer format.
//!
//! ```text
//! ledger (sequence, group) -> committer -> journal -> table writer -> tables
//!                                             |                          |
//! at the start:                        what the tables lack ----------> image
//! ```

mod anew;
pub mod artifacts;
pub mod backup;
mod cache;
mod copy;
pub mod journal;
mod keeper;
pub mod ledger;
mod lost;
pub mod record;
pub mod restore;
pub mod tables;

use artifacts::Artifacts;
pub use cache::Cache;
pub use copy::copy;
use journal::{Journal, JournalConfig, JournalError, Lock, LockError, Opened, Reader};
pub use keeper::Keeper;
use ledger::{Ledger, Retention, Scribe};
use record::{Record, RecordError};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
pub use tables::dump::Frozen;
use tables::{Image, Tables, TablesError};

#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub segment_bytes: u64,
    /// How much of the past is kept for history and for readers that come back.
    pub retention: Retention,
    /// How much compiled code is kept.
    pub cache_bytes: u64,
    /// Whether to go on without what a damaged folder cannot give back.
    pub accept_loss: bool,
}

impl StoreConfig {
    fn journal(&self) -> JournalConfig {
        JournalConfig { segment_bytes: self.segment_bytes }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        let retention = Retention { bytes: 1 << 30, age: Duration::from_secs(7 * 24 * 3600) };
        let segment_bytes = JournalConfig::default().segment_bytes;
        StoreConfig { segment_bytes, retention, cache_bytes: 1 << 30, accept_loss: false }
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("could not make {}: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Tables(#[from] TablesError),
    #[error("record {sequence} of the journal: {error}")]
    Record { sequence: u64, error: RecordError },
    #[error(
        "the tables end at sequence {tables} and the journal begins at {journal}: what lies between is missing; restore the \
         data folder from a backup, or start with `--accept-loss` to go on from {tables}, without all that came later"
    )]
    Gap { tables: u64, journal: u64 },
    #[error(
        "the tables hold sequence {tables}, but the journal ends at {journal}: its end is missing; restore the data folder \
         from a backup, or start with `--accept-loss` to go on from {tables}, without what may have come later"
    )]
    Ahead { tables: u64, journal: u64 },
    #[error(
        "the tables were written behind journal {tables:016x}, and the one here is {journal:016x}: put the right one back, \
         restore the data folder from a backup, or start with `--accept-loss` to go on with the tables alone"
    )]
    Foreign { tables: u64, journal: u64 },
    #[error("there is no store in {}: name the data folder of a host", path.display())]
    Nothing { path: PathBuf },
    #[error("could not set the journal aside in {}: {source}", path.display())]
    Aside { path: PathBuf, source: std::io::Error },
    #[error("no source of random numbers: {0}")]
    Random(String),
    #[error("could not start a thread: {0}")]
    Thread(std::io::Error),
}

/// What a host starts on.
pub struct Store {
    pub ledger: Ledger,
    /// The sequence of the host's start.
    pub started: u64,
    /// Tells the ids of this store's messages from those of others.
    pub host_id: String,
    pub image: Image,
    /// Where its readers find the journal; none in memory.
    pub journal: Option<PathBuf>,
    /// The components of versions that serve or have served; none in memory.
    pub artifacts: Option<Artifacts>,
    /// None in memory.
    pub keeper: Option<Keeper>,
    /// Compiled code; none in memory, or where the folder cannot hold it.
    pub cache: Option<Cache>,
}

impl Store {
    /// Keeps nothing; nothing outlives the process.
    pub fn in_memory() -> Self {
        // Two hosts that start in the same moment still differ: the hasher is seeded at random.
        let host_id = RandomState::new().hash_one(SystemTime::now()) as u32;
        let host_id = format!("{host_id:08x}");
        let (ledger, image) = (Ledger::in_memory(), Image::default());
        Store { ledger, started: 0, host_id, image, journal: None, artifacts: None, cache: None, keeper: None }
    }

    /// Opens the folder, or begins a new one, and brings the tables up to the journal's end.
    pub fn open(data: &Path, config: &StoreConfig) -> Result<Self, StoreError> {
        make(data)?;
        let lock = Lock::take(data)?;
        let artifacts =
            Artifacts::open(data).map_err(|source| StoreError::Folder { path: data.join("artifacts"), source })?;
        let folder = data.join("journal");
        let (journal, opened, tables) = match assemble(data, config) {
            Err(error) if config.accept_loss && error.is_loss() => lost::accept(data, config, &error)?,
            assembled => assembled?,
        };
        let image = tables.image()?;
        let last = opened.last.unwrap_or(0);
        let ledger = Ledger::on_disk(journal, last, config.retention).map_err(StoreError::Thread)?;
        let started = Scribe::default().submit(&ledger, &Record::Started { time_ms: now_ms() });
        let keeper = Keeper::start(tables, folder.clone(), ledger.clone(), lock).map_err(StoreError::Thread)?;
        Ok(Store {
            ledger,
            started,
            host_id: format!("{:016x}", opened.id),
            image,
            journal: Some(folder),
            artifacts: Some(artifacts),
            keeper: Some(keeper),
            cache: cache(data, config.cache_bytes),
        })
    }
}

/// What cannot be kept is compiled at each start: slower, and nothing else.
fn cache(data: &Path, bytes: u64) -> Option<Cache> {
    let opened = Cache::open(data, bytes);
    let complain = |error| tracing::warn!("the cache of compiled code in {} is not used: {error}", data.display());
    opened.map_err(complain).ok()
}

/// Opens the journal, and the tables as far as it goes.
fn assemble(data: &Path, config: &StoreConfig) -> Result<(Journal, Opened, Tables), StoreError> {
    let (folder, tables) = (data.join("journal"), data.join("tables"));
    if !Journal::is_in(&folder)? {
        never_written(&tables)?;
    }
    let (journal, opened) = Journal::open(&folder, &config.journal())?;
    if opened.cut_bytes > 0 {
        tracing::warn!(
            "cut a torn end of {} bytes off the journal: nothing in it was ever acknowledged",
            opened.cut_bytes
        );
    }
    let mut tables = open_tables(data)?;
    match tables.journal()? {
        Some(own) if own == opened.id => {}
        Some(own) if tables.sequence() > 0 => return Err(StoreError::Foreign { tables: own, journal: opened.id }),
        _ => tables.belong_to(opened.id)?,
    }
    catch_up(&mut tables, &folder, &opened)?;
    Ok((journal, opened, tables))
}

/// A journal is not begun where there has been one: that would take the place of what may still be put back.
fn never_written(tables: &Path) -> Result<(), StoreError> {
    if !tables.exists() {
        return Ok(());
    }
    match Tables::open(tables)?.sequence() {
        0 => Ok(()),
        tables => Err(StoreError::Ahead { tables, journal: 0 }),
    }
}

/// Makes the folder, and its name durable before anything in it is.
fn make(folder: &Path) -> Result<(), StoreError> {
    let made = || {
        fs::create_dir_all(folder)?;
        match folder.join("journal").try_exists()? {
            true => Ok(()),
            false => journal::sync_folder(folder.canonicalize()?.parent().unwrap_or(folder)),
        }
    };
    made().map_err(failed(folder))
}

/// New tables get their name when they are complete: fjall can do nothing with a folder that it was interrupted in making.
fn open_tables(data: &Path) -> Result<Tables, StoreError> {
    let (tables, unfinished) = (data.join("tables"), data.join("tables.new"));
    if !tables.try_exists().map_err(failed(&tables))? {
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&unfinished)(error)),
            _ => drop(Tables::open(&unfinished)?),
        }
        let named = fs::rename(&unfinished, &tables).and_then(|()| journal::sync_folder(data));
        named.map_err(failed(&tables))?;
    }
    Ok(Tables::open(&tables)?)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Folder { path: path.to_owned(), source }
}

/// Applies what the journal has and the tables lack.
fn catch_up(tables: &mut Tables, folder: &Path, opened: &Opened) -> Result<(), StoreError> {
    let (at, last) = (tables.sequence(), opened.last.unwrap_or(0));
    if at > last {
        return Err(StoreError::Ahead { tables: at, journal: last });
    }
    if let Some(first) = opened.first.filter(|first| *first > at + 1) {
        return Err(StoreError::Gap { tables: at, journal: first });
    }
    let mut reader = Reader::new(folder, at + 1);
    while let Some((sequence, encoded)) = reader.next(last)? {
        let record = Record::decode(encoded).map_err(|error| StoreError::Record { sequence, error })?;
        tables.apply(sequence, &record)?;
        if tables.overlay_bytes() > keeper::MOST_DIRTY {
            tables.flush()?;
        }
    }
    Ok(tables.flush()?)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
