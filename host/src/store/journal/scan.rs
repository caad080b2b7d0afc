//! The scan: what the bytes of one segment hold, and whether a bad end is torn or damaged.
//!
//! Pure: must not know files. Owns the one decision that must never be wrong: each frame is synced before the next is
//! written, so a bad frame before a valid one was whole once, and is damage; a bad frame before nothing is torn.

use super::error::{Damage, Later};
use super::frame::{self, ALIGN, Place, Salt};
use super::segment::HEADER;
use std::ops::Range;

const BLOCK: usize = 4096;
const START: usize = HEADER as usize;

/// A segment without damage.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan {
    pub first: Option<u64>,
    pub last: Option<u64>,
    /// The last whole frame; empty where the first would be, when there is none.
    pub last_frame: Range<usize>,
    /// Bytes after it, up to the last that is not zero: a torn frame, or nothing.
    pub torn: usize,
}

/// Where the damage begins, and what it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged(pub usize, pub Damage);

/// The bytes of a segment, its header included, and what is known beforehand.
pub struct Segment<'a> {
    pub bytes: &'a [u8],
    pub number: u64,
    pub salt: Salt,
    /// The sequence that must come next; anything may in the first segment that is kept.
    pub next: Option<u64>,
}

impl Segment<'_> {
    pub fn scan(mut self) -> Result<Scan, Damaged> {
        let mut scan = Scan { first: None, last: None, last_frame: START..START, torn: 0 };
        while let Some(header) =
            frame::decode(self.from(scan.last_frame.end), self.place(scan.last_frame.end), self.salt)
        {
            let start = scan.last_frame.end;
            if let Some(expected) = self.next.filter(|expected| *expected != header.first) {
                return Err(Damaged(start, Damage::Sequence { expected, found: header.first }));
            }
            self.next = Some(header.last().saturating_add(1));
            scan.first.get_or_insert(header.first);
            scan.last = Some(header.last());
            scan.last_frame = start..start + header.length() as usize;
        }
        let end = scan.last_frame.end;
        scan.torn = used(self.from(end));
        match self.frame_within(end, scan.torn) {
            Some(offset) => Err(Damaged(end, Damage::Frame { later: Later::FrameAt(offset as u64) })),
            None => Ok(scan),
        }
    }

    /// The first frame that was written after the bad one at `start`. Its header is proof enough. An earlier sequence is
    /// not: that is an old frame inside a payload.
    fn frame_within(&self, start: usize, length: usize) -> Option<usize> {
        (start..start + length).step_by(ALIGN).skip(1).find(|&offset| {
            frame::Header::decode(self.from(offset), self.place(offset), self.salt)
                .is_some_and(|header| self.next.is_none_or(|next| header.first > next))
        })
    }

    fn from(&self, offset: usize) -> &[u8] {
        self.bytes.get(offset..).unwrap_or_default()
    }

    fn place(&self, offset: usize) -> Place {
        Place { segment: self.number, offset: offset as u64 }
    }
}

/// How many bytes there are up to the last that is not zero.
pub fn used(bytes: &[u8]) -> usize {
    const ZEROS: &[u8] = &[0; BLOCK];
    let Some(block) = bytes.chunks(BLOCK).rposition(|block| block != &ZEROS[..block.len()]) else { return 0 };
    let start = block * BLOCK;
    let within = &bytes[start..bytes.len().min(start + BLOCK)];
    start + within.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}
