//! Salvage: what can still be read of a journal that is not to be started with.
//!
//! Reads every segment and gives out each frame that holds, wherever damage lies before it. Must not know records, nor
//! decide what may be gone on with; it changes nothing. A frame holds at its own place only, so nothing that a payload
//! contains is ever taken for one. Fails when a file cannot be read, or is of a newer format.

use super::error::JournalError;
use super::frame::{self, ALIGN, HEADER as FRAME_HEADER, Place, Salt};
use super::scan;
use super::segment::{self, HEADER, Header, Identity};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What there was, whole or not.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Salvaged {
    /// Of the first header that holds.
    pub id: Option<u64>,
    /// The last sequence of any frame that holds.
    pub last: Option<u64>,
    pub segments: usize,
    /// Bytes that were written to, all segments together.
    pub bytes: u64,
}

/// Shows all records that still hold, in order, each once: with the id of their journal, and their sequence.
pub fn salvage(folder: &Path, mut show: impl FnMut(u64, u64, &[u8])) -> Result<Salvaged, JournalError> {
    let mut salvaged = Salvaged::default();
    if !folder.exists() {
        return Ok(salvaged);
    }
    let numbers = segment::list(folder)?;
    let Some(identity) = identity(folder, &numbers)? else {
        return Ok(Salvaged { segments: numbers.len(), ..salvaged });
    };
    salvaged.id = Some(identity.id);
    for number in numbers {
        let bytes = read(folder, number)?;
        salvaged.segments += 1;
        let written = bytes.get(HEADER as usize..).map_or(0, scan::used);
        salvaged.bytes += written as u64;
        let segment = Segment { bytes: &bytes, written: HEADER as usize + written, number, salt: identity.salt };
        segment.frames(|header, body| {
            // A sequence that was there already is an old frame, not a later one.
            if salvaged.last.is_none_or(|last| header.first > last) {
                salvaged.last = Some(header.last());
                records(&header, body, &mut |sequence, payload| show(identity.id, sequence, payload));
            }
        });
    }
    Ok(salvaged)
}

/// All segments of a journal have it in common, so any header will do.
fn identity(folder: &Path, numbers: &[u64]) -> Result<Option<Identity>, JournalError> {
    for number in numbers {
        let path = segment::path(folder, *number);
        let file = File::open(&path).map_err(JournalError::failed("open", &path))?;
        if let Some(header) = Header::read(&file, &path)? {
            return Ok(Some(header.identity));
        }
    }
    Ok(None)
}

fn read(folder: &Path, number: u64) -> Result<Vec<u8>, JournalError> {
    let path = segment::path(folder, number);
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(JournalError::failed("open", &path))?;
    (&file).read_to_end(&mut bytes).map_err(JournalError::failed("read", &path))?;
    Ok(bytes)
}

fn records(header: &frame::Header, body: &[u8], show: &mut impl FnMut(u64, &[u8])) {
    let mut offset = 0;
    for sequence in header.first..=header.last() {
        let Some(payload) = frame::record(body, offset) else { return };
        offset = frame::after(&payload);
        show(sequence, &body[payload]);
    }
}

struct Segment<'a> {
    bytes: &'a [u8],
    /// Where the zeros begin. (A frame may end with some.)
    written: usize,
    number: u64,
    salt: Salt,
}

impl Segment<'_> {
    /// Where no frame holds, the next one may begin at any multiple of the alignment.
    fn frames(&self, mut show: impl FnMut(frame::Header, &[u8])) {
        let mut offset = HEADER as usize;
        while offset < self.written {
            let rest = self.bytes.get(offset..).unwrap_or_default();
            let place = Place { segment: self.number, offset: offset as u64 };
            match frame::decode(rest, place, self.salt) {
                Some(header) => {
                    let end = header.length() as usize;
                    show(header, &rest[FRAME_HEADER..end]);
                    offset += end;
                }
                None => offset += ALIGN,
            }
        }
    }
}
