//! The one wasmtime engine, its configuration, and the thread that ticks its epochs.
//!
//! The ticker is an OS thread, never a task: a guest that spins on every executor must not stop the clock that ends
//! it. A watchdog reports when ticks come late, because every budget rests on them.

use super::budget::TICK;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// What the host decides about its engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The most instances alive at a time. Address space is reserved for each (4 GiB), memory is not.
    pub max_instances: u32,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig { max_instances: 12_000 }
    }
}

/// The engine; ticks as long as it lives.
pub struct Engine {
    inner: wasmtime::Engine,
    stamp: blake3::Hash,
    stop: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Engine {
    pub fn new(config: &EngineConfig) -> wasmtime::Result<Self> {
        let mut settings = code_config();
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config.max_instances)));
        let inner = wasmtime::Engine::new(&settings)?;
        let stop = Arc::new(AtomicBool::new(false));
        let ticker = {
            let (engine, stop) = (inner.clone(), stop.clone());
            std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || tick(&engine, &stop))?
        };
        Ok(Engine { stamp: stamp(&inner), inner, stop, ticker: Some(ticker) })
    }

    /// Stands for all that matters to compiled code but the component: wasmtime's version, its settings, the processor.
    pub(super) fn stamp(&self) -> &blake3::Hash {
        &self.stamp
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            // A ticker that panicked has nothing left to stop.
            let _ = ticker.join();
        }
    }
}

fn tick(engine: &wasmtime::Engine, stop: &AtomicBool) {
    const LATE: Duration = Duration::from_millis(250);
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
        engine.increment_epoch();
        let gap = last.elapsed();
        if gap > LATE {
            tracing::warn!(
                gap_ms = gap.as_millis() as u64,
                "epoch ticks came late: CPU budgets are coarser than configured"
            );
        }
        last = Instant::now();
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
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .memory_init_cow(true);
    wasmtime
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // A component of a language with a runtime brings some core instances, usually one memory and one or two tables.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .total_stacks(instances)
        .max_core_instances_per_component(1_000)
        .max_memories_per_component(16)
        .max_tables_per_component(64)
        .table_elements(100_000)
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(8 << 20)
        .linear_memory_keep_resident(64 << 10)
        .max_unused_warm_slots(100);
    pool
}
