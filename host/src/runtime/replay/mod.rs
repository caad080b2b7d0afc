//! Replay: a candidate handles recorded messages on the state as it was before them, and what it does is compared with what
//! was recorded. As a gate before a new version serves, or by hand.
//!
//! ```text
//! pages of the present state (actors)   journal -> tape: the last turns, their former values
//!              '---------- undo, newest first ----------'
//!                                |
//!          state before -> detached turn of the candidate -> compare -> report
//!                ^------------ recorded writes ------------'
//! ```
//!
//! Changes nothing: no record is written, no sequence taken, nothing delivered, no turn waits but for a page to be copied.
//! Must not know HTTP or files. Fails when there is no past, or when the space becomes another one meanwhile.

mod compare;
mod detached;
mod effects;
mod gate;
mod rebuilt;
mod report;
mod shown;
mod tape;
mod trial;

pub use report::{Replayed, Told, Verdict};

use super::api::Refusal;
use super::history::HistoryError;
use super::space::{Artifact, Former, Space};
use super::{Runtime, past, stored};
use crate::words::{SpaceName, SpaceSettings};
use effects::Taped;
use rebuilt::Snapshot;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tape::{Messages, Tape, Wanted};
use tokio::runtime::Handle;
use trial::Trial;

/// Replays that run at once: each computes, and holds turns and a state in memory.
pub(super) const AT_ONCE: usize = 2;

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The last so many turns of the space.
    pub messages: usize,
    /// What has not been tried by then is counted as not tried.
    pub time: Duration,
}

/// Why nothing was tried.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Past(#[from] HistoryError),
    #[error("the space was deployed or purged, or changed by too much, while its state was read: try again")]
    Changed,
    #[error("a turn in hand did not end within {0:?}, and until then the state cannot be read: try again")]
    Busy(Duration),
    #[error("it does not link for a trial: {0}")]
    Link(String),
    #[error("the replay failed within the host: see the log")]
    Panicked,
}

impl Runtime {
    /// Tries `artifact` on the last recorded messages of `name`.
    pub async fn replay(
        &self,
        name: &SpaceName,
        artifact: &Artifact,
        settings: &SpaceSettings,
        bounds: Bounds,
    ) -> Result<Replayed, ReplayError> {
        let journal = self.0.router.journal.clone().ok_or(HistoryError::NotKept)?;
        // The semaphore is never closed.
        let place = self.0.replays.clone().acquire_owned().await.map_err(|_| ReplayError::Panicked)?;
        let known = self.0.router.space(name).and_then(|space| space.former().map(|former| (space, former)));
        let (space, former) = known.ok_or_else(|| Refusal::UnknownSpace(name.clone()))?;
        let deadline = Instant::now() + bounds.time;
        let at = self.0.router.ledger.last();
        let reading = snapshots(&space);
        let snapshots =
            tokio::time::timeout(bounds.time, reading).await.map_err(|_| ReplayError::Busy(bounds.time))??;
        let until = snapshots.iter().map(|snapshot| snapshot.until).max().unwrap_or(at);
        self.durable_up_to(until).await;
        let trial = self.trial(&space, &former, artifact, settings, deadline)?;
        let (space, generation) = (name.to_string(), former.generation());
        let wanted = Wanted { space, generation, turns: bounds.messages, at, until };
        let work = Work { runtime: self.clone(), journal, wanted, snapshots, trial };
        // Guests compute here, so it is on no thread that has others to serve.
        let handle = Handle::current();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            handle.block_on(work.done())
        });
        done.await.map_err(|_| ReplayError::Panicked)?
    }

    async fn durable_up_to(&self, sequence: u64) {
        self.0.router.gate.durable(sequence).await;
    }

    fn trial(
        &self,
        space: &Space,
        former: &Former,
        artifact: &Artifact,
        settings: &SpaceSettings,
        deadline: Instant,
    ) -> Result<Trial, ReplayError> {
        let candidate = self.for_trial(artifact).map_err(|error| ReplayError::Link(error.to_string()))?;
        let migrates = former.version != artifact.descriptor().version && artifact.has_lifecycle();
        Ok(Trial {
            candidate,
            settings: Arc::new(settings.clone()),
            host_id: self.0.router.host_id.as_str().into(),
            space: space.name.clone(),
            memory: space.memory.clone(),
            from: migrates.then(|| former.version.clone()),
            deadline,
        })
    }
}

/// Each partition's state, page by page between its turns.
async fn snapshots(space: &Space) -> Result<Vec<Snapshot>, Refusal> {
    let mut snapshots = Vec::new();
    for partition in &space.partitions {
        let (mut snapshot, mut after) = (Snapshot::default(), None);
        loop {
            let shown = stored::show(partition, Vec::new(), u32::MAX, after).await?;
            after = snapshot.take(shown.page, shown.sequence);
            if after.is_none() {
                break;
            }
        }
        snapshots.push(snapshot);
    }
    Ok(snapshots)
}

/// All that a replay needs once the state has been read.
struct Work {
    runtime: Runtime,
    journal: PathBuf,
    wanted: Wanted,
    snapshots: Vec<Snapshot>,
    trial: Trial,
}

impl Work {
    async fn done(self) -> Result<Replayed, ReplayError> {
        let Work { runtime, journal, wanted, mut snapshots, trial } = self;
        let tape = tape::read(&journal, &wanted)?;
        undo(&tape, &mut snapshots);
        let mut replayed = Replayed { not_tried: tape.left_out, notes: notes(&tape, &trial), ..Replayed::default() };
        let mut messages = Messages::new(&journal);
        for (partition, snapshot) in (0..).zip(snapshots) {
            let mut candidate = trial.on(partition, snapshot.into_state());
            for taped in tape.turns.iter().filter(|taped| taped.partition == partition) {
                if runtime.0.is_stopping() {
                    return Err(Refusal::Stopping.into());
                }
                let message = messages.of(taped);
                let (kind, name) = message.as_ref().map_or(("message", "?".into()), |message| {
                    (message.kind.word(), shown::short(&shown::printable(message.kind.name())))
                });
                let verdict = candidate.handle(taped, message).await;
                replayed.count(verdict, |lines| told(taped, kind, name, lines));
            }
        }
        Ok(replayed)
    }
}

/// From the present back to before the first turn of the tape.
fn undo(tape: &Tape, snapshots: &mut [Snapshot]) {
    let later = tape.later.iter().map(|(sequence, partition, former)| (*sequence, *partition, former));
    let taped = tape.turns.iter().map(|taped| (taped.sequence, taped.partition, &taped.former));
    for (sequence, partition, former) in taped.chain(later).rev() {
        if let Some(snapshot) = snapshots.get_mut(partition as usize) {
            snapshot.undo(sequence, former);
        }
    }
}

fn told(taped: &Taped, kind: &str, name: String, lines: Vec<String>) -> Told {
    let (sequence, partition) = (taped.sequence, taped.partition);
    Told { message: past::id_of(taped.id).to_string(), sequence, partition, kind: kind.to_owned(), name, lines }
}

fn notes(tape: &Tape, trial: &Trial) -> Vec<String> {
    let migrated = trial.from.as_ref().map(|from| {
        format!(
            "`migrate` from version `{}` ran before each message; where it changes the form of the state, writes differ, and \
             that is to be expected",
            shown::printable(from)
        )
    });
    let end = tape.end.as_ref().map(|end| format!("it goes back no further: {end}"));
    migrated.into_iter().chain(end).collect()
}
