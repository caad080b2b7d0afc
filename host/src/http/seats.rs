//! Who sits at the table: all connections, and which of them gives way when there are too many.
//!
//! Owns what each connection is doing, in one number per connection, so that a request takes no lock. Must not know sockets.
//! Those who never showed the token go first, the longest there before others; then those who did, the longest idle before
//! others. A request in hand is never given up; if all are in hand, the newcomer waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// What a connection does: one of these in the top bits, and below it since when, in ms since the start. The smallest such
/// number is who gives way first.
const STRANGER: u64 = 0;
const KNOWN: u64 = 1 << 62;
const IN_HAND: u64 = 2 << 62;
const DISPLACED: u64 = 3 << 62;

pub struct Seats {
    start: Instant,
    taken: Mutex<HashMap<u64, Arc<Seat>>>,
}

/// The place of one connection.
pub struct Seat {
    doing: AtomicU64,
    came: u64,
    known: AtomicBool,
    begun: AtomicBool,
    /// The answer to the request in hand is complete, but perhaps not sent.
    answered: AtomicBool,
    start: Instant,
    /// Rung when the connection shall go.
    go: Notify,
}

/// A seat, until the connection ends.
pub struct Seated {
    seats: Arc<Seats>,
    number: u64,
    pub seat: Arc<Seat>,
}

/// A request of a connection, from its head to the end of the answer. In hand it is until that is sent.
pub struct InHand(Arc<Seat>);

impl Seats {
    pub fn new(start: Instant) -> Arc<Self> {
        Arc::new(Seats { start, taken: Mutex::default() })
    }

    pub fn take(self: &Arc<Self>, number: u64, now: Instant) -> Seated {
        let came = ms(self.start, now);
        let seat = Arc::new(Seat {
            doing: AtomicU64::new(STRANGER | came),
            came,
            known: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            start: self.start,
            go: Notify::new(),
        });
        self.lock().insert(number, seat.clone());
        Seated { seats: self.clone(), number, seat }
    }

    /// Sends one connection away that does nothing; false when all have a request in hand, or are on their way out.
    pub fn displace(&self) -> bool {
        let taken = self.lock();
        loop {
            let first = taken.values().map(|seat| (seat.doing.load(SeqCst), seat)).min_by_key(|(doing, _)| *doing);
            match first {
                Some((doing, seat)) if doing < IN_HAND => {
                    // Else it has just begun a request, and another one is the first.
                    if seat.doing.compare_exchange(doing, DISPLACED, SeqCst, SeqCst).is_ok() {
                        seat.go.notify_one();
                        return true;
                    }
                }
                _ => return false,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// A whole head has come. None when the connection was just sent away: then nothing may begin on it.
    pub fn begin(self: &Arc<Self>) -> Option<InHand> {
        let mut doing = self.doing.load(SeqCst);
        while doing != DISPLACED {
            match self.doing.compare_exchange_weak(doing, IN_HAND, SeqCst, SeqCst) {
                Ok(_) => {
                    self.begun.store(true, SeqCst);
                    self.answered.store(false, SeqCst);
                    return Some(InHand(self.clone()));
                }
                Err(now) => doing = now,
            }
        }
        None
    }

    /// It has shown the token.
    pub fn is_known(&self) {
        self.known.store(true, SeqCst);
    }

    /// Whether a request has ever begun.
    pub fn has_begun(&self) -> bool {
        self.begun.load(SeqCst)
    }

    /// Returns when the connection is sent away.
    pub async fn sent_away(&self) {
        self.go.notified().await;
    }

    /// All that was to be sent is in the kernel's hands.
    pub fn sent(&self) {
        if self.answered.load(SeqCst) {
            self.answered.store(false, SeqCst);
            self.rest(Instant::now());
        }
    }

    fn rest(&self, now: Instant) {
        // A stranger grows no younger by asking.
        let doing = if self.known.load(SeqCst) { KNOWN | ms(self.start, now) } else { STRANGER | self.came };
        self.doing.store(doing, SeqCst);
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.answered.store(true, SeqCst);
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.number);
    }
}

fn ms(start: Instant, now: Instant) -> u64 {
    // 62 bits of milliseconds are 146 million years.
    now.saturating_duration_since(start).as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Table {
        seats: Arc<Seats>,
        start: Instant,
        seated: Vec<Seated>,
    }

    impl Table {
        /// So many connections, one a second.
        fn of(count: u64) -> Self {
            let start = Instant::now();
            let seats = Seats::new(start);
            let seated = (0..count).map(|n| seats.take(n, start + Duration::from_secs(n))).collect();
            Table { seats, start, seated }
        }

        fn seat(&self, at: usize) -> &Arc<Seat> {
            &self.seated[at].seat
        }

        /// It asks with the token, and is answered after so many seconds.
        fn asks_as_known(&self, at: usize, until: u64) {
            drop(self.seat(at).begin());
            self.seat(at).is_known();
            self.seat(at).rest(self.start + Duration::from_secs(until));
        }

        /// Who goes, in which order.
        fn order(&self) -> Vec<usize> {
            let gone = || (0..self.seated.len()).filter(|at| self.seat(*at).doing.load(SeqCst) == DISPLACED);
            let (mut known, mut order) = (gone().collect::<Vec<_>>(), Vec::new());
            while self.seats.displace() {
                order.extend(gone().filter(|at| !known.contains(at)));
                known.extend(&order);
            }
            order
        }
    }

    #[test]
    fn strangers_go_first_and_then_the_longest_idle() {
        let table = Table::of(5);
        table.asks_as_known(0, 100);
        table.asks_as_known(1, 50);
        assert_eq!(table.order(), [2, 3, 4, 1, 0]);
    }

    #[test]
    fn a_stranger_grows_no_younger_by_asking() {
        let table = Table::of(3);
        drop(table.seat(0).begin());
        table.seat(0).sent();
        assert_eq!(table.order(), [0, 1, 2]);
    }

    #[test]
    fn a_request_in_hand_is_not_given_up() {
        let table = Table::of(3);
        let hand = table.seat(1).begin();
        assert_eq!(table.order(), [0, 2]);
        table.seat(1).sent();
        assert!(table.order().is_empty(), "what was sent is not the answer");
        drop(hand);
        assert!(table.order().is_empty(), "the answer is not sent");
        table.seat(1).sent();
        assert_eq!(table.order(), [1]);
    }

    #[test]
    fn the_next_request_in_hand_keeps_the_answer_before_it() {
        let table = Table::of(1);
        drop(table.seat(0).begin());
        let next = table.seat(0).begin();
        table.seat(0).sent();
        assert!(table.order().is_empty());
        drop(next);
        table.seat(0).sent();
        assert_eq!(table.order(), [0]);
    }

    #[tokio::test]
    async fn who_is_sent_away_begins_nothing_more() {
        let table = Table::of(1);
        assert!(table.seats.displace());
        table.seat(0).sent_away().await;
        assert!(table.seat(0).begin().is_none());
        assert!(!table.seat(0).has_begun());
    }

    #[test]
    fn a_connection_that_ends_leaves_its_seat() {
        let mut table = Table::of(2);
        table.seated.clear();
        assert!(!table.seats.displace() && table.seats.lock().is_empty());
    }
}
