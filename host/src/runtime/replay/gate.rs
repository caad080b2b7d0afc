//! The replay gate: what follows for a new version from a replay. Off unless `replay_messages` says how many messages.
//!
//! Owns the policy, and the words in which a version is refused. Must not know how a replay goes. A replay that cannot be made
//! is a finding like any other: a version that could not be tried has not passed.

use super::{Bounds, ReplayError, Replayed};
use crate::runtime::Runtime;
use crate::runtime::api::{Checked, DeployError, Refusal};
use crate::runtime::space::Artifact;
use crate::words::{Policy, SpaceName, SpaceSettings};
use std::time::{Duration, Instant};

/// A reload must not take for ever, however many messages are wanted.
const TIME: Duration = Duration::from_secs(10);

impl Runtime {
    /// Tries a new version on the past, if the space's settings want that. What it finds goes to `checked`, or keeps the
    /// version out.
    pub(in crate::runtime) async fn replay_gate(
        &self,
        name: &SpaceName,
        artifact: &Artifact,
        settings: &SpaceSettings,
        checked: &mut Checked,
    ) -> Result<(), DeployError> {
        let messages = usize::try_from(settings.limits.replay_messages).unwrap_or(usize::MAX);
        let serves = self.0.router.space(name).and_then(|space| space.former());
        let is_new = serves.is_some_and(|former| former.digest() != artifact.digest());
        if messages == 0 || !is_new || self.0.router.journal.is_none() {
            return Ok(());
        }
        let begun = Instant::now();
        let replayed = self.replay(name, artifact, settings, Bounds { messages, time: TIME }).await;
        checked.replay = begun.elapsed();
        match judge(name, settings.reload.replay, &replayed) {
            Judgement::Pass => Ok(()),
            Judgement::Warn(finding) => {
                checked.warnings.push(finding);
                Ok(())
            }
            Judgement::Refuse(error) => Err(error),
        }
    }
}

#[derive(Debug)]
enum Judgement {
    Pass,
    Warn(String),
    Refuse(DeployError),
}

fn judge(name: &SpaceName, policy: Policy, replayed: &Result<Replayed, ReplayError>) -> Judgement {
    let (finding, fails, next) = match replayed {
        Err(ReplayError::Refused(Refusal::Stopping)) => return Judgement::Refuse(DeployError::Stopping),
        Err(error) => {
            let finding = format!("it could not be tried on the recorded messages: {error}");
            (finding, true, format!("`spacehost reload {name} --force` tries it again"))
        }
        Ok(replayed) if replayed.different == 0 && !replayed.is_partial() => return Judgement::Pass,
        Ok(replayed) => {
            let lines = format!("[spaces.{name}.reload]\nreplay = \"warn\"");
            let next = format!("to let it serve all the same, put these lines into spacehost.toml:\n{lines}");
            (format!("tried on {replayed}"), replayed.different > 0, next)
        }
    };
    match policy {
        Policy::Reject if fails => {
            Judgement::Refuse(DeployError::Checked(format!("the replay gate refuses it: {finding}\n{next}")))
        }
        _ => Judgement::Warn(finding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::history::HistoryError;
    use Judgement::{Pass, Refuse, Warn};

    fn judged(policy: Policy, replayed: Result<Replayed, ReplayError>) -> Judgement {
        judge(&SpaceName::parse("a").unwrap(), policy, &replayed)
    }

    #[test]
    fn only_a_difference_keeps_a_version_out_and_what_was_not_compared_is_said() {
        let (same, unlike) =
            (Replayed { same: 3, ..Replayed::default() }, Replayed { different: 1, ..Default::default() });
        let unsure = Replayed { same: 2, not_comparable: 1, ..Replayed::default() };
        assert!(matches!(judged(Policy::Reject, Ok(same)), Pass));
        assert!(matches!(judged(Policy::Warn, Ok(unlike.clone())), Warn(_)));
        assert!(matches!(judged(Policy::Reject, Ok(unsure)), Warn(text) if text.contains("1 not comparable")));
        let Refuse(DeployError::Checked(text)) = judged(Policy::Reject, Ok(unlike)) else { panic!("it passes") };
        assert!(text.contains("1 different") && text.ends_with("[spaces.a.reload]\nreplay = \"warn\""), "{text}");
    }

    #[test]
    fn a_version_that_could_not_be_tried_has_not_passed() {
        let unreadable = || Err(HistoryError::Unreadable("torn".into()).into());
        assert!(matches!(judged(Policy::Warn, unreadable()), Warn(text) if text.contains("torn")));
        let Refuse(DeployError::Checked(text)) = judged(Policy::Reject, unreadable()) else { panic!("it passes") };
        assert!(text.contains("torn") && text.ends_with("`spacehost reload a --force` tries it again"), "{text}");
        assert!(matches!(judged(Policy::Reject, Err(Refusal::Stopping.into())), Refuse(DeployError::Stopping)));
    }
}
