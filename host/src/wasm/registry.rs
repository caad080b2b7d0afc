//! Artifacts: compiled components that fit the contract, with what they say of themselves.
//!
//! Owns what all instances of a component share. Must not know how it was compiled. `describe` runs guest code, in an
//! instance of its own and under the start budget.

use super::compile::CompileError;
use super::contract::{Mismatch, Shape};
use super::host_api::HostCalls;
use super::instance::{Broken, Instance, Path, Source};
use super::limiter::Limiter;
use super::memory::SpaceMemory;
use crate::words::descriptor::DescriptorError;
use crate::words::{Descriptor, Limits};
use std::sync::Arc;

/// Why a component cannot be a space.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the file has {bytes} bytes; `component_bytes` allows {allowed}")]
    TooLarge { bytes: u64, allowed: u64 },
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("it does not fit the world of this host: {0}")]
    World(#[from] Mismatch),
    #[error("it does not link: {0}")]
    Link(String),
    #[error("`describe` failed: {0}")]
    Describe(Broken),
    #[error("{0}")]
    Descriptor(#[from] DescriptorError),
}

impl LoadError {
    /// No fault of the component: another try may succeed.
    pub fn is_passing(&self) -> bool {
        matches!(self, LoadError::Compile(error) if error.is_passing())
    }
}

pub(super) struct Inner<H: 'static> {
    pub digest: String,
    pub descriptor: Arc<Descriptor>,
    pub shape: Shape,
    pub source: Source<H>,
}

/// A loaded component, shared by all partitions that run it. Cheap to clone.
pub struct Artifact<H: 'static>(Arc<Inner<H>>);

impl<H> Clone for Artifact<H> {
    fn clone(&self) -> Self {
        Artifact(self.0.clone())
    }
}

impl<H: HostCalls> Artifact<H> {
    pub(super) fn of(inner: Inner<H>) -> Self {
        Artifact(Arc::new(inner))
    }

    pub(super) fn inner(&self) -> &Inner<H> {
        &self.0
    }

    /// A fresh instance on the path that the component needs. It is not started.
    /// Its memory counts as that of the space.
    pub async fn instantiate(
        &self,
        limits: &Limits,
        memory: &Arc<SpaceMemory>,
        host: H,
    ) -> Result<Instance<H>, (Broken, H)> {
        self.0.instantiate(limits, memory, host).await
    }

    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    pub fn descriptor(&self) -> &Arc<Descriptor> {
        &self.0.descriptor
    }

    /// The functions of the contract that it imports, and WASI interfaces.
    pub fn imports(&self) -> &[String] {
        &self.0.shape.imports
    }

    pub fn has_lifecycle(&self) -> bool {
        self.0.shape.has_lifecycle
    }

    pub fn path(&self) -> Path {
        self.0.source.path.path()
    }

    /// A call needed more than a slice: the sync path is not for this component.
    pub fn leave_sync_path(&self) {
        self.0.source.path.leave_sync();
    }
}

impl<H: HostCalls> Inner<H> {
    async fn instantiate(
        &self,
        limits: &Limits,
        memory: &Arc<SpaceMemory>,
        host: H,
    ) -> Result<Instance<H>, (Broken, H)> {
        let wasi_seed = self.shape.uses_wasi.then(|| seed_of(&self.digest));
        let limiter = Limiter::new(limits, memory.clone());
        Instance::new(&self.source, limits, limiter, host, wasi_seed).await
    }

    /// What the component says of itself, as it says it.
    pub async fn describe(&self, limits: &Limits, memory: &Arc<SpaceMemory>, host: H) -> Result<String, LoadError> {
        let mut instance =
            self.instantiate(limits, memory, host).await.map_err(|(broken, _)| LoadError::Describe(broken))?;
        instance.describe(limits).await.map_err(LoadError::Describe)
    }
}

/// The same component gets the same WASI randomness, so that a repeated turn goes the same way.
fn seed_of(digest: &str) -> u64 {
    u64::from_str_radix(&digest[..16], 16).unwrap_or_default()
}
