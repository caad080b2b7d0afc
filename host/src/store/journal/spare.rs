//! The spare: a segment made ahead of need, so that no append waits for its zeros.
//!
//! Owns the making: blocks really written, header, sync, and only then the name that makes it part of the journal. Must
//! not know when one is needed. A full disk is told apart from a broken one, and leaves nothing behind.

use super::error::JournalError;
use super::segment::{self, Active, HEADER, Header, Identity, SegmentInfo};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// How a spare under way is called. Left-overs of a crash are swept at the next start.
const EXTENSION: &str = "spare";

/// All that it takes to make a spare on any thread, beside the journal's own.
#[derive(Debug)]
pub struct Plan {
    pub(super) folder: PathBuf,
    pub(super) header: Header,
}

/// A segment on disk that is not yet part of the journal. Dropped, it is removed.
#[derive(Debug)]
pub struct Spare {
    header: Header,
    folder: PathBuf,
    file: File,
    name: Temporary,
}

/// Removes the file of that name when dropped; after a rename there is none.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Plan {
    pub(super) fn new(folder: &Path, identity: Identity, number: u64, capacity: u64) -> Self {
        Plan { folder: folder.to_owned(), header: Header { identity, number, capacity } }
    }

    /// Takes as long as writing and syncing the whole segment takes.
    pub fn build(self) -> Result<Spare, JournalError> {
        // The journal's owner and a helper may each be at work on the same segment.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (number, needed) = (self.header.number, self.header.capacity);
        let name = format!("{number:016x}.{}.{EXTENSION}", COUNT.fetch_add(1, Ordering::Relaxed));
        let path = self.folder.join(name);
        let full_or_failed = |action| JournalError::no_room(action, &path, needed);
        // For our own eyes, because of the salt.
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(full_or_failed("create"))?;
        let name = Temporary(path.clone());
        reserve(&file, needed)
            .and_then(|()| segment::write_zeros(&file, 0, needed))
            .and_then(|()| file.write_all_at(&self.header.encode(), 0))
            .and_then(|()| file.sync_all())
            .map_err(full_or_failed("prepare"))?;
        Ok(Spare { header: self.header, folder: self.folder, file, name })
    }
}

/// A full disk should say so before megabytes of zeros are written, because the journal asks again and again. Blocks that
/// are only reserved are not enough: the first write to each would change metadata, which fdatasync then has to wait for.
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // Some file systems cannot; there the zeros will tell.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

impl Spare {
    pub(super) fn number(&self) -> u64 {
        self.header.number
    }

    /// Makes it part of the journal, in place of a segment of the same number if there is one.
    pub(super) fn install(self) -> Result<Active, JournalError> {
        let Header { number, capacity, .. } = self.header;
        let path = segment::path(&self.folder, number);
        let full_or_failed = |action| JournalError::no_room(action, &path, capacity);
        fs::rename(&self.name.0, &path).map_err(full_or_failed("name"))?;
        segment::sync_folder(&self.folder).map_err(full_or_failed("sync the folder of"))?;
        let info = SegmentInfo { number, first: None, last: None, bytes: capacity, modified: SystemTime::now() };
        Ok(Active { file: self.file, path, info, end: HEADER })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

/// Removes the spares that a crash has left half made.
pub fn sweep(folder: &Path) -> Result<(), JournalError> {
    for entry in fs::read_dir(folder).map_err(JournalError::failed("list", folder))? {
        let path = entry.map_err(JournalError::failed("list", folder))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            fs::remove_file(&path).map_err(JournalError::failed("remove", &path))?;
        }
    }
    Ok(())
}
