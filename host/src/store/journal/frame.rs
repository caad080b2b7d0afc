//! The frame: how a group lies on disk, and how to tell that it lies there whole.
//!
//! Owns the layout of frames and records and their checksums. Pure: must not know files or segments beyond their
//! number. Bytes that are no frame are `None`, never a panic, whatever they are.

use std::fmt;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of a frame before its records.
pub const HEADER: usize = 40;
/// Bytes of a record before its payload.
const PREFIX: usize = 8;
/// Frames and records begin at multiples of this.
pub const ALIGN: usize = 8;

/// The seed of all checksums of a journal. Whoever knows it could forge a frame inside a payload, so it is not shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub u64);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl Salt {
    pub fn checksum(self, bytes: &[u8]) -> u64 {
        xxh3_64_with_seed(bytes, self.0)
    }
}

/// Where a frame begins. A frame is valid at its own place only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub segment: u64,
    pub offset: u64,
}

/// A frame's header whose checksum held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub body: u64,
    pub records: u64,
    pub first: u64,
    body_checksum: u64,
}

impl Header {
    /// The header that lies at the start of `bytes`. It has a checksum of its own, so that a reader can skip a frame by
    /// its length, and that a search for frames costs the same whatever lengths the bytes seem to promise.
    pub fn decode(bytes: &[u8], place: Place, salt: Salt) -> Option<Header> {
        let header = Header {
            body: word(bytes, 0)?,
            records: word(bytes, 8)?,
            first: word(bytes, 16)?,
            body_checksum: word(bytes, 24)?,
        };
        // An empty group is never written, so zeros are no frame even if they should have the right checksum.
        (header.records > 0 && word(bytes, 32)? == header.checksum(place, salt)).then_some(header)
    }

    fn checksum(&self, place: Place, salt: Salt) -> u64 {
        let words = [self.body, self.records, self.first, self.body_checksum, place.segment, place.offset];
        salt.checksum(words.map(u64::to_le_bytes).as_flattened())
    }

    /// Whether the body is the one that was written with this header.
    pub fn holds(&self, body: &[u8], salt: Salt) -> bool {
        salt.checksum(body) == self.body_checksum
    }

    /// Bytes of the whole frame.
    pub fn length(&self) -> u64 {
        self.body.saturating_add(HEADER as u64)
    }

    pub fn last(&self) -> u64 {
        self.first.saturating_add(self.records - 1)
    }
}

/// Makes a frame of `bytes`, which are room for the header and then the records.
pub fn seal(bytes: &mut [u8], first: u64, records: u64, at: (Place, Salt)) {
    let (place, salt) = at;
    let Some((room, body)) = bytes.split_first_chunk_mut::<HEADER>() else { return };
    let header = Header { body: body.len() as u64, records, first, body_checksum: salt.checksum(body) };
    let words = [header.body, records, first, header.body_checksum, header.checksum(place, salt)];
    room.copy_from_slice(words.map(u64::to_le_bytes).as_flattened());
}

/// The whole frame at the start of `bytes`, if one is there.
pub fn decode(bytes: &[u8], place: Place, salt: Salt) -> Option<Header> {
    let header = Header::decode(bytes, place, salt)?;
    let end = usize::try_from(header.length()).ok()?;
    header.holds(bytes.get(HEADER..end)?, salt).then_some(header)
}

/// Adds a record to the body of a frame.
pub fn push_record(bytes: &mut Vec<u8>, payload: &[u8]) {
    bytes.reserve(PREFIX + payload.len() + ALIGN);
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
}

/// Where the payload of the record at `offset` of a body lies. The next record is at `after` its end.
pub fn record(body: &[u8], offset: usize) -> Option<Range<usize>> {
    let length = usize::try_from(word(body, offset)?).ok()?;
    let start = offset + PREFIX;
    let end = start.checked_add(length)?;
    (end <= body.len()).then_some(start..end)
}

/// Where the record begins that follows a payload.
pub fn after(payload: &Range<usize>) -> usize {
    payload.end.next_multiple_of(ALIGN)
}

/// The little-endian number at `offset`.
pub fn word(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().copied().map(u64::from_le_bytes)
}
