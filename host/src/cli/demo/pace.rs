//! How fast a load goes: as fast as it can, or so slowly that its input outlasts what is done to the host meanwhile.
//!
//! Must not know why. It never stands still, so whatever is done is done under load. It cannot fail.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Between two pieces of the input, of all clients together, when it goes slowly.
const SLOWLY: Duration = Duration::from_millis(40);

pub struct Pace {
    is_slow: watch::Sender<bool>,
    /// When the next piece may begin.
    next: Mutex<Instant>,
}

impl Pace {
    pub fn new() -> Self {
        Pace { is_slow: watch::Sender::new(false), next: Mutex::new(Instant::now()) }
    }

    pub fn slow_down(&self) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.is_slow.send_replace(true);
    }

    /// Who waits begins at once.
    pub fn speed_up(&self) {
        self.is_slow.send_replace(false);
    }

    /// Returns when the next piece of the input may begin.
    pub async fn wait(&self) {
        let mut is_slow = self.is_slow.subscribe();
        if !*is_slow.borrow_and_update() {
            return;
        }
        let turn = self.turn();
        tokio::select! {
            () = sleep_until(turn) => {}
            // The sender lives as long as `self`.
            _ = is_slow.wait_for(|is_slow| !is_slow) => {}
        }
    }

    fn turn(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = turn_after(*next, Instant::now());
        *next
    }
}

/// When a piece may begin if the one before began, or begins, then.
fn turn_after(before: Instant, now: Instant) -> Instant {
    now.max(before + SLOWLY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use tokio::time::timeout;

    /// So many would take far longer than the patience, slowly.
    const MANY: usize = 3_000;
    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn slow_pieces_begin_one_after_the_other_and_none_in_the_past() {
        let now = Instant::now();
        let second = turn_after(turn_after(now, now), now);
        assert_eq!(second, now + SLOWLY * 2);
        assert_eq!(turn_after(now, now + SLOWLY * 9), now + SLOWLY * 9);
    }

    #[tokio::test]
    async fn all_pieces_begin_at_once_while_the_pace_is_fast() {
        let pace = Pace::new();
        let all = join_all((0..MANY).map(|_| pace.wait()));
        timeout(PATIENCE, all).await.expect("nobody waits");
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_the_pace_is_fast_again() {
        let pace = Pace::new();
        pace.slow_down();
        let all = join_all((0..MANY).map(|_| pace.wait()));
        // The branches are looked at in this order, so all wait before the pace is fast again.
        let (_, ()) =
            timeout(PATIENCE, async { tokio::join!(biased; all, async { pace.speed_up() }) }).await.expect("all go on");
    }
}
