//! How many wrong tokens are answered in full: a bucket for the whole host.
//!
//! Pure: time comes in. Must not know tokens or requests. It is asked about wrong tokens only, so that whoever has the right
//! one is never locked out by those who guess, and one bucket is enough: guessers share nothing worth keeping apart.

use std::time::{Duration, Instant};

/// Wrong tokens in a row that are answered as usual.
pub const AT_ONCE: u32 = 10;
/// One more after each such time.
pub const EVERY: Duration = Duration::from_secs(1);

pub struct Guesses {
    left: u32,
    since: Instant,
}

impl Guesses {
    pub fn new(now: Instant) -> Self {
        Guesses { left: AT_ONCE, since: now }
    }

    /// One more wrong token; the error says after what time another one will be answered as usual.
    pub fn wrong(&mut self, now: Instant) -> Result<(), Duration> {
        self.refill(now);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(EVERY.saturating_sub(now.saturating_duration_since(self.since))),
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since).as_millis() / EVERY.as_millis();
        let whole = u32::try_from(passed).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(whole).min(AT_ONCE);
        // A full bucket saves up no time; else the part of a step that has passed counts for the next one.
        self.since = if self.left == AT_ONCE { now } else { self.since + EVERY * whole };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_at_once_then_one_a_second() {
        let start = Instant::now();
        let mut guesses = Guesses::new(start);
        for _ in 0..AT_ONCE {
            assert_eq!(guesses.wrong(start), Ok(()));
        }
        assert_eq!(guesses.wrong(start), Err(EVERY));
        assert_eq!(guesses.wrong(start + EVERY / 4), Err(EVERY * 3 / 4));
        assert_eq!(guesses.wrong(start + EVERY), Ok(()));
        assert_eq!(guesses.wrong(start + EVERY), Err(EVERY));
    }

    #[test]
    fn a_million_guesses_in_ten_seconds_get_nineteen_answers() {
        let start = Instant::now();
        let mut guesses = Guesses::new(start);
        let times = (0..1_000_000).map(|n| start + Duration::from_micros(10 * n));
        assert_eq!(times.filter(|now| guesses.wrong(*now).is_ok()).count(), 19, "10 at once, and 9 whole seconds");
    }

    #[test]
    fn rest_fills_it_again_and_saves_up_no_more() {
        let start = Instant::now();
        let mut guesses = Guesses::new(start);
        let later = start + Duration::from_secs(1 << 40);
        assert_eq!((0..100).filter(|_| guesses.wrong(later).is_ok()).count(), AT_ONCE as usize);
        assert!(guesses.wrong(start).is_err(), "a clock that goes back gives nothing");
    }
}
