//! The journal: opaque records on disk, in order, in groups that are durable as a whole or not at all.
//!
//! Owns the `*.journal` files of one folder and their format. Must not know what a record means, nor tokio, nor who
//! waits for what. One owner writes; readers have their own handles. Fails closed: damage is named and
//! the start refused, never cut; only a torn end, which nobody was told of, is cut. After a failed write or sync no
//! append succeeds again, because what a failed sync has left on disk cannot be known; a write that found no room may be
//! repeated.
//!
//! A folder holds segments, numbered without holes. A segment is a header page, frames, and zeros up to its capacity:
//!
//! ```text
//! segment  magic 8 | format 8 | made by 32 | journal id 8 | salt 8 | number 8 | capacity 8 | checksum 8 | 0.. to 4096
//! frame    body bytes 8 | records 8 | first sequence 8 | body checksum 8 | header checksum 8 | record..
//! record   payload bytes 8 | payload | 0.. to a multiple of 8
//! ```
//!
//! All numbers are little-endian. A frame is one group: one write, one sync. The segment's header is never written
//! again, so no crash while appending can harm it; its first sequence is that of its first frame. Checksums are
//! seeded with the salt, which never leaves the folder, and that of a frame's header covers its place: no payload can
//! contain anything that passes for a frame.

mod error;
mod frame;
mod group;
mod lock;
mod log;
mod reader;
mod recover;
mod salvage;
mod scan;
mod segment;
mod spare;
#[cfg(test)]
mod tests;

pub use error::{Damage, JournalError, Later};
pub use group::Group;
pub use lock::{Lock, LockError};
pub use log::{Journal, JournalConfig, Opened};
pub use reader::Reader;
pub use salvage::{Salvaged, salvage};
pub use segment::{SegmentInfo, sync_folder};
pub use spare::{Plan, Spare};
