//! Listeners outside the spaces: `tail` and SSE. Each has a bounded queue; one that is too slow gets a gap, and never
//! slows the turn that publishes.

use super::api::{Heard, Published};
use crate::words::Pattern;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events kept for one listener, and the bytes of their bodies: whichever is first.
const QUEUE: usize = 10_000;
const QUEUE_BYTES: usize = 64 << 20;
/// Topics whose ears are remembered, and these ears: when there are more all are forgotten. Spaces may invent topics.
const REMEMBERED: usize = 50_000;

#[derive(Default)]
pub struct Listeners {
    count: AtomicUsize,
    missed: AtomicU64,
    all: Mutex<Ears>,
}

/// Who listens. A topic is matched against all patterns when it is published first; afterwards an event costs those who hear it.
#[derive(Default)]
struct Ears {
    all: Vec<Arc<Ear>>,
    by_topic: HashMap<Arc<str>, Vec<Arc<Ear>>>,
    /// Entries of `by_topic`, and ears in them.
    remembered: usize,
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
        let mut ears = lock(&self.all);
        ears.all.push(ear.clone());
        ears.forget();
        self.count.store(ears.all.len(), Ordering::Relaxed);
        Listener { ear, listeners: self.clone() }
    }

    pub fn hear(&self, event: Published) {
        let event = Arc::new(event);
        for ear in lock(&self.all).of(&event.topic) {
            self.missed.fetch_add(u64::from(!ear.push(event.clone())), Ordering::Relaxed);
        }
    }

    /// The host stops: each listener gets what it still has to hear, and then the end.
    pub fn close(&self) {
        for ear in &lock(&self.all).all {
            lock(&ear.queue).closed = true;
            ear.bell.notify_one();
        }
    }
}

impl Ears {
    fn of(&mut self, topic: &Arc<str>) -> &[Arc<Ear>] {
        if !self.by_topic.contains_key(topic) {
            let ears: Vec<_> = self.all.iter().filter(|ear| ear.hears(topic)).cloned().collect();
            if self.remembered + 1 + ears.len() > REMEMBERED {
                self.forget();
            }
            self.remembered += 1 + ears.len();
            self.by_topic.insert(topic.clone(), ears);
        }
        self.by_topic.get(topic).map_or(&[], Vec::as_slice)
    }

    fn forget(&mut self) {
        self.by_topic.clear();
        self.remembered = 0;
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
        let mut ears = lock(&self.listeners.all);
        ears.all.retain(|ear| !Arc::ptr_eq(ear, &self.ear));
        ears.forget();
        self.listeners.count.store(ears.all.len(), Ordering::Relaxed);
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
    async fn a_topic_that_was_heard_before_is_heard_by_who_comes_later_and_not_by_who_has_gone() {
        let listeners = Arc::new(Listeners::default());
        let mut first = listeners.add(Pattern::parse("a.*").unwrap());
        listeners.hear(event(1, "a.b"));
        let mut second = listeners.add(Pattern::parse("a.b").unwrap());
        listeners.hear(event(2, "a.b"));
        assert_eq!([next(&mut first).await, next(&mut first).await, next(&mut second).await], ["1", "2", "2"]);
        let gone = Arc::downgrade(&first.ear);
        drop(first);
        listeners.hear(event(3, "a.b"));
        assert_eq!((next(&mut second).await.as_str(), gone.strong_count()), ("3", 0));
    }

    #[tokio::test]
    async fn whatever_topics_there_are_no_more_than_so_many_are_remembered() {
        let listeners = Arc::new(Listeners::default());
        let mut listener = listeners.add(Pattern::parse("a.7").unwrap());
        for n in 0..=REMEMBERED as u64 {
            listeners.hear(event(n, &format!("a.{n}")));
        }
        {
            let ears = lock(&listeners.all);
            assert!((1..10).contains(&ears.remembered), "{} are remembered", ears.remembered);
            assert_eq!(ears.by_topic.len(), ears.remembered);
        }
        listeners.hear(event(8, "a.7"));
        assert_eq!([next(&mut listener).await, next(&mut listener).await], ["7", "8"]);
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
