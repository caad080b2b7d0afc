//! How long things took: a histogram with fixed buckets, and what is read from it.
//!
//! Pure. A histogram has one writer, so that noting a time costs two plain stores; it is read by anyone at any time. The
//! buckets are two to an octave from a microsecond to two minutes: bounded, and the same for all, so that they add up.

use std::sync::atomic::{AtomicU64, Ordering};

/// The bound of the first bucket in nanoseconds, as a power of two.
const FIRST: u32 = 10;
const OCTAVES: usize = 27;
/// The first bucket takes all that is shorter, the last one all that is longer.
const BUCKETS: usize = 2 + 2 * OCTAVES;
/// The bounds that are shown to others are four times each other.
const OCTAVES_PER_STEP: usize = 2;

/// Of times in nanoseconds. Written by one thread at a time.
#[derive(Debug)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: [const { AtomicU64::new(0) }; BUCKETS], sum_ns: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub fn note(&self, nanoseconds: u64) {
        add(&self.counts[bucket(nanoseconds)], 1);
        add(&self.sum_ns, nanoseconds);
    }

    /// As of now; what is noted meanwhile is in it or not.
    pub fn read(&self) -> Distribution {
        let counts = std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed));
        Distribution { counts, sum_ns: self.sum_ns.load(Ordering::Relaxed) }
    }
}

/// A single writer needs no read-modify-write.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// Half octaves: the highest bit chooses the octave, the one below it the half.
fn bucket(nanoseconds: u64) -> usize {
    let halves = nanoseconds >> (FIRST - 1);
    if halves < 2 {
        return 0;
    }
    let octave = halves.ilog2() - 1;
    let half = (halves >> octave) & 1;
    (1 + 2 * octave as usize + half as usize).min(BUCKETS - 1)
}

/// Where a bucket ends, in nanoseconds.
fn bound(bucket: usize) -> u64 {
    match bucket.checked_sub(1) {
        None => 1 << FIRST,
        Some(above) => (2 + above as u64 % 2 + 1) << (above / 2) << (FIRST - 1),
    }
}

/// What a histogram held at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    counts: [u64; BUCKETS],
    sum_ns: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution { counts: [0; BUCKETS], sum_ns: 0 }
    }
}

impl Distribution {
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// What has come since an earlier reading.
    pub fn since(&self, earlier: &Distribution) -> Distribution {
        let counts = std::array::from_fn(|bucket| self.counts[bucket].saturating_sub(earlier.counts[bucket]));
        Distribution { counts, sum_ns: self.sum_ns.wrapping_sub(earlier.sum_ns) }
    }

    /// Below which that share of all times lies, in nanoseconds, as if times were spread evenly within a bucket. 0: none.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.count() as f64).max(1.0);
        let mut below = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            if *count > 0 && (below + count) as f64 >= wanted {
                let (from, to) = (bucket.checked_sub(1).map_or(0, bound), bound(bucket));
                let part = (wanted - below as f64) / *count as f64;
                return from + ((to - from) as f64 * part) as u64;
            }
            below += count;
        }
        0
    }

    /// Bounds in seconds, each with how many times were shorter; each four times the one before.
    pub fn steps(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut below = 0;
        let all = self.counts.iter().enumerate().map(move |(bucket, count)| {
            below += count;
            (bound(bucket) as f64 / 1e9, below)
        });
        all.take(BUCKETS - 1).step_by(2 * OCTAVES_PER_STEP)
    }
}

impl std::ops::AddAssign<&Distribution> for Distribution {
    fn add_assign(&mut self, more: &Distribution) {
        self.counts.iter_mut().zip(more.counts).for_each(|(sum, more)| *sum += more);
        self.sum_ns = self.sum_ns.wrapping_add(more.sum_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_between_the_bounds_of_its_bucket() {
        for nanoseconds in [0, 1, 1_023, 1_024, 1_535, 1_536, 2_047, 2_048, 999_999, 1_000_000, 60_000_000_000] {
            let bucket = bucket(nanoseconds);
            let from = bucket.checked_sub(1).map_or(0, bound);
            assert!((from..bound(bucket)).contains(&nanoseconds), "{nanoseconds}: {from} to {}", bound(bucket));
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1, "the last one has no end");
    }

    #[test]
    fn quantiles_are_as_good_as_the_buckets() {
        let histogram = Histogram::default();
        (1..=1_000).for_each(|microseconds| histogram.note(microseconds * 1_000));
        let read = histogram.read();
        for (share, right) in [(0.5, 500_000.0), (0.99, 990_000.0), (0.01, 10_000.0)] {
            let found = read.quantile(share) as f64;
            assert!((found / right - 1.0).abs() < 0.25, "{share}: {found}");
        }
        assert_eq!(Distribution::default().quantile(0.5), 0);
    }

    #[test]
    fn steps_count_all_that_is_shorter() {
        let histogram = Histogram::default();
        [500, 3_000, 3_000, 1_000_000_000].into_iter().for_each(|time| histogram.note(time));
        let steps: Vec<_> = histogram.read().steps().collect();
        assert_eq!(&steps[..2], [(1.024e-6, 1), (4.096e-6, 3)]);
        assert_eq!((steps.len(), steps.last().unwrap().1), (14, 4));
        assert!((steps[13].0 - 68.7).abs() < 0.1, "{:?}", steps[13]);
        assert!((histogram.read().sum_seconds() - 1.0000065).abs() < 1e-9);
    }

    #[test]
    fn what_has_come_since_is_the_difference() {
        let histogram = Histogram::default();
        histogram.note(5_000);
        let before = histogram.read();
        histogram.note(7_000);
        let since = histogram.read().since(&before);
        assert_eq!((since.count(), since.sum_seconds()), (1, 7e-6));
        let mut sum = before;
        sum += &since;
        assert_eq!(sum, histogram.read());
    }
}
