//! What the reconciler asks of the runtime, as a trait, so that its decisions can be tested against one that records.
//!
//! Adds nothing: `Runtime` answers each by its method of the same name, `load` by `load_new`, and `publish` by `announce`.

use super::status::Unfit;
use crate::runtime::api::{
    Checked, DeployError, Deployed, FailedProbation, Holdings, Kept, Refusal, ReloadNote, Remembered,
};
use crate::runtime::{Artifact, Runtime};
use crate::words::{SpaceName, SpaceSettings};
use bytes::Bytes;
use std::future::Future;
use std::time::Duration;

pub trait Deployer: Clone + Send + Sync + 'static {
    type Artifact: Clone + Send + Sync + 'static;

    /// What these bytes were compiled to before, if that is kept. Blocking and quick.
    fn load_known(&self, bytes: &[u8], settings: &SpaceSettings) -> Option<Self::Artifact>;
    /// Compiles. Blocking and long.
    fn load(&self, bytes: &[u8], settings: &SpaceSettings) -> Result<Self::Artifact, Unfit>;
    /// Compares a version with the one that serves, and tries it on the past if that is kept. Changes nothing.
    fn check(
        &self,
        name: &SpaceName,
        artifact: &Self::Artifact,
        settings: &SpaceSettings,
    ) -> impl Future<Output = Result<Checked, DeployError>> + Send;
    fn deploy(
        &self,
        name: &SpaceName,
        artifact: Self::Artifact,
        settings: SpaceSettings,
    ) -> impl Future<Output = Result<Deployed, DeployError>> + Send;
    /// Back to the version before.
    fn roll_back(
        &self,
        name: &SpaceName,
        artifact: Self::Artifact,
        settings: SpaceSettings,
    ) -> impl Future<Output = Result<Deployed, DeployError>> + Send;
    /// Waits for a version that fails right after it was swapped in.
    fn failed_probation(&self) -> impl Future<Output = FailedProbation> + Send;
    fn quarantine(&self, name: &SpaceName, reason: &str) -> impl Future<Output = ()> + Send;
    fn park(&self, name: &SpaceName, reason: &str) -> impl Future<Output = ()> + Send;
    fn remove(&self, name: &SpaceName, grace: Duration) -> impl Future<Output = ()> + Send;
    fn stop(&self, name: &SpaceName) -> impl Future<Output = Result<(), Refusal>> + Send;
    fn resume(&self, name: &SpaceName) -> impl Future<Output = Result<(), Refusal>> + Send;
    fn purge(&self, name: &SpaceName) -> impl Future<Output = Result<Holdings, Refusal>> + Send;
    fn publish(&self, topic: &str, body: Bytes) -> Result<(), Refusal>;
    /// What the data folder knows of the space's versions.
    fn kept(&self, name: &SpaceName) -> Kept;
    /// Copies a component to the data folder. Blocking; the error is for people.
    fn keep_component(&self, bytes: &[u8]) -> Result<(), String>;
    /// Blocking; the error is for people.
    fn kept_component(&self, digest: &str) -> Result<Vec<u8>, String>;
    fn remember(&self, name: &SpaceName, remembered: &Remembered);
    fn note_reload(&self, name: &SpaceName, note: &ReloadNote);
    /// A line of the audit trail.
    fn note_refusal(&self, name: &SpaceName, cause: &'static str, reason: &str);
    /// Blocking.
    fn forget_old_components(&self);
}

impl Deployer for Runtime {
    type Artifact = Artifact;

    fn load_known(&self, bytes: &[u8], settings: &SpaceSettings) -> Option<Artifact> {
        Runtime::load_known(self, bytes, settings)
    }

    fn load(&self, bytes: &[u8], settings: &SpaceSettings) -> Result<Artifact, Unfit> {
        let loaded = Runtime::load_new(self, bytes, settings);
        loaded.map_err(|error| Unfit { passing: error.is_passing(), reason: error.to_string() })
    }

    async fn check(
        &self,
        name: &SpaceName,
        artifact: &Artifact,
        settings: &SpaceSettings,
    ) -> Result<Checked, DeployError> {
        Runtime::check(self, name, artifact, settings).await
    }

    async fn deploy(
        &self,
        name: &SpaceName,
        artifact: Artifact,
        settings: SpaceSettings,
    ) -> Result<Deployed, DeployError> {
        Runtime::deploy(self, name, artifact, settings).await
    }

    async fn roll_back(
        &self,
        name: &SpaceName,
        artifact: Artifact,
        settings: SpaceSettings,
    ) -> Result<Deployed, DeployError> {
        Runtime::roll_back(self, name, artifact, settings).await
    }

    async fn failed_probation(&self) -> FailedProbation {
        Runtime::failed_probation(self).await
    }

    async fn quarantine(&self, name: &SpaceName, reason: &str) {
        Runtime::quarantine(self, name, reason).await;
    }

    async fn park(&self, name: &SpaceName, reason: &str) {
        Runtime::park(self, name, reason).await;
    }

    async fn remove(&self, name: &SpaceName, grace: Duration) {
        Runtime::remove(self, name, grace).await;
    }

    async fn stop(&self, name: &SpaceName) -> Result<(), Refusal> {
        Runtime::stop(self, name).await
    }

    async fn resume(&self, name: &SpaceName) -> Result<(), Refusal> {
        Runtime::resume(self, name).await
    }

    async fn purge(&self, name: &SpaceName) -> Result<Holdings, Refusal> {
        Runtime::purge(self, name).await
    }

    fn publish(&self, topic: &str, body: Bytes) -> Result<(), Refusal> {
        Runtime::announce(self, topic, body).map(drop)
    }

    fn kept(&self, name: &SpaceName) -> Kept {
        Runtime::kept(self, name)
    }

    fn keep_component(&self, bytes: &[u8]) -> Result<(), String> {
        Runtime::keep_component(self, bytes)
    }

    fn kept_component(&self, digest: &str) -> Result<Vec<u8>, String> {
        Runtime::kept_component(self, digest)
    }

    fn remember(&self, name: &SpaceName, remembered: &Remembered) {
        Runtime::remember(self, name, remembered);
    }

    fn note_reload(&self, name: &SpaceName, note: &ReloadNote) {
        Runtime::note_reload(self, name, note);
    }

    fn note_refusal(&self, name: &SpaceName, cause: &'static str, reason: &str) {
        self.audit().of_file(name, cause, reason);
    }

    fn forget_old_components(&self) {
        Runtime::forget_old_components(self);
    }
}
