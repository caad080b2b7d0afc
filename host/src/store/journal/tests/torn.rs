//! A torn end is cut, all of it and nothing else; damage before the end is never cut.

use super::*;
use crate::store::journal::frame::{Place, Salt};
use proptest::prelude::*;

/// Three frames of one segment, and where the last one lies.
fn three_frames() -> (Folder, Vec<u8>, std::ops::Range<usize>) {
    let folder = Folder::new();
    drop(folder.fill(&[3, 4, 20]));
    let bytes = folder.read(1);
    let last = frames(&bytes).pop().unwrap();
    (folder, bytes, last)
}

/// The first two frames survive, the end is really gone, and appending goes on.
fn assert_cut(folder: &Folder, what: impl std::fmt::Display) {
    let (mut journal, opened) = folder.try_open().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(folder.records(&opened), expected(7), "{what}");
    let bytes = folder.read(1);
    assert_eq!(bytes.len() as u64, SMALL.segment_bytes, "{what}");
    let end = frames(&bytes).pop().unwrap().end;
    assert!(bytes[end..].iter().all(|byte| *byte == 0), "{what}");
    append(&mut journal, 5);
    drop(journal);
    let (_, opened) = folder.open();
    assert_eq!((folder.records(&opened), opened.cut_bytes), (expected(12), 0), "{what}");
}

#[test]
fn a_last_frame_that_ends_early_is_cut() {
    let (folder, whole, last) = three_frames();
    for cut in last.clone() {
        folder.write(1, &whole[..cut]);
        assert_cut(&folder, format_args!("file ends at {cut}"));
        let mut zeroed = whole.clone();
        zeroed[cut..last.end].fill(0);
        // Zeros may be what was there.
        if zeroed != whole {
            folder.write(1, &zeroed);
            assert_cut(&folder, format_args!("zeros from {cut}"));
        }
    }
}

#[test]
fn a_last_frame_that_ends_in_garbage_is_cut() {
    let (folder, whole, last) = three_frames();
    for start in last.clone() {
        let mut garbage = whole.clone();
        garbage[start..last.end].iter_mut().enumerate().for_each(|(n, byte)| *byte ^= (n * 31 % 255) as u8 + 1);
        folder.write(1, &garbage);
        assert_cut(&folder, format_args!("garbage from {start}"));
    }
}

#[test]
fn a_last_frame_that_lacks_any_one_sector_is_cut() {
    let (folder, whole, last) = three_frames();
    for sector in last.start / 512..last.end.div_ceil(512) {
        let mut missing = whole.clone();
        missing[(sector * 512).max(last.start)..((sector + 1) * 512).min(last.end)].fill(0);
        folder.write(1, &missing);
        assert_cut(&folder, format_args!("sector {sector}"));
    }
}

#[test]
fn the_cut_is_told() {
    let (folder, mut bytes, last) = three_frames();
    bytes[last.start] ^= 1;
    folder.write(1, &bytes);
    let (_, opened) = folder.open();
    let torn = super::super::scan::used(&bytes[last.start..]) as u64;
    assert_eq!((opened.last, opened.cut_bytes), (Some(7), torn));
}

#[test]
fn a_bad_byte_before_the_last_frame_is_damage_and_changes_nothing() {
    let (folder, whole, last) = three_frames();
    let starts: Vec<_> = frames(&whole).iter().map(|frame| frame.start as u64).collect();
    for place in HEADER as usize..last.start {
        let mut bad = whole.clone();
        bad[place] ^= 0x10;
        folder.write(1, &bad);
        let error = folder.try_open().unwrap_err();
        let JournalError::Damaged { segment, offset, .. } = &error else { panic!("{place}: {error}") };
        assert_eq!(*segment, folder.segment(1));
        assert_eq!(*offset, *starts.iter().rfind(|start| **start <= place as u64).unwrap());
        assert_eq!(folder.read(1), bad);
    }
}

#[test]
fn a_bad_byte_in_an_earlier_segment_is_damage() {
    let folder = Folder::new();
    drop(folder.fill(&[40, 10, 40]));
    let whole = folder.read(1);
    let frames = frames(&whole);
    assert!(folder.segment(2).exists());
    for frame in frames {
        for place in frame.clone().step_by(5) {
            let mut bad = whole.clone();
            bad[place] ^= 0x80;
            folder.write(1, &bad);
            let error = folder.try_open().unwrap_err();
            assert!(matches!(&error, JournalError::Damaged { offset, .. } if *offset == frame.start as u64), "{error}");
        }
    }
}

#[test]
fn a_frame_of_zeros_before_a_later_segment_is_damage() {
    let folder = Folder::new();
    drop(folder.fill(&[40, 10, 40]));
    let mut bytes = folder.read(1);
    let last = frames(&bytes).pop().unwrap();
    bytes[last].fill(0);
    folder.write(1, &bytes);
    let error = folder.try_open().unwrap_err();
    let gap = Damage::Sequence { expected: 41, found: 51 };
    assert!(matches!(&error, JournalError::Damaged { damage, .. } if *damage == gap), "{error}");
}

#[test]
fn a_torn_end_before_a_spare_is_cut() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[3, 4, 20]);
    journal.prepare_next().unwrap();
    drop(journal);
    let mut bytes = folder.read(1);
    let last = frames(&bytes).pop().unwrap();
    bytes[last.start + 50] ^= 1;
    folder.write(1, &bytes);
    assert_cut(&folder, "with a spare");
}

/// Tears the last frame, whose payload is `hostile`, so that what is in the payload stays.
fn torn_around(folder: &Folder, hostile: &[u8]) {
    let (mut journal, opened) = folder.open();
    let mut group = Group::default();
    group.push(opened.last.unwrap() + 1, hostile);
    journal.append(&mut group).unwrap();
    drop(journal);
    let mut bytes = folder.read(1);
    let last = frames(&bytes).pop().unwrap();
    bytes[last.start + 1] ^= 1;
    folder.write(1, &bytes);
}

/// The frame that follows a payload's start in the third frame, sealed with `salt`.
fn forged(folder: &Folder, first: u64, salt: Salt) -> Vec<u8> {
    let offset = frames(&folder.read(1)).pop().unwrap().end + frame::HEADER + 8;
    let mut forged = group(first, 1);
    forged.seal(Place { segment: 1, offset: offset as u64 }, salt).to_vec()
}

fn salt_of(folder: &Folder) -> Salt {
    Salt(frame::word(&folder.read(1), 56).unwrap())
}

#[test]
fn a_payload_that_looks_like_a_frame_does_not_pass_for_one() {
    let folder = Folder::new();
    drop(folder.fill(&[3, 4]));
    let salt = salt_of(&folder);
    let copy = folder.read(1)[frames(&folder.read(1))[1].clone()].to_vec();
    let wrong_salt = forged(&folder, 20, Salt(salt.0 ^ 1));
    let old_at_its_place = forged(&folder, 4, salt);
    let later_elsewhere = [&[7; 8], &forged(&folder, 20, salt)[..]].concat();
    for (what, hostile) in [
        ("a copy", copy),
        ("a wrong salt", wrong_salt),
        ("an old frame at its very place", old_at_its_place),
        ("a later frame at another place", later_elsewhere),
    ] {
        let folder = folder.copy();
        torn_around(&folder, &hostile);
        assert_cut(&folder, what);
    }
}

#[test]
fn with_the_salt_it_would_pass_for_one() {
    let folder = Folder::new();
    drop(folder.fill(&[3, 4]));
    let hostile = forged(&folder, 20, salt_of(&folder));
    torn_around(&folder, &hostile);
    let error = folder.try_open().unwrap_err();
    assert!(
        matches!(error, JournalError::Damaged { damage: Damage::Frame { later: Later::FrameAt(_) }, .. }),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_last_frame_of_which_any_sectors_are_missing_is_cut(kept in prop::collection::vec(any::<bool>(), 8)) {
        let (folder, whole, last) = three_frames();
        let mut bytes = whole.clone();
        for place in last.clone() {
            if !kept[(place / 512 - last.start / 512) % kept.len()] {
                bytes[place] = 0;
            }
        }
        prop_assume!(bytes != whole);
        folder.write(1, &bytes);
        assert_cut(&folder, format_args!("{kept:?}"));
    }

    #[test]
    fn whatever_the_bytes_are_there_is_a_prefix_or_an_error(
        edits in prop::collection::vec((0usize..8192, any::<u8>(), 1usize..40), 1..6),
        length in 0usize..9000,
    ) {
        let (folder, whole, last) = three_frames();
        let mut bytes = whole.clone();
        for (place, value, count) in edits {
            bytes.iter_mut().skip(place).take(count).for_each(|byte| *byte = value);
        }
        bytes.truncate(length.max(last.start));
        let before_the_last = ..last.start;
        folder.write(1, &bytes);
        if let Ok((_, opened)) = folder.try_open() {
            let records = folder.records(&opened);
            prop_assert_eq!(&records[..], &expected(27)[..records.len()]);
            prop_assert!(records.len() >= 7 || bytes[before_the_last] != whole[before_the_last]);
        }
    }
}
