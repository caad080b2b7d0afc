//! Recovery: from a folder as a crash has left it to a journal that can be appended to.
//!
//! Owns the order of checks over all segments, and the repair of the end. Must not know what a valid frame is (`scan`).
//! Damage is an error, found before anything is changed.

use super::error::{Damage, JournalError, Later};
use super::frame::Salt;
use super::scan::{self, Damaged, Scan};
use super::segment::{self, Active, HEADER, Header, Identity, SegmentInfo};
use super::spare::{self, Plan};
use rand::TryRng;
use rand::rngs::SysRng;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A folder whose end is whole and synced.
#[derive(Debug)]
pub struct Recovered {
    pub identity: Identity,
    pub sealed: Vec<SegmentInfo>,
    pub active: Active,
    /// The last sequence.
    pub last: Option<u64>,
    pub cut_bytes: u64,
}

pub fn recover(folder: &Path, segment_bytes: u64) -> Result<Recovered, JournalError> {
    let mut survey = Survey { folder, identity: None, found: Vec::new(), bad: None, next: None, bytes: Vec::new() };
    let numbers = segment::list(folder)?;
    let unfinished = survey.take_all(&numbers)?;
    spare::sweep(folder)?;
    if let Some(number) = unfinished {
        segment::remove(folder, number)?;
    }
    let last = survey.next.map(|next| next - 1);
    match survey.identity {
        Some(identity) => settle(folder, identity, survey.found, last),
        None => start(folder, segment_bytes),
    }
}

/// The first segment of a new journal.
fn start(folder: &Path, segment_bytes: u64) -> Result<Recovered, JournalError> {
    start_as(folder, segment_bytes, random(folder)?)
}

/// The same, of a journal that has an id already.
pub fn start_as(folder: &Path, segment_bytes: u64, id: u64) -> Result<Recovered, JournalError> {
    let identity = Identity { id, salt: Salt(random(folder)?) };
    let active = Plan::new(folder, identity, 1, segment_bytes).build()?.install()?;
    Ok(Recovered { identity, sealed: Vec::new(), active, last: None, cut_bytes: 0 })
}

/// A number that nobody can guess, for the journal in `folder`.
fn random(folder: &Path) -> Result<u64, JournalError> {
    SysRng.try_next_u64().map_err(io::Error::other).map_err(JournalError::failed("find a number for", folder))
}

/// A segment that has been looked at.
struct Found {
    path: PathBuf,
    info: SegmentInfo,
    scan: Scan,
}

/// What is known of the segments so far, oldest first.
struct Survey<'a> {
    folder: &'a Path,
    identity: Option<Identity>,
    found: Vec<Found>,
    /// A bad frame. What comes after it tells whether it is damage.
    bad: Option<(PathBuf, u64)>,
    next: Option<u64>,
    /// Of the segment at hand.
    bytes: Vec<u8>,
}

impl Survey<'_> {
    /// Answers the last segment if a crash has interrupted its making.
    fn take_all(&mut self, numbers: &[u64]) -> Result<Option<u64>, JournalError> {
        for (index, number) in numbers.iter().enumerate() {
            let path = segment::path(self.folder, *number);
            let file = File::open(&path).map_err(JournalError::failed("open", &path))?;
            self.bytes.clear();
            (&file).read_to_end(&mut self.bytes).map_err(JournalError::failed("read", &path))?;
            match Header::read(&file, &path)? {
                Some(header) => self.take(*number, header, file, path)?,
                // The header is synced before the first frame is written, so there never was one.
                None if index + 1 == numbers.len() && frames(&self.bytes) == 0 => return Ok(Some(*number)),
                None => return Err(JournalError::damaged(&path, 0, Damage::Header)),
            }
        }
        Ok(None)
    }

    fn take(&mut self, number: u64, header: Header, file: File, path: PathBuf) -> Result<(), JournalError> {
        self.check_neighbour(number, &header, &path)?;
        if let Some((path, offset)) = self.bad.as_ref().filter(|_| frames(&self.bytes) > 0) {
            return Err(JournalError::damaged(path, *offset, Damage::Frame { later: Later::Segment(number) }));
        }
        let within = self.bytes.len().min(header.capacity as usize);
        let segment =
            scan::Segment { bytes: &self.bytes[..within], number, salt: header.identity.salt, next: self.next };
        let scan =
            segment.scan().map_err(|Damaged(offset, damage)| JournalError::damaged(&path, offset as u64, damage))?;
        if scan.torn > 0 {
            self.bad = Some((path.clone(), scan.last_frame.end as u64));
        }
        self.next = scan.last.map(|last| last + 1).or(self.next);
        self.identity = Some(header.identity);
        let modified = file.metadata().and_then(|data| data.modified()).map_err(JournalError::failed("read", &path))?;
        let info = SegmentInfo { number, first: scan.first, last: scan.last, bytes: header.capacity, modified };
        self.found.push(Found { path, info, scan });
        Ok(())
    }

    fn check_neighbour(&self, number: u64, header: &Header, path: &Path) -> Result<(), JournalError> {
        if header.number != number || self.identity.is_some_and(|identity| identity != header.identity) {
            return Err(JournalError::damaged(path, 0, Damage::Foreign));
        }
        match self.found.last().map(|found| found.info.number + 1) {
            Some(expected) if expected != number => {
                Err(JournalError::damaged(&segment::path(self.folder, expected), 0, Damage::Missing))
            }
            _ => Ok(()),
        }
    }
}

/// How far a segment has been written to.
fn frames(bytes: &[u8]) -> usize {
    scan::used(bytes.get(HEADER as usize..).unwrap_or_default())
}

/// Goes on in the last segment that was written to. Those after it hold nothing; they are made again when needed, as
/// nobody can know that their zeros were synced.
fn settle(
    folder: &Path,
    identity: Identity,
    mut found: Vec<Found>,
    last: Option<u64>,
) -> Result<Recovered, JournalError> {
    let written = |found: &Found| found.scan.first.is_some() || found.scan.torn > 0;
    let keep = found.iter().rposition(written).unwrap_or_default();
    for unused in found.drain(keep + 1..).rev() {
        segment::remove(folder, unused.info.number)?;
    }
    let Some(end) = found.pop() else { return Err(JournalError::damaged(folder, 0, Damage::Missing)) };
    let cut_bytes = end.scan.torn as u64;
    let active = if written(&end) {
        mend(end)?
    } else {
        Plan::new(folder, identity, end.info.number, end.info.bytes).build()?.install()?
    };
    Ok(Recovered { identity, sealed: found.into_iter().map(|found| found.info).collect(), active, last, cut_bytes })
}

/// Cuts the torn end, and writes the last frame once more. If its sync had failed before, its pages now look clean but
/// may not be on disk, and a frame after it would turn that into damage.
fn mend(Found { path, info, scan }: Found) -> Result<Active, JournalError> {
    let file = File::options().read(true).write(true).open(&path).map_err(JournalError::failed("open", &path))?;
    let end = scan.last_frame.end as u64;
    let mut frame = vec![0; scan.last_frame.len()];
    let mut mend = || {
        file.read_exact_at(&mut frame, scan.last_frame.start as u64)?;
        file.write_all_at(&frame, scan.last_frame.start as u64)?;
        segment::write_zeros(&file, end, end + scan.torn as u64)?;
        // A file that was cut short gets its blocks back.
        segment::write_zeros(&file, file.metadata()?.len().max(end), info.bytes)?;
        file.sync_all()
    };
    mend().map_err(JournalError::no_room("mend", &path, info.bytes))?;
    Ok(Active { file, path, info, end })
}

/// Makes the folder if there is none, and its name durable. Answers its full path, for errors to tell.
pub fn make_folder(folder: &Path) -> Result<PathBuf, JournalError> {
    let made = || {
        if folder.is_dir() {
            return folder.canonicalize();
        }
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        segment::sync_folder(folder.parent().unwrap_or(&folder))?;
        Ok(folder)
    };
    made().map_err(JournalError::failed("make", folder))
}
