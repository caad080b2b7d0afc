//! The check of grants: a version that asks for more than it is granted does not serve.
//!
//! Owns the warning about topics that others keep private: a subscription may take in some of those and others, so it is no
//! reason to refuse. What is asked and granted is compared in `words::grants`.

use super::super::Runtime;
use super::super::api::DeployError;
use super::super::space::{Artifact, Loaded};
use crate::words::{SpaceName, SpaceSettings};
use std::sync::Arc;

impl Runtime {
    /// What it will not hear although it subscribes to it.
    pub(super) fn check_grants(
        &self,
        name: &SpaceName,
        artifact: &Artifact,
        settings: &SpaceSettings,
    ) -> Result<Vec<String>, DeployError> {
        if let Some(missing) = settings.grants.missing(name, artifact.descriptor()) {
            return Err(DeployError::Ungranted(missing.to_string()));
        }
        let table = self.0.router.table();
        let others = table.values().filter(|space| space.name != *name);
        let served = others.filter_map(|space| Some((&space.name, space.loaded()?)));
        Ok(served.flat_map(|(owner, loaded)| kept_from(name, artifact, settings, owner, &loaded)).collect())
    }
}

fn kept_from(
    name: &SpaceName,
    artifact: &Artifact,
    settings: &SpaceSettings,
    owner: &SpaceName,
    loaded: &Arc<Loaded>,
) -> Vec<String> {
    let events = &loaded.artifact.descriptor().events;
    let private = || events.iter().filter(|event| event.private).map(|event| &event.topic);
    let mut warnings = Vec::new();
    for heard in artifact.descriptor().subscriptions.iter().map(|subscription| &subscription.pattern) {
        let kept = private().filter(|kept| heard.overlaps(kept) && !settings.grants.covers_private(kept));
        warnings.extend(kept.map(|kept| {
            format!(
                "its subscription `{heard}` takes in `{kept}`, which `{owner}` keeps private, so it does not hear that. To grant \
                 it, add to `subscribe` of [spaces.{name}.grants] in spacehost.toml: \"{kept}\""
            )
        }));
    }
    warnings
}
