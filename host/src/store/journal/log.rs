//! The journal itself: groups in at the end, whole segments out at the beginning.
//!
//! Owns the segment that is appended to, the one that comes next, and the list of those that are full. Must not know
//! when to make spares or what to retire; its owner decides. A full disk is an error that passes. Any other error of a
//! write or sync is for good: every later append gives the same one.

use super::error::JournalError;
use super::group::Group;
use super::recover::{self, Recovered};
use super::segment::{self, Active, HEADER, Identity, SegmentInfo};
use super::spare::{Plan, Spare};
use crate::words::Histogram;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// What a segment takes on disk. A group that needs more gets a segment of its own.
    pub segment_bytes: u64,
}

impl Default for JournalConfig {
    fn default() -> Self {
        JournalConfig { segment_bytes: 64 << 20 }
    }
}

/// What a journal held when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Random, the same as long as the journal lives.
    pub id: u64,
    /// The first sequence that is kept; None as long as there is none.
    pub first: Option<u64>,
    pub last: Option<u64>,
    /// Bytes of a torn end: of a group that was never durable.
    pub cut_bytes: u64,
}

/// The one writer of a folder. Its owner holds the folder's lock.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    segment_bytes: u64,
    identity: Identity,
    /// Full segments, oldest first.
    sealed: VecDeque<SegmentInfo>,
    pub(super) active: Active,
    /// Prepared, and part of the folder already.
    spare: Option<Active>,
    last: Option<u64>,
    /// Why nothing can be appended any more.
    broken: Option<JournalError>,
    /// How long syncs took.
    syncs: Arc<Histogram>,
}

impl Journal {
    /// Reads and checks all that the folder holds, and cuts a torn end.
    pub fn open(folder: &Path, config: &JournalConfig) -> Result<(Journal, Opened), JournalError> {
        let folder = recover::make_folder(folder)?;
        let segment_bytes = config.segment_bytes.max(2 * HEADER);
        let recovered = recover::recover(&folder, segment_bytes)?;
        let (id, last, cut_bytes) = (recovered.identity.id, recovered.last, recovered.cut_bytes);
        let journal = Journal::of(folder, segment_bytes, recovered);
        let first = journal.segments().find_map(|segment| segment.first);
        Ok((journal, Opened { id, first, last, cut_bytes }))
    }

    /// Begins a journal of that id where there is none. Its first group may have any sequence.
    pub fn begin(folder: &Path, config: &JournalConfig, id: u64) -> Result<Journal, JournalError> {
        if Journal::is_in(folder)? {
            let there = || std::io::ErrorKind::AlreadyExists.into();
            return Err(JournalError::failed("begin a journal in", folder)(there()));
        }
        let folder = recover::make_folder(folder)?;
        let segment_bytes = config.segment_bytes.max(2 * HEADER);
        let started = recover::start_as(&folder, segment_bytes, id)?;
        Ok(Journal::of(folder, segment_bytes, started))
    }

    /// Whether the folder holds any segment, whole or not.
    pub fn is_in(folder: &Path) -> Result<bool, JournalError> {
        Ok(folder.exists() && !segment::list(folder)?.is_empty())
    }

    fn of(folder: PathBuf, segment_bytes: u64, recovered: Recovered) -> Self {
        let Recovered { identity, sealed, active, last, .. } = recovered;
        let sealed = VecDeque::from(sealed);
        Journal {
            folder,
            segment_bytes,
            identity,
            sealed,
            active,
            spare: None,
            last,
            broken: None,
            syncs: Arc::default(),
        }
    }

    /// Notes from here on in `syncs` how long each one takes.
    pub fn time_syncs(&mut self, syncs: Arc<Histogram>) {
        self.syncs = syncs;
    }

    /// When this returns `Ok`, the group is durable. It is left as it is, to be read or cleared.
    pub fn append(&mut self, group: &mut Group) -> Result<(), JournalError> {
        self.unbroken()?;
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        match self.last.map(|last| last + 1) {
            Some(expected) if expected != first => return Err(JournalError::OutOfOrder { expected, found: first }),
            _ => {}
        }
        let length = group.len_bytes() as u64;
        self.make_room(length)?;
        let written = self.active.write(group.seal(self.active.place(), self.identity.salt), &self.syncs);
        self.note(written)?;
        self.active.accept(first, last, length);
        self.last = Some(last);
        Ok(())
    }

    /// Makes the next segment now, if there is none: from an idle moment, so that no append has to.
    pub fn prepare_next(&mut self) -> Result<(), JournalError> {
        self.unbroken()?;
        if self.spare.is_some() {
            return Ok(());
        }
        let prepared = self.plan(0).build().and_then(Spare::install);
        self.spare = Some(self.note(prepared)?);
        Ok(())
    }

    /// The next segment, for another thread to build: when there is none and the active one is more than half full.
    pub fn plan_spare(&self) -> Option<Plan> {
        let wanted = self.spare.is_none() && self.broken.is_none() && self.active.is_half_full();
        wanted.then(|| self.plan(0))
    }

    /// Takes what became of `plan_spare`; if it comes too late, it is removed.
    pub fn add_spare(&mut self, spare: Spare) -> Result<(), JournalError> {
        self.unbroken()?;
        if self.spare.is_none() && spare.number() == self.active.info.number + 1 {
            let installed = spare.install();
            self.spare = Some(self.note(installed)?);
        }
        Ok(())
    }

    /// Removes the oldest segments as long as all their records are below `keep_from`; answers how many. Never the
    /// active one, nor the last that holds a record.
    pub fn retire(&mut self, keep_from: u64) -> Result<usize, JournalError> {
        self.unbroken()?;
        let mut removed = 0;
        while self.active.info.last.is_some()
            && let Some(oldest) = self.sealed.front()
            && oldest.last.is_none_or(|last| last < keep_from)
        {
            segment::remove(&self.folder, oldest.number)?;
            self.sealed.pop_front();
            removed += 1;
        }
        Ok(removed)
    }

    /// Oldest first; the active one is the last.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentInfo> {
        self.sealed.iter().chain(std::iter::once(&self.active.info))
    }

    /// The last sequence that is durable.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    fn make_room(&mut self, length: u64) -> Result<(), JournalError> {
        if self.active.room() >= length {
            return Ok(());
        }
        let next = match self.spare.take() {
            Some(spare) if spare.room() >= length => spare,
            // A spare that is too small is replaced under its own name.
            _ => {
                let prepared = self.plan(length).build().and_then(Spare::install);
                self.note(prepared)?
            }
        };
        self.sealed.push_back(std::mem::replace(&mut self.active, next).info);
        Ok(())
    }

    /// The segment after the active one, with room for `length` bytes at least.
    fn plan(&self, length: u64) -> Plan {
        let capacity = self.segment_bytes.max(HEADER + length);
        Plan::new(&self.folder, self.identity, self.active.info.number + 1, capacity)
    }

    fn unbroken(&self) -> Result<(), JournalError> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Remembers a failure for good, unless it is only that the disk is full.
    fn note<T>(&mut self, outcome: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(error) = &outcome
            && !matches!(error, JournalError::Full { .. })
        {
            self.broken = Some(error.clone());
        }
        outcome
    }
}
