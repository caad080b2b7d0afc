//! WASI for components that import it: nothing granted, and the same answers in each run.
//!
//! Rust's `wasm32-wasip2` imports WASI even where it is never called. There are no files, no network, no environment and
//! no standard streams behind it; randomness is seeded, so that a turn repeated in a fresh instance goes the same way.

use super::host_api::Wasi;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

impl Wasi {
    pub fn nothing_granted(seed: u64) -> Self {
        let mut builder = WasiCtx::builder();
        builder
            .secure_random(Xoshiro256PlusPlus::seed_from_u64(seed))
            .insecure_random(Xoshiro256PlusPlus::seed_from_u64(!seed))
            .insecure_random_seed(u128::from(seed))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Wasi { context: builder.build(), table: ResourceTable::new() }
    }
}
