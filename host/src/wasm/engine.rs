//! The one wasmtime engine, its configuration, and the thread that ticks its epochs.
//!
//! The ticker is an OS thread, never a task: a guest that spins on every executor must not stop the clock that ends
//! it. A watchdog reports when ticks come late, because every budget rests on them.

use super::budget::TICK;
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
    stop: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Engine {
    pub fn new(config: &EngineConfig) -> wasmtime::Result<Self> {
        let inner = wasmtime::Engine::new(&wasmtime_config(config))?;
        let stop = Arc::new(AtomicBool::new(false));
        let ticker = {
            let (engine, stop) = (inner.clone(), stop.clone());
            std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || tick(&engine, &stop))?
        };
        Ok(Engine { inner, stop, ticker: Some(ticker) })
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

fn wasmtime_config(config: &EngineConfig) -> Config {
    let mut wasmtime = Config::new();
    wasmtime
        .wasm_component_model(true)
        // Calls cost a quarter of what they do with the async ABI switched on.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config.max_instances)));
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
