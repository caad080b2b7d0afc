//! The interface check: what a new version lacks that others may rely on, and what follows from it.
//!
//! Owns what it is compared with and how a refusal reads; what counts as a difference is decided in `words::interface`. A
//! comparison that fails within the host is a finding, never a pass.

use super::super::Runtime;
use super::super::api::{Checked, DeployError};
use super::super::space::{Artifact, Loaded};
use crate::words::interface::{broken, deaf};
use crate::words::{Pattern, Policy, SpaceName, SpaceSettings};
use std::sync::Arc;
use std::time::Instant;

const NOT_COMPARED: &str = "the interface may have changed: comparing it failed within the host, see the log";

/// What is known of the version before.
enum Before {
    /// It serves, or has served until its file was removed: those who use it are still there.
    Whole(Arc<Loaded>),
    /// It served before the host started, and could not be brought back. The store knows what it heard, and no more.
    Heard(Vec<Pattern>),
}

impl Runtime {
    /// Adds what is found to the warnings, or refuses the version for it.
    pub(super) async fn check_interface(
        &self,
        name: &SpaceName,
        artifact: &Artifact,
        settings: &SpaceSettings,
        checked: &mut Checked,
    ) -> Result<(), DeployError> {
        let begun = Instant::now();
        let found = match self.before(name) {
            Some(before) => compare(before, artifact.clone()).await,
            // A new space promises nothing yet.
            None => Vec::new(),
        };
        checked.interface = begun.elapsed();
        match settings.reload.interface {
            Policy::Reject if !found.is_empty() => Err(DeployError::Checked(refusal(name, &found))),
            _ => {
                checked.warnings.extend(found);
                Ok(())
            }
        }
    }

    fn before(&self, name: &SpaceName) -> Option<Before> {
        let space = self.0.router.space(name)?;
        Some(space.loaded().map_or_else(|| Before::Heard(space.heard_before()), Before::Whole))
    }
}

/// Descriptors can be large and made to be slow to compare, so this takes a thread on which nobody else waits.
async fn compare(before: Before, artifact: Artifact) -> Vec<String> {
    let comparing = tokio::task::spawn_blocking(move || match before {
        Before::Whole(loaded) => broken(loaded.artifact.descriptor(), artifact.descriptor()),
        Before::Heard(patterns) => deaf(patterns.iter(), artifact.descriptor()),
    });
    comparing.await.unwrap_or_else(|_| vec![NOT_COMPARED.to_owned()])
}

fn refusal(name: &SpaceName, found: &[String]) -> String {
    format!(
        "the new version does not keep the interface of the one before:\n{}\nWhat to do: keep in the new version what is missing, \
         or put the former file back. To let it serve all the same, put these lines into spacehost.toml (and take the line out of \
         {name}.toml, if it is there):\n\n[spaces.{name}.reload]\ninterface = \"warn\"",
        found.join(";\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_all_that_was_found_and_what_to_do() {
        let name = SpaceName::parse("shop").unwrap();
        let text = refusal(&name, &["the command `list` is gone".into(), "and 3 more".into()]);
        assert!(text.contains("the command `list` is gone;\nand 3 more\nWhat to do: keep"), "{text}");
        assert!(text.ends_with("\n\n[spaces.shop.reload]\ninterface = \"warn\""), "{text}");
    }
}
