//! What the host is like in numbers: of each space, of the journal, of itself. Gathered when somebody asks.
//!
//! Reads counters and decides nothing. Must not know in which form the numbers are shown. Cannot fail.

use super::Runtime;
use super::api::{Figures, Flow, HostFigures, ReloadCount, ReloadNote};
use crate::words::SpaceName;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many reloads of each space have ended in which way, since the start. Bounded by the names of files and the verdicts.
#[derive(Default)]
pub struct ReloadCounts(Mutex<BTreeMap<(SpaceName, String), u64>>);

impl ReloadCounts {
    pub fn note(&self, name: &SpaceName, note: &ReloadNote) {
        *self.lock().entry((name.clone(), note.verdict.clone())).or_default() += 1;
    }

    fn read(&self) -> Vec<ReloadCount> {
        let count = |((name, verdict), count): (&(SpaceName, String), &u64)| ReloadCount {
            space: name.clone(),
            verdict: verdict.clone(),
            count: *count,
        };
        self.lock().iter().map(count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(SpaceName, String), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    /// Who has sent how much to whom since the start.
    pub fn flow(&self) -> Flow {
        self.0.router.flows.read()
    }

    /// All numbers as of now.
    pub fn figures(&self) -> Figures {
        let table = self.0.router.table();
        let mut spaces: Vec<_> = table.values().filter_map(|space| space.figures()).collect();
        spaces.sort_by(|a, b| a.name.cmp(&b.name));
        let traces = self.traces();
        let host = HostFigures {
            listeners: self.0.router.listeners.len() as u64,
            missed_by_listeners: self.0.router.listeners.missed(),
            lost_spans: traces.are_on().then(|| traces.lost()),
            journal: self.0.router.ledger.figures(),
        };
        Figures { host, reloads: self.0.reload_counts.read(), spaces }
    }

    /// The windows of recent latencies move on. Whoever wants them to move calls this every `WINDOW_STEP`.
    pub fn roll_windows(&self) {
        self.0.router.table().values().for_each(|space| space.roll());
    }
}
