//! Folders that a daemon must not start with, and what it says.

use super::*;

/// The damage that opening names, with its place.
fn damage(folder: &Folder) -> (PathBuf, u64, Damage) {
    match folder.try_open().unwrap_err() {
        JournalError::Damaged { segment, offset, damage } => (segment, offset, damage),
        other => panic!("{other}"),
    }
}

/// Three segments.
fn folder() -> Folder {
    let folder = Folder::new();
    drop(folder.fill(&[40, 40, 40]));
    folder
}

#[test]
fn a_missing_segment_in_the_middle_is_named() {
    let folder = folder();
    fs::remove_file(folder.segment(2)).unwrap();
    assert_eq!(damage(&folder), (folder.segment(2), 0, Damage::Missing));
}

#[test]
fn a_segment_of_another_journal_is_named() {
    let folder = folder();
    folder.write(2, &self::folder().read(2));
    assert_eq!(damage(&folder), (folder.segment(2), 0, Damage::Foreign));
}

#[test]
fn a_segment_under_the_name_of_another_is_named() {
    let folder = folder();
    folder.write(2, &folder.read(1));
    assert_eq!(damage(&folder), (folder.segment(2), 0, Damage::Foreign));
}

#[test]
fn a_bad_header_is_damage_wherever_frames_follow() {
    for number in 1..=3 {
        let folder = folder();
        let mut bytes = folder.read(number);
        bytes[..4096].fill(0);
        folder.write(number, &bytes);
        assert_eq!(damage(&folder), (folder.segment(number), 0, Damage::Header));
    }
}

#[test]
fn any_bad_byte_of_a_header_is_damage() {
    let folder = folder();
    let whole = folder.read(3);
    for place in 0..88 {
        let mut bytes = whole.clone();
        bytes[place] ^= 4;
        folder.write(3, &bytes);
        assert_eq!(damage(&folder), (folder.segment(3), 0, Damage::Header));
    }
}

#[test]
fn a_bad_frame_before_a_torn_later_segment_is_damage() {
    let folder = folder();
    for number in [2, 3] {
        let mut bytes = folder.read(number);
        bytes[HEADER as usize] ^= 1;
        folder.write(number, &bytes);
    }
    let bad = Damage::Frame { later: Later::Segment(3) };
    assert_eq!(damage(&folder), (folder.segment(2), HEADER, bad));
}

#[test]
fn a_newer_format_is_refused_with_the_daemon_that_made_it() {
    let folder = folder();
    let mut bytes = folder.read(2);
    bytes[8..16].copy_from_slice(&2u64.to_le_bytes());
    bytes[16..24].copy_from_slice(b"9.1.0\0\0\0");
    let salt = frame::Salt(frame::word(&bytes, 56).unwrap());
    let checksum = salt.checksum(&bytes[..80]);
    bytes[80..88].copy_from_slice(&checksum.to_le_bytes());
    folder.write(2, &bytes);
    let error = folder.try_open().unwrap_err();
    assert!(matches!(&error, JournalError::Newer { format: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("made by spacehost 9.1.0"), "{error}");
}

#[test]
fn the_text_names_the_place_and_the_way_on_but_not_the_salt() {
    let folder = folder();
    let mut bytes = folder.read(1);
    let frame = frames(&bytes)[0].clone();
    bytes[frame.start + 60] ^= 1;
    folder.write(1, &bytes);
    let text = folder.try_open().unwrap_err().to_string();
    for part in ["byte 4096", "0000000000000001.journal", "restore the data folder from a backup"] {
        assert!(text.contains(part), "{text}");
    }
    let (journal, _) = Folder::new().open();
    assert!(format!("{journal:?}").contains("Salt(..)"));
}
