//! The cache of compiled code: opaque entries by name, in `cache/` of the data folder, and a key to seal them with.
//!
//! Owns these files and the bound on their bytes: when it is reached, what was not used for longest goes. Must not know
//! what an entry holds, nor vouch for it: whoever put it there sealed it. An entry is written whole or not at all, but it
//! may be lost at any time. Nothing here fails beyond the opening: a disk that is full or read-only costs the cache, and
//! is said once.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

const KEY: usize = 32;
const ENTRY: &str = "code";
/// Being written; whatever of these is there at the start was given up.
const UNFINISHED: &str = "new";

pub struct Cache {
    folder: PathBuf,
    key: [u8; KEY],
    most_bytes: u64,
    held: Mutex<HashMap<String, Held>>,
    /// Tells apart what is written at the same time.
    written: AtomicU64,
    complained: AtomicBool,
}

/// What is known of an entry without looking at it.
#[derive(Debug, Clone, Copy)]
struct Held {
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    /// Opens what is there, or begins anew.
    pub fn open(data: &Path, most_bytes: u64) -> io::Result<Self> {
        let folder = data.join("cache");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let key = key(&folder.join("key"))?;
        let held = list(&folder)?;
        let cache = Cache {
            folder,
            key,
            most_bytes,
            held: Mutex::new(held),
            written: AtomicU64::new(0),
            complained: AtomicBool::new(false),
        };
        cache.make_room(0);
        Ok(cache)
    }

    /// A secret of this folder.
    pub fn key(&self) -> [u8; KEY] {
        self.key
    }

    /// The entry as it is on the disk, which may not be as it was put there.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let bytes = self.held().get(name)?.bytes;
        let mut entry = Vec::with_capacity(usize::try_from(bytes).ok()?);
        let read = self.read(name).and_then(|file| file.take(self.most_bytes).read_to_end(&mut entry));
        if read.is_err() {
            self.held().remove(name);
            return None;
        }
        self.used(name);
        Some(entry)
    }

    /// Keeps the entry in place of any other of that name, if it can.
    pub fn put(&self, name: &str, entry: &[u8]) {
        let bytes = entry.len() as u64;
        if bytes > self.most_bytes {
            return;
        }
        // The one that it replaces counts no more.
        self.held().remove(name);
        self.make_room(bytes);
        match self.write(name, entry) {
            Ok(()) => drop(self.held().insert(name.to_owned(), Held { bytes, used: SystemTime::now() })),
            Err(error) => self.complain(&error),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ENTRY}"))
    }

    fn read(&self, name: &str) -> io::Result<File> {
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        OpenOptions::new().read(true).custom_flags(no_link).open(self.path(name))
    }

    /// Remembered on the disk, too, so that it counts after a restart.
    fn used(&self, name: &str) {
        let now = SystemTime::now();
        if let Some(held) = self.held().get_mut(name) {
            held.used = now;
        }
        // On a read-only disk it is forgotten, which only makes the entry look older.
        let _ = self.read(name).and_then(|file| file.set_modified(now));
    }

    fn write(&self, name: &str, entry: &[u8]) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(format!("{name}.{number}.{UNFINISHED}"));
        let written = write_new(&unfinished, entry).and_then(|()| fs::rename(&unfinished, self.path(name)));
        if written.is_err() {
            // Where nothing can be written nothing may be removable; the next start tries again.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Drops what was not used for longest until so many bytes more would fit.
    fn make_room(&self, bytes: u64) {
        let mut held = self.held();
        let mut total: u64 = held.values().map(|held| held.bytes).sum();
        if total + bytes <= self.most_bytes {
            return;
        }
        let mut oldest: Vec<_> = held.iter().map(|(name, held)| (held.used, name.clone())).collect();
        oldest.sort();
        for (_, name) in oldest {
            if total + bytes <= self.most_bytes {
                break;
            }
            if let Err(error) = fs::remove_file(self.path(&name)) {
                self.complain(&error);
            }
            total -= held.remove(&name).map_or(0, |held| held.bytes);
        }
    }

    fn complain(&self, error: &io::Error) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "compiled code cannot be kept in {}: {error}; the next start compiles again what is not there",
                self.folder.display()
            );
        }
    }
}

/// One that is not as it was made, or that others may have read, vouches for nothing: there is a new one, and with it no
/// entry counts that was sealed before.
fn key(path: &Path) -> io::Result<[u8; KEY]> {
    match read_key(path) {
        Ok(Some(key)) => return Ok(key),
        Ok(None) => {
            tracing::warn!("{} is not as this host makes it and is replaced; all is compiled anew", path.display());
            fs::remove_file(path)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = [0; KEY];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    write_new(path, &key)?;
    Ok(key)
}

fn read_key(path: &Path) -> io::Result<Option<[u8; KEY]>> {
    let found = fs::symlink_metadata(path)?;
    let of_ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0;
    if !(of_ours && found.is_file() && found.len() == KEY as u64) {
        return Ok(None);
    }
    Ok(fs::read(path)?.try_into().ok())
}

/// For its owner alone.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

/// What is there from former runs; what they left unfinished is removed.
fn list(folder: &Path) -> io::Result<HashMap<String, Held>> {
    let mut held = HashMap::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        let path = file.path();
        let (Some(stem), Some(ending)) = (path.file_stem().and_then(|s| s.to_str()), path.extension()) else {
            continue;
        };
        let found = file.metadata()?;
        if ending == ENTRY && found.is_file() {
            let used = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            held.insert(stem.to_owned(), Held { bytes: found.len(), used });
        } else if ending == UNFINISHED {
            fs::remove_file(&path)?;
        }
    }
    Ok(held)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
