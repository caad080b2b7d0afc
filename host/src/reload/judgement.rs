//! What the bytes of a file mean for its space: nothing new, refused before, or a version to bring in.
//!
//! Pure: remembers versions and refusals by digest, knows neither files nor the runtime. Nothing here can fail; a file
//! that is refused is a judgement like any other.

use super::status::Verdict;
use crate::runtime::api::{RejectedVersion, Remembered};
use crate::words::SpaceSettings;
use std::sync::Arc;

/// blake3 in hex.
pub type Digest = Arc<str>;

/// What makes a version: the bytes and the settings. A refusal holds for both together, because other limits or another
/// config may cure it.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    pub digest: Digest,
    pub settings: Arc<SpaceSettings>,
}

impl Identity {
    pub fn rejected(&self, reason: String) -> RejectedVersion {
        RejectedVersion { digest: self.digest.clone(), settings: self.settings.fingerprint(), reason }
    }

    fn is(&self, rejected: &RejectedVersion) -> bool {
        self.digest == rejected.digest && self.settings.fingerprint() == rejected.settings
    }
}

/// A version that runs or ran.
#[derive(Debug, Clone)]
pub struct Version<A> {
    pub identity: Identity,
    pub artifact: A,
    pub generation: u64,
}

/// What is remembered of one space.
#[derive(Debug)]
pub struct Memory<A> {
    pub running: Option<Version<A>>,
    /// The one that ran before, for a rollback.
    pub former: Option<Version<A>>,
    pub rejected: Option<RejectedVersion>,
    /// What the operator went back from: not tried again until another version has served.
    pub rolled_back: Vec<Digest>,
}

impl<A> Default for Memory<A> {
    fn default() -> Self {
        Memory { running: None, former: None, rejected: None, rolled_back: Vec::new() }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It is what runs, or it was refused before; the verdict says so.
    Leave(Verdict),
    /// What runs, with other settings. The verdict is for afterwards.
    Resettle(Verdict),
    Compile,
}

impl<A> Memory<A> {
    /// `force` brings in even what runs already or was refused.
    pub fn judge(&self, found: &Identity, force: bool) -> Judgement {
        if force {
            return Judgement::Compile;
        }
        let running = self.running.as_ref().map(|version| &version.identity);
        let verdict = if self.rolled_back.contains(&found.digest) {
            rolled_back(&found.digest, "")
        } else if let Some(rejected) = self.rejected.as_ref().filter(|rejected| found.is(rejected)) {
            return Judgement::Leave(Verdict::Rejected { reason: rejected.reason.clone() });
        } else if running.is_some_and(|running| running.digest == found.digest) {
            Verdict::Serving
        } else {
            return Judgement::Compile;
        };
        match running {
            Some(running) if running.settings != found.settings => Judgement::Resettle(verdict),
            _ => Judgement::Leave(verdict),
        }
    }

    /// Other bytes than the refused ones: should those come back, they are tried again.
    pub fn forget_other_rejection(&mut self, found: &Identity) {
        self.rejected.take_if(|rejected| !found.is(rejected));
    }

    /// What outlives the host.
    pub fn remembered(&self) -> Remembered {
        Remembered { rejected: self.rejected.clone(), rolled_back: self.rolled_back.clone() }
    }

    /// What an earlier host has remembered.
    pub fn of_before(remembered: Remembered) -> Self {
        Memory { rejected: remembered.rejected, rolled_back: remembered.rolled_back, ..Memory::default() }
    }
}

/// `why`: what made an operator or the host go back, if that is still known.
pub fn rolled_back(digest: &str, why: &str) -> Verdict {
    let short = digest.get(..12).unwrap_or(digest);
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Verdict::RolledBack {
        reason: format!(
            "gone back from the version {short}{why}; it is not tried again until the file's bytes change, or with \
             `reload --force`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(digest: &str, attempts: u64) -> Identity {
        let mut settings = SpaceSettings::default();
        settings.limits.attempts = attempts;
        Identity { digest: digest.into(), settings: settings.into() }
    }

    fn memory() -> Memory<()> {
        let version = |digest, generation| Version { identity: identity(digest, 5), artifact: (), generation };
        Memory {
            running: Some(version("running", 2)),
            former: Some(version("former", 1)),
            rejected: Some(identity("rejected", 5).rejected("bad".into())),
            rolled_back: vec!["back".into()],
        }
    }

    #[test]
    fn every_kind_of_bytes_has_its_judgement() {
        let bad = || Judgement::Leave(Verdict::Rejected { reason: "bad".into() });
        let table = [
            (identity("new", 5), Judgement::Compile),
            (identity("former", 5), Judgement::Compile),
            (identity("running", 5), Judgement::Leave(Verdict::Serving)),
            (identity("running", 4), Judgement::Resettle(Verdict::Serving)),
            (identity("rejected", 5), bad()),
            (identity("rejected", 4), Judgement::Compile),
            (identity("back", 5), Judgement::Leave(rolled_back("back", ""))),
            (identity("back", 4), Judgement::Resettle(rolled_back("back", ""))),
        ];
        for (found, judgement) in table {
            assert_eq!(memory().judge(&found, false), judgement, "{}", found.digest);
            assert_eq!(memory().judge(&found, true), Judgement::Compile);
            assert_eq!(Memory::<()>::default().judge(&found, false), Judgement::Compile);
        }
    }

    #[test]
    fn what_is_remembered_holds_for_the_next_host_too() {
        let next = Memory::<()>::of_before(memory().remembered());
        for refused in [identity("rejected", 5), identity("back", 5)] {
            assert_eq!(next.judge(&refused, false), memory().judge(&refused, false));
        }
        assert_eq!(next.judge(&identity("rejected", 4), false), Judgement::Compile);
    }

    #[test]
    fn a_rejection_is_forgotten_when_the_bytes_change() {
        let mut memory = memory();
        memory.forget_other_rejection(&identity("rejected", 5));
        assert!(memory.rejected.is_some());
        memory.forget_other_rejection(&identity("running", 5));
        assert!(memory.rejected.is_none());
    }

    #[test]
    fn settings_that_were_refused_for_what_runs_are_not_tried_again() {
        let mut memory = memory();
        memory.rejected = Some(identity("running", 4).rejected("start failed".into()));
        let refused = Judgement::Leave(Verdict::Rejected { reason: "start failed".into() });
        assert_eq!(memory.judge(&identity("running", 4), false), refused);
    }
}
