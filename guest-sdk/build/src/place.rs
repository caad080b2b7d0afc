//! Puts a finished component into a drop folder, whole or not at all.
//!
//! Owns the temporary file beside the target, its sync and the rename. Must not know what the bytes are. Fails with the
//! step and the path at which the file system refused; the target is then as it was.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use thiserror::Error;

/// The file system refused a step.
#[derive(Debug, Error)]
#[error("could not {doing} {}: {source}. Check that the folder exists, is yours and has room", path.display())]
pub struct PlaceError {
    doing: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

/// Makes `folder/file_name` hold `bytes`. False when it did already: then nothing is touched, and no watcher wakes.
pub fn place(folder: &Path, file_name: &str, bytes: &[u8]) -> Result<bool, PlaceError> {
    let target = folder.join(file_name);
    if fs::read(&target).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    fs::create_dir_all(folder).map_err(refused("create", folder))?;
    let temporary = temporary_beside(&target);
    let placed = write_synced(&temporary, bytes)
        .map_err(refused("write", &temporary))
        .and_then(|()| fs::rename(&temporary, &target).map_err(refused("replace", &target)))
        .and_then(|()| sync_folder(folder).map_err(refused("sync", folder)));
    if placed.is_err() {
        // The reason is already known; a leftover that cannot be removed would add nothing to it.
        let _ = fs::remove_file(&temporary);
    }
    placed.map(|()| true)
}

/// A hidden name that no one takes for a space, different for each writer.
fn temporary_beside(target: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let stem = target.file_stem().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{stem}.{}-{number}.part", std::process::id()))
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn refused(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> PlaceError {
    let path = path.to_owned();
    move |source| PlaceError { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        entries.map(|entry| name(entry).into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_placed_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let spaces = folder.path().join("spaces");
        assert!(place(&spaces, "a.wasm", b"one").unwrap());
        assert!(place(&spaces, "a.wasm", b"two").unwrap());
        assert_eq!(fs::read(spaces.join("a.wasm")).unwrap(), b"two");
        assert_eq!(names_in(&spaces), ["a.wasm"]);
    }

    #[test]
    fn unchanged_bytes_are_not_written_again() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        place(folder.path(), "a.wasm", b"same").unwrap();
        let inode = || fs::metadata(folder.path().join("a.wasm")).unwrap().ino();
        let before = inode();
        assert!(!place(folder.path(), "a.wasm", b"same").unwrap());
        assert_eq!(inode(), before);
    }

    #[test]
    fn a_refusal_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        fs::write(&file, "a file, not a folder").unwrap();
        let error = place(&file, "a.wasm", b"x").unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
    }
}
