//! The thread that ticks the engine's epochs, and the one that notices when it does not.
//!
//! The ticker is an OS thread, never a task: a guest that spins on every executor must not stop the clock that ends it.
//! All CPU budgets rest on it, so ticks that come late are reported by the ticker, and ticks that do not come at all by
//! somebody else, once each time. Neither can do more about it.

use super::budget::TICK;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Later than this is worth a word.
const LATE: Duration = Duration::from_millis(250);
/// How often somebody looks whether there are ticks.
const LOOK: Duration = Duration::from_secs(1);

/// Ticks as long as it lives.
pub struct Ticker {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    ticks: Arc<AtomicU64>,
}

impl Ticker {
    pub fn start(engine: wasmtime::Engine) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let [ticking, watched] = [shared.clone(), shared.clone()];
        let mut ticker = Ticker { shared, threads: Vec::new() };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        ticker.threads.push(named("epoch-ticker").spawn(move || tick(&engine, &ticking))?);
        ticker.threads.push(named("epoch-watchdog").spawn(move || watch(&watched))?);
        Ok(ticker)
    }
}

impl Ticker {
    /// Those so far.
    pub fn ticks(&self) -> Arc<AtomicU64> {
        self.shared.ticks.clone()
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // One that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

fn tick(engine: &wasmtime::Engine, shared: &Shared) {
    let mut last = Instant::now();
    while !shared.stop.load(Ordering::Relaxed) {
        thread::sleep(TICK);
        engine.increment_epoch();
        shared.ticks.fetch_add(1, Ordering::Relaxed);
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

fn watch(shared: &Shared) {
    let mut watchdog = Watchdog::default();
    while !shared.stop.load(Ordering::Relaxed) {
        thread::park_timeout(LOOK);
        match watchdog.look(shared.ticks.load(Ordering::Relaxed)) {
            Some(Finding::Stopped) => {
                tracing::error!("epoch ticks have stopped: no CPU budget ends a guest until they go on");
            }
            Some(Finding::GoesOn) => tracing::warn!("epoch ticks go on"),
            None => {}
        }
    }
}

/// What is worth a line.
#[derive(Debug, PartialEq)]
enum Finding {
    Stopped,
    GoesOn,
}

#[derive(Default)]
struct Watchdog {
    ticks: u64,
    /// Looks in a row that found no new tick.
    without: u32,
}

impl Watchdog {
    /// One look without a tick may be that of a machine that has just woken up; two are not.
    const TELLING: u32 = 2;

    fn look(&mut self, ticks: u64) -> Option<Finding> {
        if std::mem::replace(&mut self.ticks, ticks) != ticks {
            return (std::mem::take(&mut self.without) >= Self::TELLING).then_some(Finding::GoesOn);
        }
        self.without = self.without.saturating_add(1);
        (self.without == Self::TELLING).then_some(Finding::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_that_stop_are_reported_once_and_so_are_those_that_go_on() {
        let mut watchdog = Watchdog::default();
        assert_eq!(watchdog.look(900), None);
        assert_eq!(watchdog.look(1_800), None);
        assert_eq!([1_800; 4].map(|ticks| watchdog.look(ticks)), [None, Some(Finding::Stopped), None, None]);
        assert_eq!(watchdog.look(1_801), Some(Finding::GoesOn));
        assert_eq!([1_801, 1_900].map(|ticks| watchdog.look(ticks)), [None, None]);
    }

    #[test]
    fn a_ticker_ticks_until_it_is_dropped() {
        let ticker = Ticker::start(wasmtime::Engine::default()).unwrap();
        let shared = ticker.shared.clone();
        while shared.ticks.load(Ordering::Relaxed) < 3 {
            thread::yield_now();
        }
        drop(ticker);
        let ticks = shared.ticks.load(Ordering::Relaxed);
        assert_eq!((shared.ticks.load(Ordering::Relaxed), Arc::strong_count(&shared)), (ticks, 1));
    }
}
