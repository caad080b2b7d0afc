//! What can go wrong with a journal, told so that an operator knows the place and the way on.
//!
//! Owns the errors and their words. Must not know who reads them. An error can be cloned, because a journal that has
//! failed tells the same story from then on.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Why the journal could not do what it was asked.
#[derive(Debug, Clone, Error)]
pub enum JournalError {
    #[error(
        "the journal is damaged at byte {offset} of {}: {damage}; nothing was changed: restore the data folder from a \
         backup, or start with `--accept-loss` to go on without what cannot be read any more and what rests on it",
        segment.display()
    )]
    Damaged { segment: PathBuf, offset: u64, damage: Damage },

    #[error(
        "{} has journal format {format}, made by spacehost {made_by}; this daemon knows formats up to {known}: start \
         that version or a later one",
        segment.display()
    )]
    Newer { segment: PathBuf, format: u64, made_by: String, known: u64 },

    /// Nothing of the group was accepted, and the journal goes on when there is room.
    #[error("no room for {needed} bytes of the journal in {}: free some, or let the journal keep less", folder.display())]
    Full { folder: PathBuf, needed: u64 },

    /// The caller's mistake; nothing was written.
    #[error("the journal goes on with sequence {expected}, not {found}")]
    OutOfOrder { expected: u64, found: u64 },

    #[error("the journal keeps nothing before sequence {first}")]
    Gone { first: u64 },

    #[error("cannot {action} {}: {cause}", path.display())]
    Failed { action: &'static str, path: PathBuf, cause: Arc<io::Error> },
}

/// What is wrong at the place of a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The segment's header does not hold.
    Header,
    /// The frame here does not hold, although it had been synced before what was written later.
    Frame { later: Later },
    /// A frame that is durable does not hold. A reader sees this.
    DurableFrame,
    /// The sequences leave a gap, or go back.
    Sequence { expected: u64, found: u64 },
    /// The segment is not there, but earlier and later ones are.
    Missing,
    /// The segment belongs to another journal, or to another place in this one.
    Foreign,
}

/// What proves that a bad frame was once whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    FrameAt(u64),
    Segment(u64),
}

impl JournalError {
    pub(super) fn damaged(segment: &Path, offset: u64, damage: Damage) -> Self {
        JournalError::Damaged { segment: segment.to_owned(), offset, damage }
    }

    /// For `map_err`: what was being done, and to which file.
    pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| JournalError::Failed { action, path: path.to_owned(), cause: Arc::new(error) }
    }

    /// The same, where making a segment may find the disk or a quota full.
    pub(super) fn no_room(action: &'static str, path: &Path, needed: u64) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let folder = path.parent().unwrap_or(path).to_owned();
                JournalError::Full { folder, needed }
            }
            _ => JournalError::failed(action, path)(error),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Header => f.write_str("the header does not hold"),
            Damage::Frame { later: Later::FrameAt(offset) } => {
                write!(f, "the frame here does not hold, but a later one at byte {offset} does")
            }
            Damage::Frame { later: Later::Segment(number) } => {
                write!(f, "the frame here does not hold, but segment {number:016x} was written after it")
            }
            Damage::DurableFrame => f.write_str("a frame that had been synced does not hold"),
            Damage::Sequence { expected, found } => write!(f, "sequence {expected} should be here, but is {found}"),
            Damage::Missing => f.write_str("the file is missing"),
            Damage::Foreign => f.write_str("the segment belongs to another journal, or to another place in this one"),
        }
    }
}
