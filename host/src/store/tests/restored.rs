//! From a backup to a new data folder.

use super::*;
use crate::store::backup;
use crate::store::restore::{RestoreError, restore};
use std::fs;

/// What waits is in it, whatever is taken in while it is written.
fn back_up(data: &Path, into: &Path) -> u64 {
    let store = try_open(data).unwrap();
    let frozen = store.keeper.as_ref().unwrap().freeze().recv().unwrap().unwrap();
    let sequence = frozen.sequence;
    accept(&store, 5);
    backup::write(frozen, 7, &mut fs::File::create(into).unwrap()).unwrap();
    close(store);
    sequence
}

#[test]
fn a_restored_host_has_what_the_backup_has_and_numbers_on_from_far_beyond() {
    let (data, new) = (folder(), TempDir::new().unwrap());
    let file = new.path().join("backup");
    let sequence = back_up(data.path(), &file);
    let target = new.path().join("data");
    let restored = restore(&file, &target).unwrap();
    assert_eq!(restored.header.sequence, sequence);
    assert_eq!((restored.spaces.len(), restored.spaces[0].name.as_str(), restored.spaces[0].messages), (1, "a", 60));
    let (old, store) = (try_open(data.path()).unwrap(), try_open(&target).unwrap());
    assert_eq!(waiting(&store), (2..=61).collect::<Vec<_>>());
    assert_eq!(store.host_id, old.host_id);
    assert!(store.started > restored.first && restored.first > (1 << 44) + old.started);
    accept(&store, 1);
    close(store);
    assert_eq!(waiting(&try_open(&target).unwrap()).len(), 61);
}

#[test]
fn two_restores_of_one_backup_never_share_a_number() {
    let (data, new) = (folder(), TempDir::new().unwrap());
    let file = new.path().join("backup");
    back_up(data.path(), &file);
    let first = |name: &str| restore(&file, &new.path().join(name)).unwrap().first;
    assert!(first("one").abs_diff(first("two")) > 1_000);
}

#[test]
fn a_folder_with_anything_in_it_is_left_alone() {
    let (data, new) = (folder(), TempDir::new().unwrap());
    let file = new.path().join("backup");
    back_up(data.path(), &file);
    let error = restore(&file, data.path()).unwrap_err();
    assert!(matches!(error, RestoreError::NotEmpty { .. }), "{error}");
    assert_eq!(waiting(&try_open(data.path()).unwrap()).len(), 65);
    let empty = new.path().join("empty");
    fs::create_dir(&empty).unwrap();
    restore(&file, &empty).unwrap();
}

#[test]
fn a_backup_that_is_not_whole_leaves_nothing_behind() {
    let (data, new) = (folder(), TempDir::new().unwrap());
    let file = new.path().join("backup");
    back_up(data.path(), &file);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let error = restore(&file, &new.path().join("data")).unwrap_err().to_string();
    assert!(error.contains(&format!("ends at byte {}", bytes.len() / 2)), "{error}");
    let left: Vec<_> = fs::read_dir(new.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["backup"]);
}
