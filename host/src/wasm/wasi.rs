//! WASI for components that import it: nothing granted, and the same answers in each run.
//!
//! Rust's `wasm32-wasip2` imports WASI even where it is never called. There are no files, no network, no environment and no
//! input behind it, and what is written to output and error is for the space's log; randomness is seeded, so that a turn
//! repeated in a fresh instance goes the same way.

use super::host_api::Wasi;
use super::output::{Output, Stream};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

/// Random bytes of one call.
const MOST_RANDOM: u64 = 64 << 10;

impl Wasi {
    /// With so many handles to what the host makes for it.
    pub fn nothing_granted(seed: u64, handles: usize) -> Self {
        let mut builder = WasiCtx::builder();
        let output = Output::default();
        let clocks_read = Arc::<AtomicBool>::default();
        builder
            .wall_clock(Noted { clock: wall_clock(), read: clocks_read.clone() })
            .monotonic_clock(Noted { clock: monotonic_clock(), read: clocks_read.clone() })
            .secure_random(Xoshiro256PlusPlus::seed_from_u64(seed))
            .insecure_random(Xoshiro256PlusPlus::seed_from_u64(!seed))
            .insecure_random_seed(u128::from(seed))
            .max_random_size(MOST_RANDOM)
            .stdin(std::io::empty())
            .stdout(output.stream(Stream::Out))
            .stderr(output.stream(Stream::Error))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        Wasi { context: builder.build(), table, clocks_read, output }
    }
}

/// A clock that leaves word when it is read: what it says is not the same when a turn is told again.
struct Noted<C> {
    clock: C,
    read: Arc<AtomicBool>,
}

impl HostWallClock for Noted<Box<dyn HostWallClock + Send>> {
    fn resolution(&self) -> Duration {
        self.clock.resolution()
    }

    fn now(&self) -> Duration {
        self.read.store(true, Ordering::Relaxed);
        self.clock.now()
    }
}

impl HostMonotonicClock for Noted<Box<dyn HostMonotonicClock + Send>> {
    fn resolution(&self) -> u64 {
        self.clock.resolution()
    }

    fn now(&self) -> u64 {
        self.read.store(true, Ordering::Relaxed);
        self.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_leaves_word_when_it_is_read() {
        let read = Arc::<AtomicBool>::default();
        let wall = Noted { clock: wall_clock(), read: read.clone() };
        assert!(wall.resolution() > Duration::ZERO && !read.load(Ordering::Relaxed));
        assert!(wall.now() > Duration::ZERO && read.swap(false, Ordering::Relaxed));
        let steady = Noted { clock: monotonic_clock(), read: read.clone() };
        assert!(steady.now() <= steady.now() && read.load(Ordering::Relaxed));
    }
}
