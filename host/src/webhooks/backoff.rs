//! How long to wait after failures in a row.
//!
//! Pure: chance is passed in. Cannot fail.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub fn new(first: Duration, most: Duration) -> Self {
        Backoff { first, most, failures: 0 }
    }

    /// So many in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// After one more failure: doubled each time, and a fifth more or less by `chance`, which is from 0 to 1. Those that failed
    /// together do not come back together.
    pub fn after_failure(&mut self, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.most).mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0)).min(self.most)
    }

    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(chance: f64, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(600));
        (0..count).map(|_| backoff.after_failure(chance).as_millis() as u64).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest_and_stay_there() {
        let expected =
            [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000, 600_000, 600_000];
        assert_eq!(waits(0.5, 12), expected);
        assert_eq!(waits(0.5, 100)[99], 600_000);
    }

    #[test]
    fn chance_makes_them_a_fifth_shorter_or_longer_and_never_longer_than_the_longest() {
        assert_eq!(waits(0.0, 11)[..2], [800, 1_600]);
        assert_eq!(waits(1.0, 11)[..2], [1_200, 2_400]);
        assert_eq!((waits(0.0, 11)[10], waits(1.0, 11)[10]), (480_000, 600_000));
    }

    #[test]
    fn a_success_begins_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(600));
        backoff.after_failure(0.5);
        backoff.after_failure(0.5);
        assert_eq!(backoff.failures(), 2);
        backoff.succeeded();
        assert_eq!(backoff.after_failure(0.5), Duration::from_secs(1));
    }
}
