//! What the outside sees of the files and their spaces: status, report, error. Plain data.
//!
//! Knows nothing of how a file is watched or a version deployed.

use crate::runtime::api::{DeployError, Refusal};
use crate::words::SpaceName;
use serde::Serialize;

/// One file of the folder, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileStatus {
    /// The space's name. For a file whose name can be no space's, its stem: never a legal space name.
    pub name: String,
    pub file: String,
    /// blake3 of the file's bytes when last read, in hex; not necessarily what runs.
    pub digest: Option<String>,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// When the verdict was reached, in milliseconds since 1970.
    pub since_ms: u64,
    pub last_reload: Option<ReloadReport>,
}

/// What is to be said of a file. Whatever is wrong with it, a version that served before goes on serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    Serving,
    /// Seen and being read, compiled or swapped in.
    Compiling,
    /// Read, but it cannot be a version of the space.
    Rejected {
        reason: String,
    },
    /// It asks for more than it is granted.
    Parked {
        reason: String,
    },
    /// Not even read.
    Unreadable {
        reason: String,
    },
    /// The file is gone; the space was drained and its state is kept.
    Removed,
    /// The operator went back to the version before this file's.
    RolledBack {
        reason: String,
    },
    /// The operator stopped the space.
    Stopped,
}

/// Why bytes gave no version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// For people.
    pub reason: String,
    /// No fault of the bytes: they are not remembered for it, and another try may succeed.
    pub passing: bool,
}

impl Unfit {
    pub fn lasting(reason: impl Into<String>) -> Self {
        Unfit { reason: reason.into(), passing: false }
    }

    pub fn passing(reason: impl Into<String>) -> Self {
        Unfit { reason: reason.into(), passing: true }
    }
}

impl ReloadReport {
    /// Each step and what it took, in microseconds.
    pub fn steps(&self) -> Vec<(String, u64)> {
        let steps = [
            ("compile", self.compile_ms * 1_000),
            ("check", self.check_us),
            ("replay", self.replay_us),
            ("instantiate", self.instantiate_us),
            ("barrier", self.barrier_us),
            ("migrate", self.migrate_us),
            ("pause", self.pause_us),
        ];
        steps.into_iter().map(|(step, took)| (step.to_owned(), took)).collect()
    }
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Serving => "serving",
            Verdict::Compiling => "compiling",
            Verdict::Rejected { .. } => "rejected",
            Verdict::Parked { .. } => "parked",
            Verdict::Unreadable { .. } => "unreadable",
            Verdict::Removed => "removed",
            Verdict::RolledBack { .. } => "rolled-back",
            Verdict::Stopped => "stopped",
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Verdict::Rejected { reason }
            | Verdict::Parked { reason }
            | Verdict::Unreadable { reason }
            | Verdict::RolledBack { reason } => Some(reason),
            Verdict::Serving | Verdict::Compiling | Verdict::Removed | Verdict::Stopped => None,
        }
    }
}

/// The last swap of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReloadReport {
    /// None: the space was new.
    pub from_generation: Option<u64>,
    pub to_generation: u64,
    pub from_digest: Option<String>,
    pub to_digest: String,
    /// Compiling and checking together; 0 when a compiled version was at hand.
    pub compile_ms: u64,
    /// Comparing its interface with the one before.
    pub check_us: u64,
    /// Trying it on the past.
    pub replay_us: u64,
    pub instantiate_us: u64,
    /// Until all turns in hand had ended.
    pub barrier_us: u64,
    /// `start` and `migrate`.
    pub migrate_us: u64,
    pub pause_us: u64,
    /// What the checks have found; it serves all the same.
    pub warnings: Vec<String>,
}

/// Why an operator's order was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReloadError {
    #[error("there is no file `{0}.wasm` in the folder, and no space of that name: put the file there first")]
    Unknown(SpaceName),
    #[error("`{0}` is stopped: start it first (`spacehost start {0}`)")]
    Stopped(SpaceName),
    #[error("`{0}` has no former version to go back to: put the former file into the folder instead")]
    NoFormerVersion(SpaceName),
    #[error("the former version of `{space}` was refused, the present one goes on: {error}")]
    Refused { space: SpaceName, error: DeployError },
    #[error("`{space}` did not take the order: {refusal}")]
    Runtime { space: SpaceName, refusal: Refusal },
    #[error("nothing is known of the files now: {0}")]
    Folder(String),
    #[error("the host is shutting down")]
    Stopping,
}
