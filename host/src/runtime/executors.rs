//! The threads that run guests: one per core, each with a runtime of its own. A partition lives on one of them, so that a
//! chain of messages stays on its core; work is not stolen.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;

pub struct Executors {
    handles: Vec<Handle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Closed when the threads are to end: unlike a notice, that reaches also one that has yet to begin its wait.
    stop: Arc<Semaphore>,
    next: AtomicUsize,
}

impl Executors {
    pub fn start(count: usize) -> std::io::Result<Self> {
        let stop = Arc::new(Semaphore::new(0));
        let mut handles = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_time().build()?;
            handles.push(runtime.handle().clone());
            let stop = stop.clone();
            let name = format!("executor-{index}");
            let run = move || {
                let _ = runtime.block_on(stop.acquire());
            };
            threads.push(std::thread::Builder::new().name(name).spawn(run)?);
        }
        Ok(Executors { handles, threads: Mutex::new(threads), stop, next: AtomicUsize::new(0) })
    }

    /// The thread for the next partition, in turn.
    pub fn next(&self) -> &Handle {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        &self.handles[index % self.handles.len()]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_are_stopped_before_they_have_begun_to_wait_end_all_the_same() {
        for _ in 0..50 {
            Executors::start(8).unwrap().stop();
        }
    }
}
