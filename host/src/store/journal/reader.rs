//! The reader: records of the journal from a sequence on, while others are appended.
//!
//! Owns its file handles and one buffer. Must not know the writer: it looks at nothing beyond the sequence that it is
//! told is durable, and what is durable never changes. Fails when that has been retired, or does not hold.

use super::error::{Damage, JournalError};
use super::frame::{self, Place, Salt};
use super::segment::{self, HEADER, Header};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Read at once, at least.
const CHUNK: usize = 32 << 10;

/// Gives each record once, in order.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    next: u64,
    position: Option<Position>,
}

impl Reader {
    /// Opens nothing until the first record is asked for.
    pub fn new(folder: impl Into<PathBuf>, from: u64) -> Self {
        Reader { folder: folder.into(), next: from, position: None }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The next record with its sequence; None when that would be beyond `up_to`, which must be durable.
    pub fn next(&mut self, up_to: u64) -> Result<Option<(u64, &[u8])>, JournalError> {
        if self.next > up_to {
            return Ok(None);
        }
        let sequence = self.next;
        let payload = self.seek()?;
        self.next += 1;
        Ok(self.position.as_ref().map(|position| (sequence, position.window.get(payload))))
    }

    /// The record of that sequence, which must be durable. Cheap when it comes after the one before.
    pub fn get(&mut self, sequence: u64) -> Result<&[u8], JournalError> {
        if sequence < self.next {
            self.position = None;
        }
        self.next = sequence;
        let payload = self.seek()?;
        self.next += 1;
        Ok(self.position.as_ref().map_or(&[], |position| position.window.get(payload)))
    }

    /// Goes to the next record, which is known to be durable; answers where in the window its payload lies.
    fn seek(&mut self) -> Result<Range<usize>, JournalError> {
        let mut position = match self.position.take() {
            Some(position) => position,
            None => locate(&self.folder, self.next)?,
        };
        let payload = loop {
            if let Some(payload) = position.find(self.next)? {
                break payload;
            }
            let later = locate(&self.folder, self.next)?;
            if later.place.segment <= position.place.segment {
                return Err(position.damaged(Damage::DurableFrame));
            }
            position = later;
        };
        self.position = Some(position);
        Ok(payload)
    }
}

/// The segment in which `wanted` lies, if it is kept. Readers mostly want what is recent, so the newest comes first.
fn locate(folder: &Path, wanted: u64) -> Result<Position, JournalError> {
    let mut earliest = None;
    for number in segment::list(folder)?.into_iter().rev() {
        let Some(mut position) = Position::open(folder, number)? else { continue };
        match position.header()? {
            Some(header) if header.first <= wanted => return Ok(position),
            Some(header) => earliest = Some(header.first),
            // The newest may be about to be written to. An older one is empty, or it does not hold.
            None if earliest.is_some() && position.is_written()? => return Err(position.damaged(Damage::DurableFrame)),
            None => {}
        }
    }
    Err(match earliest {
        Some(first) => JournalError::Gone { first },
        None => JournalError::damaged(folder, 0, Damage::Missing),
    })
}

/// A place in a segment.
#[derive(Debug)]
struct Position {
    window: Window,
    salt: Salt,
    /// Of the frame at hand, or the one to look at next.
    place: Place,
    frame: Option<Frame>,
}

/// A frame whose checksum held.
#[derive(Debug)]
struct Frame {
    body: Range<usize>,
    /// Where in the body the next record begins, and its sequence.
    record: usize,
    sequence: u64,
    last: u64,
}

impl Position {
    /// None when the segment has been retired since it was listed.
    fn open(folder: &Path, number: u64) -> Result<Option<Position>, JournalError> {
        let path = segment::path(folder, number);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::failed("open", &path)(error)),
        };
        let Some(header) = Header::read(&file, &path)? else {
            return Err(JournalError::damaged(&path, 0, Damage::Header));
        };
        let window = Window { file, path, start: 0, bytes: Vec::new() };
        let place = Place { segment: number, offset: HEADER };
        Ok(Some(Position { window, salt: header.identity.salt, place, frame: None }))
    }

    /// Where in the window the payload of `wanted` lies; None when the segment ends before. Frames before it are skipped
    /// by their length.
    fn find(&mut self, wanted: u64) -> Result<Option<Range<usize>>, JournalError> {
        loop {
            while let Some(frame) = self.frame.as_mut().filter(|frame| frame.sequence <= frame.last) {
                let sequence = frame.sequence;
                let Some(payload) = frame.step(&self.window) else {
                    return Err(self.damaged(Damage::DurableFrame));
                };
                if sequence == wanted {
                    return Ok(Some(payload));
                }
            }
            if let Some(frame) = self.frame.take() {
                self.place.offset += (frame::HEADER + frame.body.len()) as u64;
            }
            let Some(header) = self.header()? else { return Ok(None) };
            if header.first > wanted {
                return Err(self.damaged(Damage::Sequence { expected: wanted, found: header.first }));
            } else if header.last() < wanted {
                self.place.offset += header.length();
            } else {
                self.frame = Some(self.enter(header)?);
            }
        }
    }

    /// The header of the frame at this place, if there is one.
    fn header(&mut self) -> Result<Option<frame::Header>, JournalError> {
        let (place, salt) = (self.place, self.salt);
        let found = self.window.look(place.offset, frame::HEADER, |bytes| frame::Header::decode(bytes, place, salt))?;
        Ok(found.map(|(header, _)| header))
    }

    /// Whether there is anything but zeros where a frame's header would be.
    fn is_written(&mut self) -> Result<bool, JournalError> {
        let written = |bytes: &[u8]| bytes.iter().any(|byte| *byte != 0).then_some(());
        Ok(self.window.look(self.place.offset, frame::HEADER, written)?.is_some())
    }

    fn enter(&mut self, header: frame::Header) -> Result<Frame, JournalError> {
        let (place, salt) = (self.place, self.salt);
        let found =
            self.window.look(place.offset, header.length() as usize, |bytes| frame::decode(bytes, place, salt))?;
        let Some((_, range)) = found else { return Err(self.damaged(Damage::DurableFrame)) };
        Ok(Frame {
            body: range.start + frame::HEADER..range.end,
            record: 0,
            sequence: header.first,
            last: header.last(),
        })
    }

    fn damaged(&self, damage: Damage) -> JournalError {
        JournalError::damaged(&self.window.path, self.place.offset, damage)
    }
}

impl Frame {
    /// Where in the window the next payload lies.
    fn step(&mut self, window: &Window) -> Option<Range<usize>> {
        let payload = frame::record(window.get(self.body.clone()), self.record)?;
        self.record = frame::after(&payload);
        self.sequence += 1;
        Some(self.body.start + payload.start..self.body.start + payload.end)
    }
}

/// A piece of a file in memory. It may be older than the file.
#[derive(Debug)]
struct Window {
    file: File,
    path: PathBuf,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// What `find` finds in `length` bytes at `offset`, and where they lie in the window. If they do not please, they are
    /// read afresh: the frame may have been written since.
    fn look<T>(
        &mut self,
        offset: u64,
        length: usize,
        find: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<(T, Range<usize>)>, JournalError> {
        if let Some(start) = offset.checked_sub(self.start) {
            let range = start as usize..(start as usize).saturating_add(length);
            if let Some(found) = self.bytes.get(range.clone()).and_then(&find) {
                return Ok(Some((found, range)));
            }
        }
        self.load(offset, length).map_err(JournalError::failed("read", &self.path))?;
        Ok(self.bytes.get(..length).and_then(find).map(|found| (found, 0..length)))
    }

    fn load(&mut self, offset: u64, length: usize) -> io::Result<()> {
        self.start = offset;
        self.bytes.resize(length.max(CHUNK), 0);
        let mut filled = 0;
        while filled < self.bytes.len() {
            match self.file.read_at(&mut self.bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    fn get(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }
}
