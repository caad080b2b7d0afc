//! What the reconciler asks of the runtime, as a trait, so that its decisions can be tested against one that records.
//!
//! Adds nothing: `Runtime` answers each by its method of the same name, `load` by `load_new`, and `publish` by `announce`.

use crate::runtime::api::{DeployError, Deployed, Refusal};
use crate::runtime::{Artifact, Runtime};
use crate::words::{SpaceName, SpaceSettings};
use bytes::Bytes;
use std::future::Future;
use std::time::Duration;

pub trait Deployer: Clone + Send + Sync + 'static {
    type Artifact: Clone + Send + Sync + 'static;

    /// What these bytes were compiled to before, if that is kept. Blocking and quick.
    fn load_known(&self, bytes: &[u8], settings: &SpaceSettings) -> Option<Self::Artifact>;
    /// Compiles. Blocking and long. The error is for people.
    fn load(&self, bytes: &[u8], settings: &SpaceSettings) -> Result<Self::Artifact, String>;
    fn deploy(
        &self,
        name: &SpaceName,
        artifact: Self::Artifact,
        settings: SpaceSettings,
    ) -> impl Future<Output = Result<Deployed, DeployError>> + Send;
    fn remove(&self, name: &SpaceName, grace: Duration) -> impl Future<Output = ()> + Send;
    fn stop(&self, name: &SpaceName) -> impl Future<Output = Result<(), Refusal>> + Send;
    fn resume(&self, name: &SpaceName) -> impl Future<Output = Result<(), Refusal>> + Send;
    fn publish(&self, topic: &str, body: Bytes) -> Result<(), Refusal>;
}

impl Deployer for Runtime {
    type Artifact = Artifact;

    fn load_known(&self, bytes: &[u8], settings: &SpaceSettings) -> Option<Artifact> {
        Runtime::load_known(self, bytes, settings)
    }

    fn load(&self, bytes: &[u8], settings: &SpaceSettings) -> Result<Artifact, String> {
        Runtime::load_new(self, bytes, settings).map_err(|error| error.to_string())
    }

    async fn deploy(
        &self,
        name: &SpaceName,
        artifact: Artifact,
        settings: SpaceSettings,
    ) -> Result<Deployed, DeployError> {
        Runtime::deploy(self, name, artifact, settings).await
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

    fn publish(&self, topic: &str, body: Bytes) -> Result<(), Refusal> {
        Runtime::announce(self, topic, body).map(drop)
    }
}
