//! Loading components: by compiling them, or from the compiled code that the data folder keeps.
//!
//! Owns the way between the sandbox, which seals and opens code, and the store's cache, which keeps it. Must not know
//! either's insides. Fails as a component fails to be a space; what the cache holds can fail nothing.

use super::space::Space;
use super::space::turn::Turn;
use super::{Artifact, LoadError, Runtime, RuntimeConfig};
use crate::store::Cache;
use crate::wasm::{self, HostCalls, HostMemory, Loader, Seal};
use crate::words::SpaceSettings;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct Loading {
    loader: Loader<Turn>,
    kept: Option<Kept>,
    compiled: AtomicU64,
    known: AtomicU64,
}

struct Kept {
    cache: Cache,
    seal: Seal,
}

/// How many components came which way since the host started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loads {
    pub compiled: u64,
    /// From code that was kept.
    pub known: u64,
}

impl Loading {
    pub fn new(config: &RuntimeConfig, cache: Option<Cache>) -> anyhow::Result<Self> {
        let loader = Loader::new(&config.engine, config.compiler.clone());
        Ok(Loading {
            loader: loader.map_err(|error| anyhow::anyhow!("{error:#}"))?,
            kept: cache.map(|cache| Kept { seal: Seal::new(cache.key()), cache }),
            compiled: AtomicU64::new(0),
            known: AtomicU64::new(0),
        })
    }

    /// What all instances have together.
    pub fn memory(&self) -> &Arc<HostMemory> {
        self.loader.memory()
    }

    /// Ticks of a millisecond, so far.
    pub fn ticks(&self) -> Arc<AtomicU64> {
        self.loader.ticks()
    }

    /// Ends compiles in hand, and begins no more.
    pub fn stop(&self) {
        self.loader.stop();
    }
}

impl Runtime {
    /// Compiles and checks bytes, including `describe`, unless they are known. Blocking and CPU-heavy: call it on a thread of
    /// its own.
    pub fn load(&self, bytes: &[u8], settings: &SpaceSettings) -> Result<Artifact, LoadError> {
        match self.load_known(bytes, settings) {
            Some(artifact) => Ok(artifact),
            None => self.load_new(bytes, settings),
        }
    }

    /// Takes the code of these bytes from the cache, if it is there and sound. Blocking, but quick.
    pub fn load_known(&self, bytes: &[u8], settings: &SpaceSettings) -> Option<Artifact> {
        let Loading { loader, kept, known, .. } = &self.0.loading;
        let Kept { cache, seal } = kept.as_ref()?;
        let name = loader.name(bytes);
        let sealed = seal.open(&name, cache.get(&name)?)?;
        let artifact = loader.open(bytes, &settings.limits, sealed)?;
        known.fetch_add(1, Ordering::Relaxed);
        Some(artifact)
    }

    /// Compiles and checks bytes, and keeps the code.
    pub fn load_new(&self, bytes: &[u8], settings: &SpaceSettings) -> Result<Artifact, LoadError> {
        let Loading { loader, kept, compiled, .. } = &self.0.loading;
        // `describe` may only read, and there is nothing to read.
        let nobody = Arc::new(Space::nobody(&settings.limits));
        let host = Turn::new(self.0.router.clone(), nobody, 0, Arc::new(settings.clone()));
        let fresh = loader.load(bytes, &settings.limits, host)?;
        compiled.fetch_add(1, Ordering::Relaxed);
        if let Some(Kept { cache, seal }) = kept {
            let name = loader.name(bytes);
            cache.put(&name, &fresh.seal(seal, &name));
        }
        Ok(fresh.artifact)
    }

    /// The same component for a trial, where others answer its calls.
    pub(super) fn for_trial<K: HostCalls>(&self, artifact: &Artifact) -> Result<wasm::Artifact<K>, LoadError> {
        self.0.loading.loader.adapt(artifact)
    }

    /// How many components came which way since the host started.
    pub fn loads(&self) -> Loads {
        let Loading { compiled, known, .. } = &self.0.loading;
        Loads { compiled: compiled.load(Ordering::Relaxed), known: known.load(Ordering::Relaxed) }
    }
}
