//! The checks of a new version before it serves: whether it is granted what it asks for, whether its interface keeps what the version before had, and whether it does
//! the same with the messages of the past.
//!
//! Changes nothing. A finding is a warning or keeps the version out, as the space's settings say.

mod grants;
mod interface;

use super::Runtime;
use super::api::{Checked, DeployError};
use super::space::Artifact;
use crate::words::{SpaceName, SpaceSettings};

impl Runtime {
    /// Compares `artifact` with the version of `name` that serves.
    pub async fn check(
        &self,
        name: &SpaceName,
        artifact: &Artifact,
        settings: &SpaceSettings,
    ) -> Result<Checked, DeployError> {
        let mut checked = Checked { warnings: self.check_grants(name, artifact, settings)?, ..Checked::default() };
        self.check_interface(name, artifact, settings, &mut checked).await?;
        self.replay_gate(name, artifact, settings, &mut checked).await?;
        Ok(checked)
    }
}
