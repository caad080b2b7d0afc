//! Artifacts: compiled components that fit the contract, with what they say of themselves.
//!
//! Loading runs guest code once (`describe`), in an instance of its own and under the start budget.

use super::compile::{CompileError, compile};
use super::contract::{self, Mismatch, Shape};
use super::engine::Engine;
use super::host_api::{Guest, HostCalls, add_to_linker};
use super::instance::{Broken, Exports, Instance, Path, PathChoice, Source};
use crate::words::descriptor::DescriptorError;
use crate::words::{Descriptor, Limits};
use futures::executor::block_on;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use wasmtime::component::{Component, InstancePre, Linker};

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

struct Inner<H: 'static> {
    digest: String,
    descriptor: Arc<Descriptor>,
    shape: Shape,
    source: Source<H>,
}

/// A loaded component, shared by all partitions that run it. Cheap to clone.
pub struct Artifact<H: 'static>(Arc<Inner<H>>);

impl<H> Clone for Artifact<H> {
    fn clone(&self) -> Self {
        Artifact(self.0.clone())
    }
}

impl<H: HostCalls> Artifact<H> {
    /// Compiles, checks and describes. Blocks for as long as compilation takes. `host` stands in for the runtime while
    /// `describe` runs.
    pub fn load(engine: &Engine, bytes: &[u8], limits: &Limits, host: H) -> Result<Self, LoadError> {
        if bytes.len() as u64 > limits.component_bytes {
            return Err(LoadError::TooLarge { bytes: bytes.len() as u64, allowed: limits.component_bytes });
        }
        let digest = blake3::hash(bytes).to_hex().to_string();
        let component = compile(engine, bytes)?;
        let shape = contract::check(engine.wasmtime(), &component)?;
        let pre = link(engine, &component, &shape).map_err(|e| LoadError::Link(super::one_line(&e)))?;
        let exports = Exports::find(&component, shape.has_lifecycle).map_err(LoadError::Link)?;
        let path = PathChoice { may_wait: shape.may_wait, outlived_slice: AtomicBool::new(false) };
        let mut inner = Inner {
            digest,
            descriptor: Arc::new(Descriptor::unknown()),
            source: Source { pre, exports, path: Arc::new(path) },
            shape,
        };
        inner.descriptor = Arc::new(block_on(describe(&inner, limits, host))?);
        Ok(Artifact(Arc::new(inner)))
    }

    /// A fresh instance on the path that the component needs. It is not started.
    pub async fn instantiate(&self, limits: &Limits, host: H) -> Result<Instance<H>, (Broken, H)> {
        self.0.instantiate(limits, host).await
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
    async fn instantiate(&self, limits: &Limits, host: H) -> Result<Instance<H>, (Broken, H)> {
        let wasi_seed = self.shape.uses_wasi.then(|| seed_of(&self.digest));
        Instance::new(&self.source, limits, host, wasi_seed).await
    }
}

/// The same component gets the same WASI randomness, so that a repeated turn goes the same way.
fn seed_of(digest: &str) -> u64 {
    u64::from_str_radix(&digest[..16], 16).unwrap_or_default()
}

fn link<H: HostCalls>(
    engine: &Engine,
    component: &Component,
    shape: &Shape,
) -> wasmtime::Result<InstancePre<Guest<H>>> {
    let mut linker = Linker::new(engine.wasmtime());
    add_to_linker(&mut linker)?;
    if shape.uses_wasi {
        linker.define_unknown_imports_as_traps(component)?;
    }
    linker.instantiate_pre(component)
}

async fn describe<H: HostCalls>(inner: &Inner<H>, limits: &Limits, host: H) -> Result<Descriptor, LoadError> {
    let mut instance = inner.instantiate(limits, host).await.map_err(|(broken, _)| LoadError::Describe(broken))?;
    let text = instance.describe(limits).await.map_err(LoadError::Describe)?;
    Ok(Descriptor::parse(&text)?)
}
