//! The wish to stop: one trigger, any number of those who wait for it.
//!
//! Owns a single flag. Must not know what stops, or in which order. Cannot fail: a dropped trigger counts as pulled, so
//! that nobody waits for a task that is gone.

use tokio::sync::watch;

/// Stops whatever holds the matching [`Shutdown`], also when it is dropped.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// Waits for the trigger.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// A trigger and its first listener.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    pub fn pull(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Returns when the trigger is pulled; at once if it was.
    pub async fn wait(&mut self) {
        // An error means that the trigger is gone, which is the same.
        let _ = self.0.wait_for(|pulled| *pulled).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_wait_are_told_also_late_ones() {
        let (trigger, shutdown) = channel();
        let mut early = shutdown.clone();
        let waiting = tokio::spawn(async move { early.wait().await });
        trigger.pull();
        waiting.await.unwrap();
        shutdown.clone().wait().await;
    }

    #[tokio::test]
    async fn a_dropped_trigger_counts_as_pulled() {
        let (trigger, mut shutdown) = channel();
        drop(trigger);
        shutdown.wait().await;
    }
}
