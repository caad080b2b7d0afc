//! One process per folder.

use super::*;

#[test]
fn a_folder_is_locked_once_and_free_again_afterwards() {
    let folder = Folder::new();
    let lock = Lock::take(folder.path()).unwrap();
    let held = Lock::take(folder.path()).unwrap_err();
    let me = std::process::id().to_string();
    assert!(matches!(&held, LockError::Held { pid: Some(pid), .. } if *pid == me), "{held}");
    assert!(held.to_string().contains(&format!("in use by process {me}: stop that process")), "{held}");
    drop(lock);
    Lock::take(folder.path()).unwrap();
}

#[test]
fn a_lock_that_cannot_be_made_says_where() {
    let folder = Folder::new();
    let error = Lock::take(&folder.path().join("missing")).unwrap_err();
    assert!(error.to_string().contains("missing/lock"), "{error}");
}

#[test]
fn a_lock_that_was_let_go_is_free_although_a_process_that_is_being_started_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::take(folder.path()).unwrap();
    let _copy = lock.file.try_clone().unwrap();
    drop(lock);
    Lock::take(folder.path()).unwrap();
}
