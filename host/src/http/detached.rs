//! Work that goes on when nobody waits for it any more.
//!
//! A handler's future is dropped when its client disconnects, but the answer to an accepted command must still be noted
//! under its key. Spawning a task for each would cost a wake-up; so the work is polled in place, and becomes a task only
//! when dropped. Must not know what the work is. Cannot fail.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that finishes even if it is dropped.
pub struct Detached<T: Send + 'static>(Option<Work<T>>);

pub fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Detached<T> {
    Detached(Some(Box::pin(work)))
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out for the time of the poll, so that work that panics is not polled again.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        if let (Some(work), Ok(handle)) = (self.0.take(), Handle::try_current()) {
            handle.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn work_that_is_dropped_half_way_still_ends() {
        let (start, started) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel::<u8>();
        let work = detached(async move {
            started.await.unwrap();
            done.send(7).unwrap();
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), work).await.is_err());
        start.send(()).unwrap();
        assert_eq!(is_done.await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_is_awaited_gives_its_result() {
        assert_eq!(detached(async { 3 }).await, 3);
    }
}
