//! The segment: one file of the journal, with a header that is written once and names it for good.
//!
//! Owns the header's layout, the names of the files, and the file that is being appended to. Must not know how frames
//! are found again or when segments begin and end. A header that does not hold is `None`; what that means depends on
//! where the segment stands, so the caller decides.

use super::error::JournalError;
use super::frame::{Place, Salt, word};
use crate::words::Histogram;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// The first frame begins here: on a page of its own, so that a torn write of a frame cannot take the header with it.
pub const HEADER: u64 = 4096;
/// The newest format that this daemon knows, and the one that it writes.
pub const FORMAT: u64 = 1;
const MAGIC: &[u8; 8] = b"SPACEJNL";
const MAKER: &str = env!("CARGO_PKG_VERSION");
/// Bytes of the header that say something; the last eight are the checksum. The same in every format, so that a
/// daemon can tell a newer format from damage.
const SAID: usize = 88;
const ZEROS: &[u8] = &[0; 1 << 18];

/// What all segments of one journal have in common. The id is public, the salt is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub id: u64,
    pub salt: Salt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub identity: Identity,
    pub number: u64,
    /// Bytes of the whole file.
    pub capacity: u64,
}

/// A segment, for whoever decides what to retire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    pub number: u64,
    /// None in a segment that holds nothing yet.
    pub first: Option<u64>,
    pub last: Option<u64>,
    /// What it takes on disk, used or not.
    pub bytes: u64,
    pub modified: SystemTime,
}

/// A segment that takes frames.
#[derive(Debug)]
pub struct Active {
    pub file: File,
    pub path: PathBuf,
    pub info: SegmentInfo,
    /// Where the next frame goes.
    pub end: u64,
}

impl Header {
    pub fn encode(&self) -> [u8; SAID] {
        let mut bytes = [0; SAID];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&FORMAT.to_le_bytes());
        let maker = MAKER.as_bytes();
        bytes[16..48].iter_mut().zip(maker).for_each(|(to, from)| *to = *from);
        let words = [self.identity.id, self.identity.salt.0, self.number, self.capacity];
        bytes[48..80].copy_from_slice(words.map(u64::to_le_bytes).as_flattened());
        let checksum = self.identity.salt.checksum(&bytes[..80]);
        bytes[80..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// None when the file has no header that holds.
    pub fn read(file: &File, path: &Path) -> Result<Option<Header>, JournalError> {
        let mut bytes = [0; SAID];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Header::decode(&bytes, path),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(JournalError::failed("read", path)(error)),
        }
    }

    fn decode(bytes: &[u8; SAID], path: &Path) -> Result<Option<Header>, JournalError> {
        let at = |offset| word(bytes, offset).unwrap_or_default();
        let salt = Salt(at(56));
        if &bytes[..8] != MAGIC || salt.checksum(&bytes[..80]) != at(80) {
            return Ok(None);
        }
        if at(8) > FORMAT {
            let made_by = String::from_utf8_lossy(&bytes[16..48]).trim_end_matches('\0').to_owned();
            return Err(JournalError::Newer { segment: path.to_owned(), format: at(8), made_by, known: FORMAT });
        }
        Ok(Some(Header { identity: Identity { id: at(48), salt }, number: at(64), capacity: at(72) }))
    }
}

impl Active {
    pub fn room(&self) -> u64 {
        self.info.bytes.saturating_sub(self.end)
    }

    pub fn is_half_full(&self) -> bool {
        self.room() <= (self.end - HEADER)
    }

    pub fn place(&self) -> Place {
        Place { segment: self.info.number, offset: self.end }
    }

    /// One write into blocks that are there already, and one sync that finds nothing but data to sync. Some file systems
    /// need room even so; a write that finds none can be repeated, a failed sync cannot.
    pub fn write(&self, frame: &[u8], syncs: &Histogram) -> Result<(), JournalError> {
        let no_room = JournalError::no_room("write", &self.path, frame.len() as u64);
        self.file.write_all_at(frame, self.end).map_err(no_room)?;
        let begin = Instant::now();
        let synced = self.file.sync_data();
        syncs.note(begin.elapsed().as_nanos() as u64);
        synced.map_err(JournalError::failed("sync", &self.path))
    }

    /// The frame of these sequences is durable.
    pub fn accept(&mut self, first: u64, last: u64, length: u64) {
        self.info.first.get_or_insert(first);
        self.info.last = Some(last);
        self.info.modified = SystemTime::now();
        self.end += length;
    }
}

pub fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016x}.journal"))
}

/// The numbers of all segments, ascending.
pub fn list(folder: &Path) -> Result<Vec<u64>, JournalError> {
    let number = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let digits = name.to_str()?.strip_suffix(".journal")?;
        let number = u64::from_str_radix(digits, 16).ok()?;
        // Only names that we would give ourselves.
        (path(folder, number).file_name() == Some(&name)).then_some(number)
    };
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut numbers: Vec<u64> =
        entries.map_err(JournalError::failed("list", folder))?.into_iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes a segment. Synced at once: a crash must not undo this removal and keep a later one.
pub fn remove(folder: &Path, number: u64) -> Result<(), JournalError> {
    let path = path(folder, number);
    fs::remove_file(&path).map_err(JournalError::failed("remove", &path))?;
    sync_folder(folder).map_err(JournalError::failed("sync", folder))
}

pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub fn write_zeros(file: &File, mut from: u64, to: u64) -> io::Result<()> {
    while from < to {
        let length = (to - from).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..length as usize], from)?;
        from += length;
    }
    Ok(())
}
