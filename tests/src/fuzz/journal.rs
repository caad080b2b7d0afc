//! A journal that was tampered with: it is refused, or what it still gives out is what was written.

use spacehost::store::journal::{Group, Journal, JournalConfig, Reader};
use std::path::Path;
use std::sync::OnceLock;

const CONFIG: JournalConfig = JournalConfig { segment_bytes: 8 << 10 };
const RECORDS: u64 = 60;

/// Files of a journal, by name.
type Files = Vec<(String, Vec<u8>)>;

fn payload(sequence: u64) -> Vec<u8> {
    vec![sequence as u8; (sequence as usize * 37) % 500]
}

/// Written once; what follows changes copies.
fn written() -> &'static Files {
    static WRITTEN: OnceLock<Files> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (mut journal, _) = Journal::open(folder.path(), &CONFIG).expect("a new journal");
        for first in (1..=RECORDS).step_by(3) {
            let mut group = Group::default();
            (first..first + 3).for_each(|sequence| group.push(sequence, &payload(sequence)));
            journal.append(&mut group).expect("there is room");
        }
        drop(journal);
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.expect("an entry").path();
            (path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("a file"))
        };
        std::fs::read_dir(folder.path()).expect("the folder").map(read).collect()
    })
}

/// Six bytes are one change: which file, where, and what to do there.
pub fn recovery(changes: &[u8]) {
    let mut files = written().clone();
    for change in changes.chunks_exact(6).take(16) {
        let which = usize::from(change[0]) % files.len();
        let bytes = &mut files[which].1;
        if bytes.is_empty() {
            continue;
        }
        let at = usize::from(u16::from_le_bytes([change[1], change[2]])) % bytes.len();
        match change[3] % 5 {
            0 => bytes[at] ^= change[4].max(1),
            1 => bytes.truncate(at),
            2 => bytes[at..].fill(0),
            3 => {
                let end = (at + 16 * usize::from(change[5])).min(bytes.len());
                bytes[at..end].fill(change[4]);
            }
            // A whole file is gone, or another one takes its place.
            _ if change[4] % 2 == 0 => bytes.clear(),
            _ => {
                let other = files[usize::from(change[5]) % files.len()].1.clone();
                files[which].1 = other;
            }
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in &files {
        std::fs::write(folder.path().join(name), bytes).expect("a file is written");
    }
    check(folder.path());
}

fn check(folder: &Path) {
    let Ok((journal, opened)) = Journal::open(folder, &CONFIG) else { return };
    drop(journal);
    let (Some(first), Some(last)) = (opened.first, opened.last) else { return };
    assert!(first >= 1 && last <= RECORDS, "{opened:?}");
    let mut reader = Reader::new(folder, first);
    for sequence in first..=last {
        // Opening has checked all of it.
        let read = reader.get(sequence).unwrap_or_else(|error| panic!("record {sequence} of {opened:?}: {error}"));
        assert_eq!(read, payload(sequence), "record {sequence}");
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![],
        vec![0, 200, 17, 0, 1, 0],
        vec![1, 0, 16, 1, 0, 0],
        vec![2, 80, 16, 3, 255, 9, 0, 1, 20, 2, 0, 0],
        vec![1, 0, 0, 4, 1, 0],
    ]
}
