//! Idempotency keys: the same request under the same key has its effects once and gets the same answer.
//!
//! Owns the table of answers, bounded in places and bytes; what a durable host answered before it started is handed in,
//! because each record keeps the key that its message came with. Must not know HTTP. An answer is kept for 24 hours when
//! repeating the work could change it: success, and failures that are not retryable, and a time-out, after which nobody
//! knows. Other failures free the key. A full table refuses new keys; it never forgets early.

use crate::runtime::api::{Answered, AnsweredWith, Refusal};
use crate::words::MessageId;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

pub const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
pub const PLACES: usize = 100_000;
/// Kept answers together, for each place; one may overshoot, because its size is known only when its effects are there.
const BYTES_PER_PLACE: usize = (256 << 20) / PLACES;

/// What a message got that the host accepted.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Body(Bytes),
    Accepted(MessageId),
}

pub type Answer = Result<Reply, Refusal>;

/// A digest of the key and what it is for: space and command, or topic.
pub type Key = [u8; 32];

/// What the key was used for: a digest of body and partition key.
pub type Digest = [u8; 32];

/// Why a key gave no answer.
#[derive(Debug, PartialEq)]
pub enum KeyError {
    Reused,
    Full,
}

/// The table.
pub struct Keys {
    table: Mutex<Table>,
    places: usize,
}

#[derive(Default)]
struct Table {
    entries: HashMap<Key, Entry>,
    /// Kept entries by the time at which they end; all are kept equally long, so this is the order of arrival.
    ends: VecDeque<(Instant, Key)>,
    bytes: usize,
}

struct Entry {
    digest: Digest,
    answer: Progress,
}

enum Progress {
    Running(watch::Receiver<Option<Answer>>),
    Kept(Answer),
}

enum Claim {
    First(Ticket),
    Wait(watch::Receiver<Option<Answer>>),
    Known(Answer),
}

impl Keys {
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Keys { table: Mutex::default(), places })
    }

    /// Keys in use.
    pub fn count(&self) -> usize {
        self.lock().entries.len()
    }

    /// Knows again what was answered before the host started, oldest first.
    pub fn remember(&self, answered: Vec<Answered>) {
        let mut table = self.lock();
        for Answered { idempotency, answer, age } in answered {
            let Some(left) = KEPT_FOR.checked_sub(age) else { continue };
            let answer = match answer {
                AnsweredWith::Accepted(id) => Ok(Reply::Accepted(id)),
                AnsweredWith::Done(body) => Ok(Reply::Body(body)),
                AnsweredWith::Failed(failure) => Err(Refusal::Failed(failure)),
            };
            let entry = Entry { digest: idempotency.content, answer: Progress::Kept(answer.clone()) };
            table.entries.insert(idempotency.key, entry);
            table.keep(&idempotency.key, answer, Instant::now() + left);
        }
    }

    /// Does `work` if nobody has under this key; else gives the first one's answer, when it is there.
    pub async fn once<W>(self: Arc<Self>, scope: Key, digest: Digest, work: W) -> Result<Answer, KeyError>
    where
        W: Future<Output = Answer>,
    {
        loop {
            match self.claim(&scope, digest, Instant::now())? {
                Claim::Known(answer) => return Ok(answer),
                Claim::Wait(mut running) => {
                    // An error means that the first one vanished without an answer: then this one may be the first.
                    if let Ok(answer) = running.wait_for(Option::is_some).await
                        && let Some(answer) = answer.clone()
                    {
                        return Ok(answer);
                    }
                }
                Claim::First(ticket) => {
                    let answer = work.await;
                    ticket.finish(&answer, Instant::now());
                    return Ok(answer);
                }
            }
        }
    }

    fn claim(self: &Arc<Self>, scope: &Key, digest: Digest, now: Instant) -> Result<Claim, KeyError> {
        let mut table = self.lock();
        table.drop_ended(now);
        if let Some(entry) = table.entries.get(scope) {
            return match &entry.answer {
                _ if entry.digest != digest => Err(KeyError::Reused),
                Progress::Running(answer) => Ok(Claim::Wait(answer.clone())),
                Progress::Kept(answer) => Ok(Claim::Known(answer.clone())),
            };
        }
        if table.entries.len() >= self.places || table.bytes >= self.places * BYTES_PER_PLACE {
            return Err(KeyError::Full);
        }
        let (tell, answer) = watch::channel(None);
        table.entries.insert(*scope, Entry { digest, answer: Progress::Running(answer) });
        Ok(Claim::First(Ticket { keys: self.clone(), scope: *scope, tell, finished: false }))
    }

    /// A panic elsewhere cannot leave the table half changed, so a poisoned lock is a good one.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn drop_ended(&mut self, now: Instant) {
        while let Some((_, scope)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            if let Some(entry) = self.entries.remove(&scope) {
                self.bytes -= weight(&entry.answer);
            }
        }
    }

    fn keep(&mut self, scope: &Key, answer: Answer, ends: Instant) {
        if let Some(entry) = self.entries.get_mut(scope) {
            entry.answer = Progress::Kept(answer);
            self.bytes += weight(&entry.answer);
            self.ends.push_back((ends, *scope));
        }
    }
}

fn weight(answer: &Progress) -> usize {
    let answer = match answer {
        Progress::Kept(Ok(Reply::Body(body))) => body.len(),
        Progress::Kept(Err(Refusal::Failed(failure))) => failure.code.len() + failure.message.len(),
        _ => 0,
    };
    size_of::<Key>() + answer
}

/// The right, and the duty, to answer for a key. Dropped without an answer, it frees the key.
struct Ticket {
    keys: Arc<Keys>,
    scope: Key,
    tell: watch::Sender<Option<Answer>>,
    finished: bool,
}

impl Ticket {
    fn finish(mut self, answer: &Answer, now: Instant) {
        if is_final(answer) {
            self.keys.lock().keep(&self.scope, answer.clone(), now + KEPT_FOR);
            self.finished = true;
        }
        // Those who waited share the answer even if the key is free again: they asked at the same time.
        self.tell.send_replace(Some(answer.clone()));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.finished {
            self.keys.lock().entries.remove(&self.scope);
        }
    }
}

/// Whether repeating the work could do harm, or give nothing new.
fn is_final(answer: &Answer) -> bool {
    match answer {
        Ok(_) | Err(Refusal::Unknown(_)) => true,
        Err(Refusal::Failed(failure)) => !failure.retryable,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Failure;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    fn body(text: &'static str) -> Answer {
        Ok(Reply::Body(Bytes::from_static(text.as_bytes())))
    }

    fn digest(text: &str) -> Digest {
        *blake3::hash(text.as_bytes()).as_bytes()
    }

    async fn ask(keys: &Arc<Keys>, key: &str, given: &str, answer: Answer) -> Result<Answer, KeyError> {
        keys.clone().once(digest(key), digest(given), async { answer }).await
    }

    /// Answers have no equality because refusals have none; their text will do.
    fn text(answer: Result<Answer, KeyError>) -> String {
        format!("{answer:?}")
    }

    #[tokio::test]
    async fn the_second_request_gets_the_first_answer() {
        let keys = Keys::new(10);
        let first = text(ask(&keys, "k", "x", body("one")).await);
        assert_eq!(text(ask(&keys, "k", "x", body("two")).await), first);
        assert!(text(ask(&keys, "other", "x", body("two")).await).contains("two"));
    }

    #[tokio::test]
    async fn another_body_under_the_same_key_is_refused() {
        let keys = Keys::new(10);
        ask(&keys, "k", "x", body("one")).await.unwrap().unwrap();
        assert_eq!(ask(&keys, "k", "y", body("two")).await.unwrap_err(), KeyError::Reused);
    }

    #[tokio::test]
    async fn failures_that_may_pass_free_the_key_and_final_ones_stay() {
        let keys = Keys::new(10);
        let retryable = Err(Refusal::Failed(Failure::passing("busy", "later")));
        let last = Err(Refusal::Failed(Failure::last("sold-out", "never")));
        ask(&keys, "a", "x", retryable).await.unwrap().unwrap_err();
        assert!(text(ask(&keys, "a", "x", body("now")).await).contains("now"));
        ask(&keys, "b", "x", last).await.unwrap().unwrap_err();
        assert!(text(ask(&keys, "b", "x", body("now")).await).contains("sold-out"));
        ask(&keys, "c", "x", Err(Refusal::Unknown(KEPT_FOR))).await.unwrap().unwrap_err();
        assert!(text(ask(&keys, "c", "x", body("now")).await).contains("Unknown"));
    }

    #[tokio::test]
    async fn who_comes_while_the_first_runs_waits_and_shares_the_answer() {
        let keys = Keys::new(10);
        let runs = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (keys, runs) = (keys.clone(), runs.clone());
            tokio::spawn(keys.once(digest("k"), digest("x"), async move {
                tokio::task::yield_now().await;
                runs.fetch_add(1, SeqCst);
                Err(Refusal::Stopping)
            }))
        };
        let asked: Vec<_> = (0..5).map(|_| ask()).collect();
        for answer in asked {
            assert!(answer.await.unwrap().unwrap().is_err());
        }
        assert_eq!(runs.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn a_first_that_vanishes_leaves_its_place_to_the_next() {
        let keys = Keys::new(10);
        let never = keys.clone().once(digest("k"), digest("x"), std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        assert!(text(ask(&keys, "k", "x", body("one")).await).contains("one"));
    }

    #[tokio::test]
    async fn a_full_table_refuses_and_has_room_again_after_a_day() {
        let keys = Keys::new(1);
        ask(&keys, "a", "x", body("one")).await.unwrap().unwrap();
        assert_eq!(ask(&keys, "b", "x", body("two")).await.unwrap_err(), KeyError::Full);
        assert!(text(ask(&keys, "a", "x", body("two")).await).contains("one"));
        let tomorrow = Instant::now() + KEPT_FOR;
        assert!(matches!(keys.claim(&digest("b"), digest("x"), tomorrow), Ok(Claim::First(_))));
        assert_eq!(keys.lock().bytes, 0);
    }
}
