//! Waiting for a state: never for a time, so that a slow machine is only slow.

use std::time::Duration;

/// When a wait counts as failed.
pub const GIVE_UP: Duration = Duration::from_secs(30);

/// Looks again and again until `look` finds something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    let found = async {
        loop {
            pace.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(GIVE_UP, found).await.unwrap_or_else(|_| panic!("within {GIVE_UP:?} never: {what}"))
}
