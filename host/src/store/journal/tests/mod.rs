//! The journal's promises, on real files in small segments.

mod full;
mod lasting;
mod lock;
mod reading;
mod refusal;
mod torn;

use super::segment::{self, HEADER};
use super::*;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SMALL: JournalConfig = JournalConfig { segment_bytes: 8192 };

/// A folder that outlives the journals opened in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(TempDir::new().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn open(&self) -> (Journal, Opened) {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<(Journal, Opened), JournalError> {
        Journal::open(self.path(), &SMALL)
    }

    /// Appends one group per item, with that many records each.
    fn fill(&self, groups: &[u64]) -> Journal {
        let (mut journal, _) = self.open();
        groups.iter().for_each(|records| append(&mut journal, *records));
        journal
    }

    fn segment(&self, number: u64) -> PathBuf {
        segment::path(self.path(), number)
    }

    fn read(&self, number: u64) -> Vec<u8> {
        fs::read(self.segment(number)).unwrap()
    }

    fn write(&self, number: u64, bytes: &[u8]) {
        fs::write(self.segment(number), bytes).unwrap();
    }

    /// All records from the first kept up to the last.
    fn records(&self, opened: &Opened) -> Vec<(u64, Vec<u8>)> {
        let (Some(first), Some(last)) = (opened.first, opened.last) else { return Vec::new() };
        read_all(&mut Reader::new(self.path(), first), last)
    }

    /// A copy to do harm to.
    fn copy(&self) -> Folder {
        let copy = Folder::new();
        for entry in fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        copy
    }
}

fn append(journal: &mut Journal, records: u64) {
    let first = journal.last().unwrap_or(0) + 1;
    journal.append(&mut group(first, records)).unwrap();
}

fn group(first: u64, records: u64) -> Group {
    let mut group = Group::default();
    (first..first + records).for_each(|sequence| group.push(sequence, &payload(sequence)));
    group
}

/// Of different lengths, without a zero byte, and telling its sequence.
fn payload(sequence: u64) -> Vec<u8> {
    format!("record {sequence} ").into_bytes().into_iter().cycle().take(10 + (sequence * 7 % 90) as usize).collect()
}

fn expected(upto: u64) -> Vec<(u64, Vec<u8>)> {
    (1..=upto).map(|sequence| (sequence, payload(sequence))).collect()
}

fn read_all(reader: &mut Reader, up_to: u64) -> Vec<(u64, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some((sequence, payload)) = reader.next(up_to).unwrap() {
        records.push((sequence, payload.to_vec()));
    }
    records
}

/// The frames of a segment as ranges of its bytes.
fn frames(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut offset = HEADER as usize;
    let mut frames = Vec::new();
    while let Some(body) = frame::word(bytes, offset).filter(|body| *body > 0) {
        let end = offset + frame::HEADER + body as usize;
        frames.push(offset..end);
        offset = end;
    }
    frames
}
