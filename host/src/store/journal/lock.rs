//! The folder's lock: one process per data folder.
//!
//! Owns the file `lock`, which holds the process id of its holder for people to read. Must not know what the folder is
//! for. The kernel frees the lock when its holder ends, however it ends, so nothing is ever left to clean up.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock {
    pub(super) file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do: a process that is just being started has a copy of the file until it runs its program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

#[derive(Debug, Error)]
pub enum LockError {
    #[error(
        "the data folder {} is in use by process {}: stop that process, or start with another data folder",
        folder.display(), pid.as_deref().unwrap_or("(unknown)")
    )]
    Held { folder: PathBuf, pid: Option<String> },
    #[error("cannot lock {}: {cause}", path.display())]
    Failed { path: PathBuf, cause: io::Error },
}

impl Lock {
    pub fn take(folder: &Path) -> Result<Lock, LockError> {
        let path = folder.join("lock");
        let failed = |cause| LockError::Failed { path: path.clone(), cause };
        // Not truncated before the lock is ours: until then the process id in it is that of the holder.
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(LockError::Held { folder: folder.to_owned(), pid: holder(file) }),
            Err(errno) => return Err(failed(errno.into())),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Lock { file })
    }
}

/// None in the moment in which the holder has the lock but has not yet written its id.
fn holder(file: File) -> Option<String> {
    let mut pid = String::new();
    file.take(20).read_to_string(&mut pid).ok()?;
    let pid = pid.trim();
    (!pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())).then(|| pid.to_owned())
}
