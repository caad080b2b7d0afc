//! The one wasmtime engine and its configuration: what guests may be made of, and how many of them there may be.
//!
//! Every bound that wasmtime knows is set here, in each store (`instance.rs`) or by its limiter, because wasmtime's own are
//! meant for code that is trusted more. Must not know what the limits of a space are, only their maxima.

use super::memory::{self, HostMemory};
use super::ticker::Ticker;
use crate::words::Limits;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// What the host decides about its engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The most instances alive at a time. Address space is reserved for each (4 GiB), memory is not.
    pub max_instances: u32,
    /// What the memories and tables of all instances may have together.
    pub memory_bytes: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig { max_instances: 12_000, memory_bytes: memory::share_of_machine() }
    }
}

/// The engine; ticks as long as it lives.
pub struct Engine {
    inner: wasmtime::Engine,
    stamp: blake3::Hash,
    memory: Arc<HostMemory>,
    ticker: Ticker,
}

impl Engine {
    pub fn new(config: &EngineConfig) -> wasmtime::Result<Self> {
        let mut settings = code_config();
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config.max_instances)));
        let inner = wasmtime::Engine::new(&settings)?;
        let memory = Arc::new(HostMemory::new(config.memory_bytes));
        Ok(Engine { stamp: stamp(&inner), ticker: Ticker::start(inner.clone())?, inner, memory })
    }

    /// Stands for all that matters to compiled code but the component: wasmtime's version, its settings, the processor.
    pub(super) fn stamp(&self) -> &blake3::Hash {
        &self.stamp
    }

    /// Of the epoch ticker, so far: a clock that costs a read of memory.
    pub(super) fn ticks(&self) -> Arc<AtomicU64> {
        self.ticker.ticks()
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }

    pub(super) fn memory(&self) -> &Arc<HostMemory> {
        &self.memory
    }
}

/// An engine that compiles for this host's and runs nothing: it reserves no address space for instances.
pub(super) fn compiling_engine() -> wasmtime::Result<wasmtime::Engine> {
    wasmtime::Engine::new(&code_config())
}

fn stamp(engine: &wasmtime::Engine) -> blake3::Hash {
    let mut hasher = Stable(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize()
}

/// What is hashed today must have the same hash after the next start, which the standard hashers do not promise.
struct Stable(blake3::Hasher);

impl Hasher for Stable {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finalize().as_bytes().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

/// All that shapes code. Where instances lie does not.
fn code_config() -> Config {
    let mut wasmtime = Config::new();
    wasmtime
        .wasm_component_model(true)
        // Calls cost a quarter of what they do with the async ABI switched on.
        .concurrency_support(false)
        // No toolchain of ours makes 64-bit memories or tables: what no guest needs no attacker gets.
        .wasm_memory64(false)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        // What is left of it is for the host's calls, which a guest can make from its deepest frame.
        .async_stack_size(1 << 20)
        .memory_init_cow(true);
    wasmtime
}

/// As much of each kind as the table of limits lets one instance have, and in total so much that no single space, whose
/// partitions are 1,024 at most, can have all.
fn pool(instances: u32) -> PoolingAllocationConfig {
    const INSTANCE_BYTES: usize = 8 << 20;
    let most = |name: &str| Limits::row(name).map_or(0, |row| row.maximum);
    let count = |name: &str| u32::try_from(most(name)).unwrap_or(u32::MAX);
    let size = |name: &str| usize::try_from(most(name)).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::new();
    // A component of a language with a runtime brings some core instances, usually one memory and two or three tables.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(16))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(4))
        .total_stacks(instances)
        .max_core_instances_per_component(count("core_instances"))
        .max_memories_per_component(count("memories"))
        .max_tables_per_component(count("tables"))
        .max_memories_per_module(count("memories"))
        .max_tables_per_module(count("tables"))
        .max_memory_size(size("memory_bytes"))
        .table_elements(size("table_elements"))
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .linear_memory_keep_resident(64 << 10)
        .max_unused_warm_slots(100);
    pool
}
