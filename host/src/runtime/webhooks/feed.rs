//! The feed: one thread that reads the durable end of the journal once for all webhooks, and gives each what it wants.
//!
//! Owns the inboxes, each bounded: one that is full falls behind, and reads the journal itself until it is where the feed is.
//! So a slow receiver costs its own webhook something, and nobody else. Reads nothing that is not on disk, in a test build
//! without the output gate, too. A journal that does not read leaves every webhook behind, and each finds out by itself.

use crate::runtime::api::Published;
use crate::runtime::heard::events_of;
use crate::store::journal::{JournalError, Reader};
use crate::store::ledger::Ledger;
use crate::store::record::Record;
use crate::words::{MessageId, Pattern};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Events kept for one webhook, and the bytes of their bodies: whichever is first.
const QUEUE: usize = 1_000;
const QUEUE_BYTES: usize = 4 << 20;
/// Records looked at, and bytes of wanted bodies, before they are given out.
const PIECE: usize = 1_000;
const PIECE_BYTES: usize = 4 << 20;
/// How long the thread sleeps when nothing happens, before it looks whether anybody is left.
const LONGEST_REST: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Feed {
    state: Mutex<Following>,
    stop: AtomicBool,
}

#[derive(Default)]
struct Following {
    /// The thread is there. It has given out everything up to `at`.
    runs: bool,
    at: u64,
    inboxes: Vec<Arc<Inbox>>,
}

/// What one webhook has still to take.
pub struct Inbox {
    patterns: Vec<Pattern>,
    queue: Mutex<Queue>,
    bell: Notify,
    closed: AtomicBool,
}

#[derive(Default)]
struct Queue {
    /// Whatever matches comes in here. Otherwise it is behind, and what is here is all that came before it fell behind.
    is_live: bool,
    events: VecDeque<Arc<Published>>,
    bytes: usize,
    /// The feed has got as far as this.
    at: u64,
}

/// What is in an inbox.
pub enum Taken {
    Event(Arc<Published>),
    /// Nothing, and there is nothing up to that sequence.
    Quiet(u64),
    /// What comes next is in the journal.
    Behind,
}

impl Feed {
    /// An inbox that is behind.
    pub fn open(self: &Arc<Self>, patterns: Vec<Pattern>, ledger: &Ledger, journal: &Path) -> Arc<Inbox> {
        let mut state = self.state();
        if !state.runs {
            state.at = ledger.durable();
            state.runs = self.start(state.at, ledger, journal);
        }
        let queue = Mutex::new(Queue { at: state.at, ..Queue::default() });
        let inbox = Arc::new(Inbox { patterns, queue, bell: Notify::new(), closed: AtomicBool::new(false) });
        state.inboxes.push(inbox.clone());
        inbox
    }

    fn start(self: &Arc<Self>, at: u64, ledger: &Ledger, journal: &Path) -> bool {
        let (feed, ledger, reader) = (self.clone(), ledger.clone(), Reader::new(journal, at + 1));
        let follow = move || Follower { feed, ledger, reader, at }.run();
        let thread = std::thread::Builder::new().name("webhook-feed".into()).spawn(follow);
        // Without it webhooks get nothing until the next one is opened; nothing else depends on it.
        thread.inspect_err(|error| tracing::error!("no thread for webhooks: {error}")).is_ok()
    }

    pub fn stop(&self, ledger: &Ledger) {
        self.stop.store(true, Ordering::Release);
        ledger.wake_follower();
    }

    fn state(&self) -> MutexGuard<'_, Following> {
        lock(&self.state)
    }
}

struct Follower {
    feed: Arc<Feed>,
    ledger: Ledger,
    reader: Reader,
    at: u64,
}

impl Follower {
    fn run(mut self) {
        while let Some(inboxes) = self.listeners() {
            self.ledger.wait_beyond(self.at, LONGEST_REST, &self.feed.stop);
            let durable = self.ledger.durable();
            if durable == self.at {
                continue;
            }
            match self.read(durable, &inboxes) {
                Ok(events) => self.give_out(&events, inboxes.len()),
                Err(error) => {
                    tracing::warn!("the journal does not read for webhooks, which look for themselves: {error}");
                    self.at = durable;
                    self.reader = Reader::new(self.reader.folder(), durable + 1);
                    self.give_out(&[], 0);
                }
            }
        }
    }

    /// None when nobody is left, or the host ends.
    fn listeners(&self) -> Option<Vec<Arc<Inbox>>> {
        let mut state = self.feed.state();
        state.inboxes.retain(|inbox| !inbox.closed.load(Ordering::Acquire));
        state.runs = !state.inboxes.is_empty() && !self.feed.stop.load(Ordering::Acquire);
        state.runs.then(|| state.inboxes.clone())
    }

    /// A piece of what is durable: what any of them wants.
    fn read(&mut self, durable: u64, inboxes: &[Arc<Inbox>]) -> Result<Vec<Arc<Published>>, JournalError> {
        let (mut events, mut bytes, mut records) = (Vec::new(), 0, 0);
        let wanted = |topic: &str| inboxes.iter().any(|inbox| inbox.wants(topic));
        while records < PIECE
            && bytes < PIECE_BYTES
            && let Some((sequence, encoded)) = self.reader.next(durable)?
        {
            // What does not decode is found by whoever reads it for himself.
            if let Ok(record) = Record::decode(encoded) {
                events_of(sequence, &record, wanted, |event| {
                    bytes += event.body.len();
                    events.push(Arc::new(event));
                });
            }
            self.at = sequence;
            records += 1;
        }
        Ok(events)
    }

    /// To the first so many inboxes. Those that came meanwhile were not asked what they want, so they stay behind.
    fn give_out(&self, events: &[Arc<Published>], asked: usize) {
        let mut state = self.feed.state();
        state.at = self.at;
        for (number, inbox) in state.inboxes.iter().enumerate() {
            inbox.put(events, self.at, number < asked);
        }
    }
}

impl Inbox {
    fn wants(&self, topic: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(topic))
    }

    fn put(&self, events: &[Arc<Published>], at: u64, was_asked: bool) {
        let mut queue = lock(&self.queue);
        let before = (queue.is_live, queue.events.len());
        queue.is_live &= was_asked;
        for event in events.iter().filter(|event| self.wants(&event.topic)) {
            let is_full = queue.events.len() == QUEUE || queue.bytes + event.body.len() > QUEUE_BYTES;
            // One that is alone is taken whatever its size.
            queue.is_live &= !is_full || queue.events.is_empty();
            if !queue.is_live {
                break;
            }
            queue.bytes += event.body.len();
            queue.events.push_back(event.clone());
        }
        queue.at = at;
        let is_news = before != (queue.is_live, queue.events.len());
        drop(queue);
        if is_news {
            self.bell.notify_one();
        }
    }

    /// The first event after that one.
    pub fn take(&self, after: MessageId) -> Taken {
        let mut queue = lock(&self.queue);
        while let Some(event) = queue.events.pop_front() {
            queue.bytes -= event.body.len();
            if event.id > after {
                return Taken::Event(event);
            }
        }
        if queue.is_live { Taken::Quiet(queue.at) } else { Taken::Behind }
    }

    /// Everything up to that sequence has been read: from now on events come by themselves. False: the feed is further.
    pub fn has_caught_up(&self, read: u64) -> bool {
        let mut queue = lock(&self.queue);
        queue.is_live |= queue.at <= read;
        queue.is_live
    }

    /// Returns when there may be more.
    pub async fn more(&self) {
        self.bell.notified().await;
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::time::SystemTime;

    fn inbox() -> Inbox {
        let queue = Mutex::new(Queue { is_live: true, ..Queue::default() });
        let patterns = vec![Pattern::parse("a.*").unwrap(), Pattern::parse("b").unwrap()];
        Inbox { patterns, queue, bell: Notify::new(), closed: AtomicBool::new(false) }
    }

    fn event(sequence: u64, topic: &str, bytes: usize) -> Arc<Published> {
        Arc::new(Published {
            id: MessageId { sequence, ordinal: 0 },
            topic: topic.into(),
            source: "a".into(),
            body: Bytes::from(vec![0; bytes]),
            key: None,
            headers: None,
            time: SystemTime::UNIX_EPOCH,
        })
    }

    fn take(inbox: &Inbox, after: u64) -> String {
        match inbox.take(MessageId { sequence: after, ordinal: u64::MAX }) {
            Taken::Event(event) => event.id.to_string(),
            Taken::Quiet(at) => format!("quiet at {at}"),
            Taken::Behind => "behind".to_owned(),
        }
    }

    #[test]
    fn an_inbox_gives_what_it_wants_once_and_then_says_how_far_it_is() {
        let inbox = inbox();
        inbox.put(&[event(1, "a.b", 0), event(2, "c", 0), event(3, "b", 0)], 5, true);
        assert_eq!([take(&inbox, 1), take(&inbox, 3), take(&inbox, 3)], ["3-0", "quiet at 5", "quiet at 5"]);
    }

    #[test]
    fn a_full_inbox_falls_behind_and_keeps_what_it_has() {
        let inbox = inbox();
        inbox.put(&[event(1, "b", QUEUE_BYTES + 1), event(2, "b", 1), event(3, "b", 0)], 3, true);
        inbox.put(&[event(4, "b", 0)], 4, true);
        assert_eq!([take(&inbox, 0), take(&inbox, 1)], ["1-0", "behind"]);
        assert!(!inbox.has_caught_up(3), "the feed has given out 4 meanwhile");
        assert!(inbox.has_caught_up(4));
        inbox.put(&[event(5, "b", 0)], 5, true);
        assert_eq!(take(&inbox, 4), "5-0");
        let many: Vec<_> = (6..7 + QUEUE as u64).map(|sequence| event(sequence, "b", 0)).collect();
        inbox.put(&many, 6 + QUEUE as u64, true);
        assert!((0..QUEUE).all(|_| take(&inbox, 5).ends_with("-0")));
        assert_eq!(take(&inbox, 5), "behind");
    }

    #[test]
    fn one_that_was_not_asked_what_it_wants_stays_behind() {
        let inbox = inbox();
        inbox.put(&[], 5, false);
        assert_eq!(take(&inbox, 0), "behind");
        assert!(inbox.has_caught_up(5));
        assert_eq!(take(&inbox, 0), "quiet at 5");
    }
}
