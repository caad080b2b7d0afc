//! Listeners outside the spaces: `tail` and SSE. Each has a bounded queue; one that is too slow gets a gap, and never
//! slows the turn that publishes.

use super::api::{Heard, Published};
use crate::words::Pattern;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events kept for one listener, and the bytes of their bodies: whichever is first.
const QUEUE: usize = 10_000;
const QUEUE_BYTES: usize = 64 << 20;

#[derive(Default)]
pub struct Listeners {
    count: AtomicUsize,
    missed: AtomicU64,
    all: Mutex<Vec<Arc<Ear>>>,
}

struct Ear {
    patterns: Vec<Pattern>,
    queue: Mutex<Queue>,
    bell: Notify,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Arc<Published>>,
    bytes: usize,
    missed: u64,
    closed: bool,
}

/// Hears the events that match its pattern, from its creation on.
pub struct Listener {
    ear: Arc<Ear>,
    listeners: Arc<Listeners>,
}

impl Listeners {
    /// Whether anyone listens; asked in each turn that publishes.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Those who listen now.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Events that listeners were too slow for, each counted for each of them.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub fn add(self: &Arc<Self>, pattern: Pattern) -> Listener {
        self.add_all(vec![pattern])
    }

    /// One that hears what matches any of them.
    pub fn add_all(self: &Arc<Self>, patterns: Vec<Pattern>) -> Listener {
        let ear = Arc::new(Ear { patterns, queue: Mutex::default(), bell: Notify::new() });
        let mut all = lock(&self.all);
        all.push(ear.clone());
        self.count.store(all.len(), Ordering::Relaxed);
        Listener { ear, listeners: self.clone() }
    }

    pub fn hear(&self, event: Published) {
        let event = Arc::new(event);
        for ear in lock(&self.all).iter().filter(|ear| ear.hears(&event.topic)) {
            self.missed.fetch_add(u64::from(!ear.push(event.clone())), Ordering::Relaxed);
        }
    }

    /// The host stops: each listener gets what it still has to hear, and then the end.
    pub fn close(&self) {
        for ear in lock(&self.all).iter() {
            lock(&ear.queue).closed = true;
            ear.bell.notify_one();
        }
    }
}

impl Ear {
    fn hears(&self, topic: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(topic))
    }

    /// False: it was too slow, and misses the event.
    fn push(&self, event: Arc<Published>) -> bool {
        let mut queue = lock(&self.queue);
        // Once it has missed something the listener must hear of the gap before anything newer.
        let is_full = queue.events.len() == QUEUE || queue.bytes + event.body.len() > QUEUE_BYTES;
        let misses = queue.missed > 0 || (is_full && !queue.events.is_empty());
        if misses {
            queue.missed += 1;
        } else {
            queue.bytes += event.body.len();
            queue.events.push_back(event);
        }
        drop(queue);
        self.bell.notify_one();
        !misses
    }
}

impl Listener {
    /// Events that it has still to hear, and those that it was too slow for.
    pub fn waiting(&self) -> u64 {
        let queue = lock(&self.ear.queue);
        queue.events.len() as u64 + queue.missed
    }

    /// None when the host has stopped.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            let heard = self.ear.bell.notified();
            if let Some(next) = self.take() {
                return next;
            }
            heard.await;
        }
    }

    fn take(&self) -> Option<Option<Heard>> {
        let mut queue = lock(&self.ear.queue);
        if let Some(event) = queue.events.pop_front() {
            queue.bytes -= event.body.len();
            return Some(Some(Heard::Event(event)));
        }
        match std::mem::take(&mut queue.missed) {
            0 => queue.closed.then_some(None),
            missed => Some(Some(Heard::Gap { missed })),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut all = lock(&self.listeners.all);
        all.retain(|ear| !Arc::ptr_eq(ear, &self.ear));
        self.listeners.count.store(all.len(), Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::MessageId;
    use bytes::Bytes;
    use std::time::SystemTime;

    fn event(sequence: u64, topic: &str) -> Published {
        Published {
            id: MessageId { sequence, ordinal: 0 },
            topic: topic.into(),
            source: "test".into(),
            body: Bytes::new(),
            key: None,
            headers: None,
            time: SystemTime::UNIX_EPOCH,
        }
    }

    async fn next(listener: &mut Listener) -> String {
        match listener.next().await {
            Some(Heard::Event(event)) => event.id.sequence.to_string(),
            Some(Heard::Gap { missed }) => format!("gap {missed}"),
            None => "end".into(),
        }
    }

    #[tokio::test]
    async fn a_listener_hears_what_matches_from_its_creation_on() {
        let listeners = Arc::new(Listeners::default());
        listeners.hear(event(1, "a.b"));
        let mut listener = listeners.add(Pattern::parse("a.*").unwrap());
        for (sequence, topic) in [(2, "a.b"), (3, "b.b"), (4, "a.c")] {
            listeners.hear(event(sequence, topic));
        }
        listeners.close();
        assert_eq!(
            [next(&mut listener).await, next(&mut listener).await, next(&mut listener).await],
            ["2", "4", "end"]
        );
        drop(listener);
        assert!(listeners.is_empty());
    }

    #[tokio::test]
    async fn a_slow_listener_gets_a_gap_with_the_exact_count_and_goes_on() {
        let listeners = Arc::new(Listeners::default());
        let mut listener = listeners.add(Pattern::parse(">").unwrap());
        for sequence in 0..QUEUE as u64 + 7 {
            listeners.hear(event(sequence, "a"));
        }
        for expected in 0..QUEUE {
            assert_eq!(next(&mut listener).await, expected.to_string());
        }
        assert_eq!(next(&mut listener).await, "gap 7");
        listeners.hear(event(99_999, "a"));
        assert_eq!(next(&mut listener).await, "99999");
    }

    #[tokio::test]
    async fn a_listener_that_does_not_listen_keeps_so_many_bytes_and_no_more() {
        let listeners = Arc::new(Listeners::default());
        let mut listener = listeners.add(Pattern::parse(">").unwrap());
        let large = Bytes::from(vec![0; QUEUE_BYTES / 4]);
        for sequence in 0..10 {
            listeners.hear(Published { body: large.clone(), ..event(sequence, "a") });
        }
        for expected in ["0", "1", "2", "3", "gap 6"] {
            assert_eq!(next(&mut listener).await, expected);
        }
        let huge = Bytes::from(vec![0; QUEUE_BYTES + 1]);
        listeners.hear(Published { body: huge, ..event(99, "a") });
        assert_eq!(next(&mut listener).await, "99", "one is heard, whatever its size");
    }
}
