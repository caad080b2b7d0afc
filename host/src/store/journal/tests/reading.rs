//! Readers see every record once, in order, whatever is appended or retired meanwhile.

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn nothing_beyond_the_durable_sequence_is_read() {
    let folder = Folder::new();
    drop(folder.fill(&[10]));
    let mut reader = Reader::new(folder.path(), 3);
    assert_eq!(read_all(&mut reader, 5), expected(5)[2..]);
    assert_eq!(read_all(&mut reader, 5), []);
    assert_eq!(read_all(&mut reader, 10), expected(10)[5..]);
}

#[test]
fn a_reader_that_waits_at_the_end_goes_on_with_what_is_appended() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    let mut reader = Reader::new(folder.path(), 1);
    assert_eq!(read_all(&mut reader, 0), []);
    let mut seen = Vec::new();
    for records in [1, 2, 50, 300, 1, 1, 70] {
        journal.prepare_next().unwrap();
        append(&mut journal, records);
        seen.append(&mut read_all(&mut reader, journal.last().unwrap()));
    }
    assert_eq!(seen, expected(425));
}

#[test]
fn a_reader_beside_an_appending_thread_sees_everything_once_in_order() {
    const LAST: u64 = 2000;
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    let durable = AtomicU64::new(0);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while journal.last().unwrap_or(0) < LAST {
                append(&mut journal, 25);
                durable.store(journal.last().unwrap(), Ordering::Release);
            }
        });
        for from in [1, 700] {
            let (durable, path) = (&durable, folder.path());
            threads.spawn(move || {
                let mut reader = Reader::new(path, from);
                let mut seen = Vec::new();
                while seen.last().is_none_or(|(sequence, _)| *sequence < LAST) {
                    seen.append(&mut read_all(&mut reader, durable.load(Ordering::Acquire)));
                    std::thread::yield_now();
                }
                assert_eq!(seen, expected(LAST)[from as usize - 1..]);
            });
        }
    });
}

#[test]
fn what_is_retired_is_gone_and_the_first_that_is_kept_is_told() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[40, 40, 40]);
    let mut early = Reader::new(folder.path(), 1);
    assert!(early.next(120).unwrap().is_some());
    journal.retire(81).unwrap();
    // What it has open it reads to the end.
    let gone = loop {
        match early.next(120) {
            Ok(record) => assert!(record.unwrap().0 <= 40),
            Err(error) => break error,
        }
    };
    assert!(matches!(gone, JournalError::Gone { first: 81 }), "{gone}");
    let gone = Reader::new(folder.path(), 80).next(120).unwrap_err();
    assert!(matches!(gone, JournalError::Gone { first: 81 }), "{gone}");
    assert_eq!(read_all(&mut Reader::new(folder.path(), 81), 120), expected(120)[80..]);
}

#[test]
fn a_bad_byte_is_found_when_it_is_read() {
    let folder = Folder::new();
    drop(folder.fill(&[40, 10, 40]));
    let whole = folder.read(1);
    for frame in frames(&whole) {
        for place in frame.clone().step_by(7) {
            let mut bytes = whole.clone();
            bytes[place] ^= 2;
            folder.write(1, &bytes);
            let mut reader = Reader::new(folder.path(), 1);
            let error = loop {
                match reader.next(90) {
                    Ok(record) => assert!(record.is_some(), "byte {place} went unseen"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(&error, JournalError::Damaged { offset, .. } if *offset == frame.start as u64), "{error}");
        }
    }
}

#[test]
fn what_a_reader_skips_it_does_not_check() {
    let folder = Folder::new();
    drop(folder.fill(&[10, 10]));
    let mut bytes = folder.read(1);
    let first = frames(&bytes)[0].clone();
    bytes[first.end - 20] ^= 1;
    folder.write(1, &bytes);
    assert_eq!(read_all(&mut Reader::new(folder.path(), 11), 20), expected(20)[10..]);
}
