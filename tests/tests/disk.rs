//! A data folder that something has happened to: what the daemon says of it, and that it leaves it as it was.

use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use rustix::process::Signal;
use serde_json::json;
use spacehost_tests::strace::Folder;
use spacehost_tests::{Daemon, Launch, until};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Segments of two pages.
const SETTINGS: &str = "[journal]\nsegment_bytes = 8_192\n";
const ADDED: u64 = 200;
const SEGMENT_HEADER: usize = 4096;
const FRAME_HEADER: usize = 40;

/// A folder whose daemon has ended, with four segments at least and a total of `ADDED`.
async fn folder() -> Arc<TempDir> {
    let folder = Daemon::new_folder();
    fs::write(folder.path().join("spacehost.toml"), SETTINGS).expect("a settings file");
    let daemon = Daemon::start_in(folder.clone(), &Launch::default()).await;
    daemon.install("a", "probe").await;
    add(&daemon, ADDED).await;
    assert!(segments(&folder).len() >= 4, "{:?}", segments(&folder));
    daemon.end(Signal::TERM).await;
    folder
}

async fn add(daemon: &Daemon, times: u64) {
    for _ in 0..times {
        let (status, answer) = daemon.run("a", &json!([{ "add": 1 }])).await;
        assert_eq!(status, 200, "{answer}");
    }
}

fn journal(folder: &TempDir) -> PathBuf {
    folder.path().join("data/journal")
}

/// In their order.
fn segments(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(journal(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut segments: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "journal")).collect();
    segments.sort();
    segments
}

/// The frames of a segment as ranges of its bytes.
fn frames(segment: &[u8]) -> Vec<Range<usize>> {
    let (mut frames, mut start) = (Vec::new(), SEGMENT_HEADER);
    while let Some(body) = segment.get(start..start + 8).map(|body| u64::from_le_bytes(body.try_into().expect("eight")))
        && body > 0
    {
        let end = start + FRAME_HEADER + body as usize;
        frames.push(start..end);
        start = end;
    }
    frames
}

/// The last segment that holds a frame, and where its frames end.
fn end_of(folder: &TempDir) -> (PathBuf, usize) {
    let mut ends = segments(folder).into_iter().rev().filter_map(|path| {
        let end = frames(&fs::read(&path).expect("a segment")).last()?.end;
        Some((path, end))
    });
    ends.next().expect("there are frames")
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file");
    change(&mut bytes);
    fs::write(path, bytes).expect("a file");
}

/// The daemon must not start; answers what it says, after it has left the folder as it was.
async fn refusal(folder: &Arc<TempDir>) -> String {
    let root = folder.path().join("data");
    let before = Folder::read(&root);
    // Segments made ahead of need are made again.
    let holds_nothing = |path: &PathBuf| frames(&fs::read(path).expect("a segment")).is_empty();
    let unused: Vec<_> = segments(folder).into_iter().filter(holds_nothing).collect();
    let Err(refused) = Daemon::try_start_in(folder.clone(), &Launch::default()).await else { panic!("it starts") };
    assert_eq!(refused.status.code(), Some(1), "{}", refused.said);
    // The process id of whoever had it last; the tables' own journal, which is cut where its last entry ends.
    let mut allowed = vec![root.join("lock"), root.join("tables/0.jnl")];
    allowed.extend(unused);
    let changed = before.differences(&Folder::read(&root));
    assert!(changed.iter().all(|path| allowed.contains(path)), "changed: {changed:?}; {}", refused.said);
    refused.said
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

#[tokio::test]
async fn a_torn_end_is_cut_with_a_warning_and_the_host_goes_on() {
    let folder = folder().await;
    let (path, end) = end_of(&folder);
    change(&path, |bytes| bytes[end..end + 30].fill(7));
    let daemon = Daemon::start_in(folder, &Launch::default()).await;
    assert_says(
        &daemon.log(),
        &["WARN", "cut a torn end of 30 bytes off the journal", "nothing in it was ever acknowledged"],
    );
    daemon.ready().await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(ADDED + 1)));
}

#[tokio::test]
async fn a_damaged_record_in_the_middle_is_refused_with_its_place() {
    let folder = folder().await;
    let path = segments(&folder)[1].clone();
    let frame = frames(&fs::read(&path).expect("a segment"))[1].clone();
    change(&path, |bytes| bytes[frame.start + 60] ^= 1);
    let said = refusal(&folder).await;
    let place = format!("the journal is damaged at byte {} of {}", frame.start, path.display());
    assert_says(
        &said,
        &[&place, "the frame here does not hold, but a later one", "restore the data folder from a backup"],
    );
}

#[tokio::test]
async fn a_segment_of_another_host_is_refused() {
    let (mine, other) = (folder().await, folder().await);
    let (path, foreign) = (&segments(&mine)[1], &segments(&other)[1]);
    fs::copy(foreign, path).expect("a copy");
    let place = format!("the journal is damaged at byte 0 of {}", path.display());
    assert_says(&refusal(&mine).await, &[&place, "the segment belongs to another journal"]);
}

#[tokio::test]
async fn the_journal_of_another_host_is_refused() {
    let (mine, other) = (folder().await, Daemon::new_folder());
    drop(Daemon::start_in(other.clone(), &Launch::default()).await);
    fs::remove_dir_all(journal(&mine)).expect("a folder less");
    fs::rename(journal(&other), journal(&mine)).expect("a folder more");
    assert_says(&refusal(&mine).await, &["the tables were written behind journal", "from a backup"]);
}

#[tokio::test]
async fn a_segment_of_a_newer_format_is_refused_with_the_version_that_made_it() {
    let folder = folder().await;
    let path = segments(&folder)[1].clone();
    change(&path, |bytes| {
        bytes[8..16].copy_from_slice(&2_u64.to_le_bytes());
        bytes[16..24].copy_from_slice(b"9.1.0\0\0\0");
        let salt = u64::from_le_bytes(bytes[56..64].try_into().expect("eight"));
        let checksum = xxh3_64_with_seed(&bytes[..80], salt);
        bytes[80..88].copy_from_slice(&checksum.to_le_bytes());
    });
    let said = refusal(&folder).await;
    assert_says(&said, &["has journal format 2, made by spacehost 9.1.0", "start that version or a later one"]);
}

#[tokio::test]
async fn tables_of_a_newer_format_are_refused() {
    let folder = folder().await;
    let database = Database::builder(folder.path().join("data/tables")).open().expect("the tables open");
    let tables = database.keyspace("tables", KeyspaceCreateOptions::default).expect("the tables open");
    let key = b"\x01format";
    assert!(tables.get(key).expect("a row").is_some(), "the format is somewhere else");
    tables.insert(key, 3_u32.to_be_bytes()).expect("a row");
    database.persist(PersistMode::SyncAll).expect("it is written");
    drop((tables, database));
    assert_says(&refusal(&folder).await, &["the tables have format 3 and this host knows formats up to 2"]);
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    let folder = folder().await;
    let path = segments(&folder)[1].clone();
    fs::remove_file(&path).expect("a file less");
    let said = refusal(&folder).await;
    assert_says(
        &said,
        &[path.to_str().expect("UTF-8"), "the file is missing", "restore the data folder from a backup"],
    );
}

#[tokio::test]
async fn tables_ahead_of_the_journal_are_refused() {
    let folder = folder().await;
    let early = Folder::read(&journal(&folder));
    let daemon = Daemon::start_in(folder.clone(), &Launch::default()).await;
    daemon.ready().await;
    add(&daemon, 5).await;
    daemon.end(Signal::TERM).await;
    fs::remove_dir_all(journal(&folder)).expect("a folder less");
    early.write(&journal(&folder));
    assert_says(&refusal(&folder).await, &["the tables hold sequence", "but the journal ends at", "from a backup"]);
}

#[tokio::test]
async fn a_gap_between_tables_and_journal_is_refused() {
    let folder = folder().await;
    fs::remove_file(&segments(&folder)[0]).expect("a file less");
    fs::remove_dir_all(folder.path().join("data/tables")).expect("a folder less");
    let Err(refused) = Daemon::try_start_in(folder.clone(), &Launch::default()).await else { panic!("it starts") };
    assert_eq!(refused.status.code(), Some(1));
    assert_says(
        &refused.said,
        &["the tables end at sequence 0 and the journal begins at", "is missing", "from a backup", "--accept-loss"],
    );
}

/// Nothing but the kernel's word decides whether a folder is in use: a lock file that a killed host left is none.
#[tokio::test]
async fn the_lock_file_of_a_killed_host_keeps_nobody_out() {
    let daemon = Daemon::start().await;
    daemon.kill();
    assert!(daemon.folder().join("data/lock").exists());
    let next = Daemon::start_in(daemon.shared_folder(), &Launch::default()).await;
    until("it serves", async || next.space("none").await.is_null().then_some(())).await;
}
