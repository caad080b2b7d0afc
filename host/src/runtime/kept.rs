//! What the data folder keeps of a space's versions: which one serves, its component, which are not to be tried again, and
//! how each reload ended. In memory nothing is kept, and all of this is a matter of course.
//!
//! Decides nothing. Fails where a component cannot be copied or read.

use super::Runtime;
use super::api::{Kept, RejectedVersion, ReloadNote, Remembered};
use super::history::HistoryError;
use super::space::turn::now_ms;
use crate::store::ledger::Scribe;
use crate::store::record::{Memory, Record, Rejected, Reload};
use crate::words::SpaceName;
use std::collections::{HashSet, VecDeque};

impl Runtime {
    /// What is known of the space from before the host started, as long as it has not been deployed.
    pub fn kept(&self, name: &SpaceName) -> Kept {
        let past = self.0.past();
        past.kept(name)
    }

    /// Copies a component to the data folder; it is on disk when this returns. Blocking.
    pub fn keep_component(&self, bytes: &[u8]) -> Result<(), String> {
        let Some(artifacts) = &self.0.artifacts else { return Ok(()) };
        artifacts.keep(bytes).map_err(|error| error.to_string())
    }

    /// The component of that digest. Blocking.
    pub fn kept_component(&self, digest: &str) -> Result<Vec<u8>, String> {
        match &self.0.artifacts {
            Some(artifacts) => artifacts.get(digest).map_err(|error| error.to_string()),
            None => Err("the host runs in memory and keeps no components".to_owned()),
        }
    }

    /// Removes copies that no space needs, if they are too many. Blocking.
    pub fn forget_old_components(&self) {
        let Some(artifacts) = &self.0.artifacts else { return };
        let spaces = self.0.router.table();
        let serving = spaces.values().filter_map(|space| space.former());
        let needed: HashSet<String> = serving.map(|former| former.digest().to_owned()).collect();
        if let Err(error) = artifacts.shrink(&needed) {
            tracing::warn!("old components could not be removed from the data folder: {error}");
        }
    }

    /// What is remembered of the space's versions from here on.
    pub fn remember(&self, name: &SpaceName, remembered: &Remembered) {
        let rejected = remembered.rejected.as_ref();
        let rejected = rejected.map(|rejected| Rejected {
            digest: &rejected.digest,
            settings: rejected.settings,
            reason: &rejected.reason,
        });
        let rolled_back = remembered.rolled_back.iter().map(AsRef::as_ref).collect();
        self.write(&Record::Remembered { space: name.as_str(), memory: Memory { rejected, rolled_back } });
    }

    /// Writes down how a reload ended.
    pub fn note_reload(&self, name: &SpaceName, note: &ReloadNote) {
        self.0.reload_counts.note(name, note);
        let reload = Reload {
            from_generation: note.from_generation,
            to_generation: note.to_generation,
            from_digest: note.from_digest.as_deref(),
            to_digest: note.to_digest.as_deref(),
            verdict: &note.verdict,
            reason: &note.reason,
            took_us: note.took_us.iter().map(|(step, took)| (step.as_str(), *took)).collect(),
        };
        self.write(&Record::Reloaded { space: name.as_str(), reload, time_ms: now_ms() });
    }

    fn write(&self, record: &Record<'_>) {
        let ledger = &self.0.router.ledger;
        if ledger.keeps_records() {
            Scribe::default().submit(ledger, record);
        }
    }

    /// The last reloads of a space, oldest first. Blocking.
    pub fn reloads(&self, name: &SpaceName, last: usize) -> Result<Vec<ReloadNote>, HistoryError> {
        let mut found = VecDeque::new();
        self.each_record(|sequence, record| {
            if let Record::Reloaded { space, reload, time_ms } = record
                && space == name.as_str()
            {
                found.push_back(note_of(sequence, &reload, time_ms));
                if found.len() > last {
                    found.pop_front();
                }
            }
        })?;
        Ok(found.into())
    }
}

fn note_of(sequence: u64, reload: &Reload<'_>, time_ms: u64) -> ReloadNote {
    ReloadNote {
        sequence,
        time_ms,
        from_generation: reload.from_generation,
        to_generation: reload.to_generation,
        from_digest: reload.from_digest.map(str::to_owned),
        to_digest: reload.to_digest.map(str::to_owned),
        verdict: reload.verdict.to_owned(),
        reason: reload.reason.to_owned(),
        took_us: reload.took_us.iter().map(|(step, took)| ((*step).to_owned(), *took)).collect(),
    }
}

impl From<crate::store::tables::image::Memory> for Remembered {
    fn from(memory: crate::store::tables::image::Memory) -> Self {
        let rejected = memory.rejected.map(|rejected| RejectedVersion {
            digest: rejected.digest.into(),
            settings: rejected.settings,
            reason: rejected.reason,
        });
        Remembered { rejected, rolled_back: memory.rolled_back.into_iter().map(Into::into).collect() }
    }
}
