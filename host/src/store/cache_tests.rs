//! What the cache keeps, drops and survives, on real folders.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(data: &TempDir) -> Cache {
    Cache::open(data.path(), 1_000).unwrap()
}

fn key_file(data: &TempDir) -> PathBuf {
    data.path().join("cache/key")
}

#[test]
fn an_entry_is_there_after_a_restart_and_so_is_the_key() {
    let data = folder();
    let first = open(&data);
    first.put("a", b"one");
    first.put("a", b"two");
    let second = open(&data);
    assert_eq!((second.get("a"), second.get("b")), (Some(b"two".to_vec()), None));
    assert_eq!(first.key(), second.key());
    assert_ne!(open(&folder()).key(), first.key(), "each folder has its own");
}

#[test]
fn only_the_owner_reads_key_and_entries() {
    let data = folder();
    open(&data).put("a", b"one");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(key_file(&data)), 0o600);
    assert_eq!(mode(data.path().join("cache/a.code")), 0o600);
    assert_eq!(mode(data.path().join("cache")), 0o700);
}

#[test]
fn a_key_of_the_wrong_size_or_open_to_others_is_replaced() {
    let data = folder();
    let first = open(&data).key();
    fs::write(key_file(&data), [0; KEY - 1]).unwrap();
    let second = open(&data).key();
    assert_ne!(first, second);
    assert_eq!(open(&data).key(), second);
    fs::set_permissions(key_file(&data), PermissionsExt::from_mode(0o644)).unwrap();
    assert_ne!(open(&data).key(), second);
}

/// Uses the entry, at a time that is later than all before by any clock.
fn use_at(data: &TempDir, cache: &Cache, name: &str, seconds: u64) {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    cache.held().get_mut(name).unwrap().used = at;
    File::open(data.path().join(format!("cache/{name}.code"))).unwrap().set_modified(at).unwrap();
}

#[test]
fn what_was_not_used_for_longest_goes_when_the_room_is_used_up() {
    let data = folder();
    let cache = open(&data);
    for (seconds, name) in (1..).zip(["a", "b", "c"]) {
        cache.put(name, &[0; 300]);
        use_at(&data, &cache, name, seconds);
    }
    assert!(cache.get("a").is_some(), "which makes it the youngest");
    cache.put("d", &[0; 300]);
    assert!(cache.get("b").is_none() && !data.path().join("cache/b.code").exists());
    assert!(["a", "c", "d"].iter().all(|name| cache.get(name).is_some()));
    cache.put("e", &[0; 1_001]);
    assert!(cache.get("e").is_none(), "larger than all the room there is");
}

#[test]
fn a_smaller_bound_and_the_order_of_use_hold_after_a_restart() {
    let data = folder();
    let cache = open(&data);
    for (name, seconds) in [("a", 3), ("b", 1), ("c", 2)] {
        cache.put(name, &[0; 300]);
        use_at(&data, &cache, name, seconds);
    }
    let smaller = Cache::open(data.path(), 650).unwrap();
    assert_eq!(["a", "b", "c"].map(|name| smaller.get(name).is_some()), [true, false, true]);
}

#[test]
fn what_was_left_unfinished_is_removed_at_the_start() {
    let data = folder();
    open(&data);
    let unfinished = data.path().join("cache/a.0.new");
    fs::write(&unfinished, b"half").unwrap();
    assert!(open(&data).get("a").is_none());
    assert!(!unfinished.exists());
}

#[test]
fn where_nothing_can_be_written_entries_are_only_not_kept() {
    let data = folder();
    let cache = open(&data);
    fs::remove_dir_all(data.path().join("cache")).unwrap();
    cache.put("a", b"one");
    cache.put("a", b"two");
    assert!(cache.get("a").is_none());
    assert!(cache.complained.load(Ordering::Relaxed));
}

#[test]
fn a_link_in_the_place_of_an_entry_is_not_followed() {
    let data = folder();
    open(&data).put("a", b"one");
    let entry = data.path().join("cache/a.code");
    fs::rename(&entry, data.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(data.path().join("elsewhere"), &entry).unwrap();
    assert!(open(&data).get("a").is_none());
}
