//! The threads that run guests: one per core, each with a runtime of its own. A partition lives on one of them, so that a
//! chain of messages stays on its core; work is not stolen.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

pub struct Executors {
    handles: Vec<Handle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: Arc<Notify>,
    next: AtomicUsize,
}

impl Executors {
    pub fn start(count: usize) -> std::io::Result<Self> {
        let stop = Arc::new(Notify::new());
        let mut handles = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_time().build()?;
            handles.push(runtime.handle().clone());
            let stop = stop.clone();
            let name = format!("executor-{index}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || runtime.block_on(stop.notified()))?);
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
        for _ in &threads {
            self.stop.notify_one();
        }
        for thread in threads {
            // A panicked executor has already been reported by its panic.
            let _ = thread.join();
        }
    }
}
