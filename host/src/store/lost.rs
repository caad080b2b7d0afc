//! `--accept-loss`: going on without what a damaged folder cannot give back.
//!
//! Owns what is gone on with: the tables, and as many of the journal's records as follow them without a gap, whatever is
//! damaged before or after. That is a consistent past: no message in it lacks the turn that sent it. What comes after a gap
//! is not taken, because it rests on what is missing. The journal is set aside whole, never deleted, and a new one begins
//! (`anew`). Must not be entered unless the operator asks. Fails when the tables cannot be read or the disk fails; repeated
//! after a crash, it goes on where it was.

use super::journal::{Journal, JournalError, Opened, Salvaged, salvage};
use super::record::{Record, RecordError};
use super::tables::{Tables, TablesError};
use super::{StoreConfig, StoreError, anew};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

impl StoreError {
    /// Whether something is lost that an operator can decide to go on without.
    pub fn is_loss(&self) -> bool {
        match self {
            StoreError::Gap { .. } | StoreError::Ahead { .. } | StoreError::Foreign { .. } => true,
            StoreError::Journal(error) => matches!(error, JournalError::Damaged { .. }),
            StoreError::Record { error, .. } => matches!(error, RecordError::Malformed(_)),
            _ => false,
        }
    }
}

/// What the host goes on without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What was wrong.
    pub reason: String,
    /// The last record that is gone on with.
    pub kept: u64,
    /// Records of the journal that were read and cannot be taken, since others before them are missing.
    pub unusable: u64,
    pub journal: Salvaged,
    /// Where the journal is now.
    pub aside: PathBuf,
    /// Where sequences go on.
    pub first: u64,
}

/// Brings `tables` as far as they go, sets the journal aside and begins a new one.
pub fn accept(data: &Path, config: &StoreConfig, why: &StoreError) -> Result<(Journal, Opened, Tables), StoreError> {
    let folder = data.join("journal");
    let mut tables = Tables::open(&data.join("tables"))?;
    let own = tables.journal()?;
    let mut taking = Taking { tables: &mut tables, own, unusable: 0, trouble: None };
    let found = salvage(&folder, |journal, sequence, encoded| taking.record(journal, sequence, encoded))?;
    let Taking { unusable, trouble, .. } = taking;
    if let Some(trouble) = trouble {
        return Err(trouble.into());
    }
    tables.flush()?;
    let kept = tables.sequence();
    let aside = set_aside(data, &folder).map_err(|source| StoreError::Aside { path: data.to_owned(), source })?;
    let id = match own.or(found.id) {
        Some(id) => id,
        None => anew::random_id()?,
    };
    let (journal, opened) = anew::begin(&mut tables, &folder, &config.journal(), id, found.last.unwrap_or_default())?;
    let first = opened.first.unwrap_or_default();
    super::catch_up(&mut tables, &folder, &opened)?;
    tell(&Loss { reason: why.to_string(), kept, unusable, journal: found, aside, first });
    Ok((journal, opened, tables))
}

/// Applies the records that follow the tables without a gap.
struct Taking<'t> {
    tables: &'t mut Tables,
    /// The journal that they belong to. Records of another one never follow.
    own: Option<u64>,
    unusable: u64,
    trouble: Option<TablesError>,
}

impl Taking<'_> {
    fn record(&mut self, journal: u64, sequence: u64, encoded: &[u8]) {
        let (next, ours) = (self.tables.applied() + 1, self.own.is_none_or(|own| own == journal));
        if ours && sequence < next {
            return;
        }
        // After the first that cannot be taken, none can.
        let follows = ours && sequence == next && self.unusable == 0 && self.trouble.is_none();
        match Record::decode(encoded) {
            Ok(record) if follows => self.trouble = self.tables.apply(sequence, &record).err(),
            Err(reason @ RecordError::Version(_)) => self.trouble = Some(TablesError::Record { sequence, reason }),
            _ => self.unusable += 1,
        }
    }
}

/// Moves the journal into a folder of its own, all at once.
fn set_aside(data: &Path, journal: &Path) -> io::Result<PathBuf> {
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let aside = data.join(format!("lost-{}", now.replace(':', "-")));
    fs::create_dir(&aside)?;
    if journal.exists() {
        fs::rename(journal, aside.join("journal"))?;
    }
    for folder in [&aside, data] {
        File::open(folder)?.sync_all()?;
    }
    Ok(aside)
}

/// In the log, and beside what was set aside.
fn tell(loss: &Loss) {
    let text = loss.to_string();
    for line in text.lines() {
        tracing::warn!("{line}");
    }
    // The log has it, too.
    let _ = fs::write(loss.aside.join("lost.txt"), text);
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Loss { reason, kept, unusable, journal, aside, first } = self;
        writeln!(f, "a loss was accepted: {reason}")?;
        writeln!(f, "the host goes on with all up to sequence {kept}, and numbers what comes from {first} on")?;
        match journal.last.filter(|last| last > kept) {
            Some(last) => writeln!(
                f,
                "lost: sequences {} to {last}; {unusable} of these records can be read and are not taken, because they rest \
                 on what is missing",
                kept + 1
            )?,
            None => writeln!(
                f,
                "no record after {kept} can be read: if there was one, it is lost; events and history up to there can no \
                 longer be asked for"
            )?,
        }
        writeln!(
            f,
            "the former journal ({} segments, {} bytes written) is in {}",
            journal.segments,
            journal.bytes,
            aside.display()
        )
    }
}
