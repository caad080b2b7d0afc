//! Restore: from a backup to a data folder that a host can be started on.
//!
//! Owns the new folder until it is whole: it is made under another name beside its place and put there at the end, so a
//! restore is done or has not been. Must not know a host. Refuses a folder that holds anything, and a backup that is not
//! whole, before it writes; fails as the disk does.

use super::anew;
use super::backup::{self, BackupError, BackupReader, Checked, Header};
use super::tables::{Image, Tables, TablesError};
use super::{StoreConfig, StoreError};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("could not open {}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{} cannot be restored: {error}", path.display())]
    Backup { path: PathBuf, error: BackupError },
    #[error("the folder {} is not empty: name another one, or move what is in it away; nothing was changed", folder.display())]
    NotEmpty { folder: PathBuf },
    #[error("could not make {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TablesError> for RestoreError {
    fn from(error: TablesError) -> Self {
        RestoreError::Store(StoreError::Tables(error))
    }
}

/// What has been restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub header: Header,
    /// Where sequences go on.
    pub first: u64,
    pub spaces: Vec<RestoredSpace>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoredSpace {
    pub name: String,
    /// None: it was never deployed, and messages wait for it all the same.
    pub version: Option<String>,
    pub keys: u64,
    pub bytes: u64,
    pub messages: u64,
    pub timers: u64,
    pub dead_letters: u64,
}

/// Makes the data folder `data` out of the backup.
pub fn restore(from: &Path, data: &Path) -> Result<Restored, RestoreError> {
    let refused = |error| RestoreError::Backup { path: from.to_owned(), error };
    let checked = backup::check(open(from)?).map_err(refused)?;
    vacant(data)?;
    let parent = parent_of(data);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::Folder { path, source }
    };
    fs::create_dir_all(&parent).map_err(failed(&parent))?;
    // For our own eyes, like any data folder. Dropped before it has its name, it is removed.
    let making = tempfile::Builder::new().prefix(".restoring-").tempdir_in(&parent).map_err(failed(&parent))?;
    let restored = fill(making.path(), from, &checked)?;
    File::open(making.path()).and_then(|folder| folder.sync_all()).map_err(failed(making.path()))?;
    fs::rename(making.path(), data).map_err(failed(data))?;
    File::open(&parent).and_then(|parent| parent.sync_all()).map_err(failed(&parent))?;
    Ok(restored)
}

/// A folder that is there and empty is as good as none.
fn vacant(data: &Path) -> Result<(), RestoreError> {
    match fs::read_dir(data).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(RestoreError::NotEmpty { folder: data.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(RestoreError::Folder { path: data.to_owned(), source }),
    }
}

fn parent_of(data: &Path) -> PathBuf {
    match data.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, RestoreError> {
    let file = File::open(path).map_err(|source| RestoreError::Open { path: path.to_owned(), source })?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

fn fill(data: &Path, from: &Path, checked: &Checked) -> Result<Restored, RestoreError> {
    let refused = |error| RestoreError::Backup { path: from.to_owned(), error };
    let mut reader = BackupReader::open(open(from)?).map_err(refused)?;
    let header = checked.header.clone();
    let mut tables = Tables::open(&data.join("tables"))?;
    while let Some(block) = reader.block().map_err(refused)? {
        for (key, value) in block.rows().flatten() {
            tables.take_up(key, value)?;
        }
    }
    tables.go_on_after(header.sequence)?;
    // Every row decodes, or nothing is restored.
    let spaces = spaces(&tables.image()?);
    let config = StoreConfig::default().journal();
    let (_, opened) = anew::begin(&mut tables, &data.join("journal"), &config, header.journal, header.sequence)?;
    Ok(Restored { header, first: opened.first.unwrap_or_default(), spaces })
}

fn spaces(image: &Image) -> Vec<RestoredSpace> {
    let space = |(name, space): (&String, &super::tables::image::Space)| {
        let version = space.version.as_ref().map(|version| version.version.clone());
        let mut sum = RestoredSpace { name: name.clone(), version, ..RestoredSpace::default() };
        for part in space.partitions.values() {
            sum.keys += part.state.len() as u64;
            sum.bytes += part.state.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
            sum.messages += part.pending.len() as u64;
            sum.timers += part.timers.len() as u64;
            sum.dead_letters += part.dead_letters.len() as u64;
        }
        sum
    };
    image.spaces.iter().map(space).collect()
}
