//! A backup comes back as it was, or is refused with the place.

use super::*;
use crate::store::record::{Kind, Message, Place, Record, Sender, Write};
use crate::store::tables::Tables;
use tempfile::TempDir;

/// Tables with so many messages of some length, and their backup.
fn backup(messages: u64) -> (TempDir, Tables, Vec<u8>) {
    let folder = TempDir::new().unwrap();
    let mut tables = Tables::open(folder.path()).unwrap();
    tables.belong_to(0xabc).unwrap();
    for sequence in 1..=messages {
        let body = vec![b'x'; 1 + (sequence * 997 % 5_000) as usize];
        let message = Message {
            sender: Sender::Client(1),
            kind: Kind::Command,
            name: "c",
            body: &body,
            key: None,
            headers: Vec::new(),
            hops: 0,
            tracked: false,
            idempotency: None,
        };
        let to = vec![Place { space: "a", partition: 0 }];
        tables.apply(sequence, &Record::Accepted { message, to, time_ms: 1, missed: Vec::new() }).unwrap();
    }
    let mut bytes = Vec::new();
    write(tables.freeze().unwrap(), 7, &mut bytes).unwrap();
    (folder, tables, bytes)
}

fn refused(bytes: &[u8]) -> BackupError {
    check(bytes).unwrap_err()
}

#[test]
fn a_backup_says_what_it_holds_and_gives_each_row_once() {
    let (_folder, tables, bytes) = backup(200);
    let checked = check(&bytes[..]).unwrap();
    assert_eq!((checked.header.journal, checked.header.sequence, checked.header.time_ms), (0xabc, 200, 7));
    assert_eq!((checked.rows, checked.bytes), (200, bytes.len() as u64));
    let folder = TempDir::new().unwrap();
    let mut restored = Tables::open(folder.path()).unwrap();
    let mut reader = BackupReader::open(&bytes[..]).unwrap();
    let mut blocks = 0;
    while let Some(block) = reader.block().unwrap() {
        blocks += 1;
        block.rows().flatten().for_each(|(key, value)| restored.take_up(key, value).unwrap());
    }
    restored.go_on_after(200).unwrap();
    assert!(blocks > 1, "more than one block is tested");
    assert_eq!(restored.image().unwrap(), tables.image().unwrap());
}

#[test]
fn what_is_applied_later_is_not_in_it() {
    let (_folder, mut tables, _) = backup(3);
    let frozen = tables.freeze().unwrap();
    let write = Write { key: b"k", value: Some(b"v") };
    let migrated =
        crate::store::record::Migrated { partition: 0, writes: vec![write], emitted: vec![], timers: vec![] };
    let encoded = migrated.encode();
    let version = crate::store::record::Version {
        version: "1",
        digest: "d",
        generation: 1,
        partitions: 1,
        subscriptions: Vec::new(),
    };
    tables.apply(4, &Record::Deployed { space: "b", version, migrated: vec![&encoded], time_ms: 1 }).unwrap();
    tables.apply(5, &Record::Purged { space: "a" }).unwrap();
    tables.flush().unwrap();
    let mut bytes = Vec::new();
    super::write(frozen, 7, &mut bytes).unwrap();
    let checked = check(&bytes[..]).unwrap();
    assert_eq!((checked.header.sequence, checked.rows), (3, 3));
}

#[test]
fn a_backup_cut_short_anywhere_is_refused_with_the_place() {
    let (_folder, _tables, bytes) = backup(20);
    for end in (0..bytes.len()).step_by(101).chain([bytes.len() - 1]) {
        match refused(&bytes[..end]) {
            BackupError::Short { offset } => assert_eq!(offset, end as u64),
            other => panic!("{end}: {other}"),
        }
    }
}

#[test]
fn a_byte_altered_anywhere_is_refused() {
    let (_folder, _tables, bytes) = backup(20);
    for place in (0..bytes.len()).step_by(53).chain([bytes.len() - 1]) {
        let mut altered = bytes.clone();
        altered[place] ^= 0x10;
        let error = refused(&altered);
        assert!(
            matches!(error, BackupError::Altered { .. } | BackupError::NotOne | BackupError::Short { .. }),
            "{place}: {error}"
        );
    }
}

#[test]
fn what_is_no_backup_or_has_more_behind_it_is_refused() {
    let (_folder, _tables, mut bytes) = backup(2);
    assert!(matches!(refused(&[b'#'; 200]), BackupError::NotOne));
    bytes.push(0);
    assert!(matches!(refused(&bytes), BackupError::Trailing { offset } if offset + 1 == bytes.len() as u64));
}

#[test]
fn a_newer_format_is_refused_by_the_version_that_made_it() {
    let (_folder, _tables, mut bytes) = backup(2);
    bytes[8] = 2;
    let hash = blake3::hash(&bytes[..HEADER_BYTES]);
    bytes[HEADER_BYTES..HEADER_BYTES + HASH_BYTES].copy_from_slice(hash.as_bytes());
    assert!(matches!(refused(&bytes), BackupError::Newer { made_by } if made_by == MAKER));
}
