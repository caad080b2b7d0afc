//! Word of when the thread of a runtime has nothing to do.
//!
//! Costs a read of memory whenever the thread parks. Must not know what is done then. Cannot fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Builder;
use tokio::sync::Notify;

#[derive(Default)]
pub struct Idle {
    wanted: AtomicBool,
    came: Notify,
}

impl Idle {
    /// Of the runtime that is built, which must have one thread.
    pub fn of(builder: &mut Builder) -> Arc<Self> {
        let idle = Arc::<Idle>::default();
        let told = idle.clone();
        builder.on_thread_park(move || {
            if told.wanted.load(Ordering::Relaxed) && told.wanted.swap(false, Ordering::Relaxed) {
                told.came.notify_waiters();
            }
        });
        idle
    }

    /// Comes back when no other task of the runtime could go on. One of them may wait for that.
    pub async fn comes(&self) {
        let came = self.came.notified();
        self.wanted.store(true, Ordering::Relaxed);
        came.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use tokio::task::yield_now;

    #[test]
    fn who_waits_for_it_goes_on_when_all_others_wait_and_not_before() {
        let mut builder = Builder::new_current_thread();
        let idle = Idle::of(&mut builder);
        let runtime = builder.build().unwrap();
        for _ in 0..3 {
            let passes = Arc::<AtomicU32>::default();
            let counted = passes.clone();
            runtime.spawn(async move {
                for _ in 0..1_000 {
                    yield_now().await;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
            runtime.block_on(idle.comes());
            assert_eq!(passes.load(Ordering::Relaxed), 1_000);
        }
    }
}
