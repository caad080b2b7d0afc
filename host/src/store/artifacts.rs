//! The artifacts: the components that serve or have served, by their digest, so that the data folder and not the drop
//! folder says what runs.
//!
//! Owns the folder `artifacts/`. A file is whole and synced before it has its name, and is taken only if it still has the
//! digest that it is named after. Must not know spaces or versions. Fails when the disk does; a component that cannot be
//! kept must not become a version, so its reload fails with that reason.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

const EXTENSION: &str = "wasm";
/// Artifacts that nothing needs are kept up to this much together, for rollbacks and replays.
const KEPT_BYTES: u64 = 512 << 20;

#[derive(Debug)]
pub struct Artifacts {
    folder: PathBuf,
    /// Several spaces may have the same component, and are loaded side by side.
    writing: Mutex<()>,
}

/// Why an artifact was not kept, or is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("its copy in the data folder is missing: {}", .0.display())]
    Missing(PathBuf),
    #[error("its copy in the data folder was altered: {} does not have the digest that it is named after", .0.display())]
    Altered(PathBuf),
    #[error("it could not be copied to the data folder: {}: {cause}; free some room or mend the disk, then `spacehost reload --force`", path.display())]
    Failed { path: PathBuf, cause: io::Error },
}

impl Artifacts {
    /// Makes the folder if there is none, and sweeps what a crash has left half made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("artifacts");
        if !folder.try_exists()? {
            fs::create_dir_all(&folder)?;
            File::open(data)?.sync_all()?;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                fs::remove_file(path)?;
            }
        }
        Ok(Artifacts { folder, writing: Mutex::default() })
    }

    /// Keeps the bytes under their digest. They are on disk when this returns.
    pub fn keep(&self, bytes: &[u8]) -> Result<(), ArtifactError> {
        let digest = blake3::hash(bytes).to_hex();
        let path = self.path(&digest);
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if path.exists() {
            return Ok(());
        }
        let failed = |cause| ArtifactError::Failed { path: path.clone(), cause };
        let half_made = self.folder.join(format!("{digest}.part"));
        let written = write(&half_made, bytes).and_then(|()| fs::rename(&half_made, &path));
        written.and_then(|()| File::open(&self.folder)?.sync_all()).map_err(|cause| {
            // It is swept at the next start in any case.
            let _ = fs::remove_file(&half_made);
            failed(cause)
        })
    }

    /// The bytes of that digest.
    pub fn get(&self, digest: &str) -> Result<Vec<u8>, ArtifactError> {
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ArtifactError::Missing(path)),
            Err(cause) => return Err(ArtifactError::Failed { path, cause }),
        };
        if blake3::hash(&bytes).to_hex().as_str() == digest { Ok(bytes) } else { Err(ArtifactError::Altered(path)) }
    }

    /// Removes what is not needed, oldest first, as far as there is too much of it.
    pub fn shrink(&self, needed: &HashSet<String>) -> io::Result<()> {
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            let digest = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if !needed.contains(&digest) {
                others.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), path));
            }
        }
        others.sort();
        let mut bytes: u64 = others.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in others {
            if bytes <= KEPT_BYTES {
                break;
            }
            fs::remove_file(path)?;
            bytes -= size;
        }
        Ok(())
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.{EXTENSION}"))
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8]) -> String {
        blake3::hash(bytes).to_hex().to_string()
    }

    #[test]
    fn what_is_kept_is_there_for_the_next_host_and_half_made_copies_are_not() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(data.path()).unwrap();
        artifacts.keep(b"one").unwrap();
        artifacts.keep(b"one").unwrap();
        fs::write(data.path().join("artifacts/ab.part"), "half").unwrap();
        let artifacts = Artifacts::open(data.path()).unwrap();
        assert_eq!(artifacts.get(&digest(b"one")).unwrap(), b"one");
        assert_eq!(fs::read_dir(data.path().join("artifacts")).unwrap().count(), 1);
        assert!(matches!(artifacts.get(&digest(b"two")), Err(ArtifactError::Missing(_))));
    }

    #[test]
    fn the_same_component_can_be_kept_for_many_spaces_at_once() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(data.path()).unwrap();
        for round in 0..20_u8 {
            let bytes = vec![round; 100_000];
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| artifacts.keep(&bytes).unwrap());
                }
            });
            assert_eq!(artifacts.get(&digest(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn a_copy_that_was_altered_is_not_taken() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(data.path()).unwrap();
        artifacts.keep(b"one").unwrap();
        fs::write(artifacts.path(&digest(b"one")), "two").unwrap();
        assert!(matches!(artifacts.get(&digest(b"one")), Err(ArtifactError::Altered(_))));
    }

    #[test]
    fn what_is_needed_stays_however_much_there_is() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(data.path()).unwrap();
        for bytes in [b"one", b"two"] {
            artifacts.keep(bytes).unwrap();
        }
        // Sparse, so that it takes no room on the disk.
        File::options().write(true).open(artifacts.path(&digest(b"two"))).unwrap().set_len(KEPT_BYTES + 1).unwrap();
        artifacts.shrink(&HashSet::from([digest(b"two")])).unwrap();
        assert!(artifacts.path(&digest(b"one")).exists() && artifacts.path(&digest(b"two")).exists());
        artifacts.shrink(&HashSet::from([digest(b"one")])).unwrap();
        assert!(artifacts.path(&digest(b"one")).exists() && !artifacts.path(&digest(b"two")).exists());
    }

    #[test]
    fn a_copy_that_cannot_be_made_says_so_and_leaves_nothing() {
        let data = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(data.path()).unwrap();
        fs::remove_dir(data.path().join("artifacts")).unwrap();
        let error = artifacts.keep(b"one").unwrap_err().to_string();
        assert!(error.contains("could not be copied to the data folder"), "{error}");
    }
}
