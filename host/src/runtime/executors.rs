//! The threads that run guests: two per core, each with a runtime of its own. A partition lives on one pair of them, so that
//! a chain of messages stays on its core; work is not stolen.

use super::idle::Idle;
use super::lanes::Lanes;
use rustix::process::setpriority_process;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::{Builder, Runtime};
use tokio::select;
use tokio::sync::Semaphore;

/// For systems that do not let the slow lane be idle's: against one thread that always wants the core it gets a seventieth of it.
const SLOW: i32 = 19;

pub struct Executors {
    lanes: Vec<Lanes>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Closed when the threads are to end: unlike a notice, that reaches also one that has yet to begin its wait.
    stop: Arc<Semaphore>,
    next: AtomicUsize,
}

impl Executors {
    /// `lane_cpu`: what each task takes is counted.
    pub fn start(count: usize, lane_cpu: bool) -> io::Result<Self> {
        let stop = Arc::new(Semaphore::new(0));
        let (mut lanes, mut threads) = (Vec::new(), Vec::new());
        for index in 0..count.max(1) {
            let (mut fast, mut slow) = (runtime(), runtime());
            let idle = Idle::of(&mut fast);
            let (fast, slow) = (fast.build()?, slow.build()?);
            let both = Lanes::new(fast.handle().clone(), idle, lane_cpu);
            threads.push(thread(format!("executor-{index}"), fast_lane(fast, stop.clone()))?);
            threads.push(thread(format!("executor-{index}-slow"), slow_lane(slow, both.clone(), stop.clone()))?);
            lanes.push(both);
        }
        Ok(Executors { lanes, threads: Mutex::new(threads), stop, next: AtomicUsize::new(0) })
    }

    /// The threads for the next partition, in turn.
    pub fn next(&self) -> &Lanes {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        &self.lanes[index % self.lanes.len()]
    }

    /// Ends the threads; what runs on them is dropped at its next wait.
    pub fn stop(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        self.stop.close();
        for thread in threads {
            // A panicked executor has already been reported by its panic.
            let _ = thread.join();
        }
    }
}

fn runtime() -> Builder {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_time();
    runtime
}

fn thread(name: String, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(run)
}

fn fast_lane(runtime: Runtime, stop: Arc<Semaphore>) -> impl FnOnce() {
    move || {
        let _ = runtime.block_on(stop.acquire());
    }
}

fn slow_lane(runtime: Runtime, lanes: Lanes, stop: Arc<Semaphore>) -> impl FnOnce() {
    move || {
        give_way();
        runtime.block_on(async {
            select! {
                _ = stop.acquire() => {}
                () = lanes.compute() => {}
            }
        });
        lanes.close();
    }
}

/// The calling thread runs when no other wants the core, and stops in the middle of its slice when one does: a low priority alone
/// would let it end that, which is most of what it costs others.
fn give_way() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let refused = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).err();
    // Of the calling thread alone, as Linux has it. Refused, the lane is only less slow than it should be.
    if let Some(refused) = refused
        && let Err(error) = setpriority_process(None, SLOW)
    {
        tracing::warn!("long turns run at the priority of short ones: {refused:?}, {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_are_stopped_before_they_have_begun_to_wait_end_all_the_same() {
        for _ in 0..50 {
            Executors::start(8, false).unwrap().stop();
        }
    }
}
