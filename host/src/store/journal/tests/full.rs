//! A full disk passes; a broken one does not.

use super::*;
use std::process::Command;

/// Where the tiny disk is mounted, for the test inside.
const TINY: &str = "SPACEHOST_TINY_DISK";

#[test]
fn a_failed_write_is_for_good_and_every_append_tells_the_same_story() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[3]);
    let writable = std::mem::replace(&mut journal.active.file, fs::File::open(folder.segment(1)).unwrap());
    let story = journal.append(&mut group(4, 1)).unwrap_err();
    assert!(matches!(story, JournalError::Failed { action: "write", .. }), "{story}");
    journal.active.file = writable;
    assert_eq!(journal.append(&mut group(4, 1)).unwrap_err().to_string(), story.to_string());
    assert_eq!(journal.prepare_next().unwrap_err().to_string(), story.to_string());
    drop(journal);
    let (_, opened) = folder.open();
    assert_eq!(folder.records(&opened), expected(3));
}

#[test]
fn a_segment_that_cannot_be_made_is_for_good_unless_the_disk_is_full() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[3]);
    fs::remove_dir_all(folder.path()).unwrap();
    let story = journal.append(&mut group(4, 100)).unwrap_err();
    assert!(matches!(story, JournalError::Failed { .. }), "{story}");
    assert_eq!(journal.append(&mut group(4, 1)).unwrap_err().to_string(), story.to_string());
}

/// Mounts a disk of ten pages in a namespace of its own, where the kernel lets a test do that.
#[test]
fn a_full_disk_accepts_nothing_and_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let mount = format!("mount -t tmpfs -o size=40k tiny '{}' || exit 77; exec \"$@\"", folder.path().display());
    let inside = "store::journal::tests::full::on_a_tiny_disk";
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", inside, "--include-ignored", "--nocapture"])
        .env(TINY, folder.path())
        .output();
    match ran {
        Ok(output) if output.status.success() => {
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the test inside was not found");
        }
        Ok(output) if output.status.code() == Some(101) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        refused => eprintln!("not tested, no mount namespace to be had: {refused:?}"),
    }
}

#[test]
#[ignore = "runs inside a_full_disk_accepts_nothing_and_goes_on_when_there_is_room"]
fn on_a_tiny_disk() {
    let Some(path) = std::env::var_os(TINY).map(PathBuf::from) else { return };
    let (mut journal, _) = Journal::open(&path, &SMALL).unwrap();
    let mut next = 1;
    let full = loop {
        match journal.append(&mut group(next, 40)) {
            Ok(()) => next += 40,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, JournalError::Full { needed: 8192, .. }), "{full}");
    assert!(matches!(journal.prepare_next(), Err(JournalError::Full { .. })));
    assert_eq!(fs::read_dir(&path).unwrap().count(), journal.segments().count(), "nothing is left behind");
    let mut waiting = group(next, 40);
    assert!(matches!(journal.append(&mut waiting), Err(JournalError::Full { .. })));
    assert_eq!(journal.retire(81).unwrap(), 2);
    journal.append(&mut waiting).unwrap();
    drop(journal);
    let (_, opened) = Journal::open(&path, &SMALL).unwrap();
    assert_eq!((opened.first, opened.last, opened.cut_bytes), (Some(81), Some(next + 39), 0));
}
