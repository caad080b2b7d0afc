//! What is measured of a space over time: latencies of the last minute, the age of what waits longest.
//!
//! Reads what the actors have counted, on demand. Must not slow them down, and cannot fail.

use super::turn::now_ns;
use super::{Counters, Space, lock};
use crate::runtime::api::{Latency, SpaceFigures};
use crate::words::{Distribution, Histogram, Pattern};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often the window moves: what is shown is between one and two of these.
pub const STEP: Duration = Duration::from_secs(30);

/// The latencies as they were when the window last moved, and the time before.
#[derive(Default)]
pub struct Window(Mutex<[Option<Box<Distribution>>; 2]>);

impl Window {
    fn roll(&self, now: Distribution) {
        let mut window = lock(&self.0);
        let last = window[1].replace(Box::new(now));
        // Before the first move it began with nothing.
        window[0] = Some(last.unwrap_or_default());
    }

    /// What has come since the window began; all, as long as it has not moved.
    fn recent(&self, now: &Distribution) -> Distribution {
        let window = lock(&self.0);
        window.iter().flatten().next().map_or_else(|| now.clone(), |begin| now.since(begin))
    }
}

impl Space {
    /// The window moves on by a step.
    pub fn roll(&self) {
        self.window.roll(self.distribution(|counters| &counters.latency));
    }

    pub fn latency(&self) -> Latency {
        let recent = self.window.recent(&self.distribution(|counters| &counters.latency));
        let micros = |share| recent.quantile(share).div_ceil(1_000);
        Latency { p50_us: micros(0.5), p99_us: micros(0.99), count: recent.count() }
    }

    fn distribution(&self, of: fn(&Counters) -> &Histogram) -> Distribution {
        self.partitions.iter().fold(Distribution::default(), |mut sum, partition| {
            sum += &of(&partition.counters).read();
            sum
        })
    }

    /// How long the oldest message that is not done with has been there.
    fn oldest(&self) -> Duration {
        let oldest = self.partitions.iter().flat_map(|partition| {
            [partition.counters.oldest_ns.load(Ordering::Relaxed), partition.mailbox.oldest_ns().unwrap_or(0)]
        });
        let oldest = oldest.filter(|since| *since > 0).min();
        oldest.map_or(Duration::ZERO, |since| Duration::from_nanos(now_ns().saturating_sub(since)))
    }

    /// None for a space that has never served.
    pub fn figures(&self) -> Option<SpaceFigures> {
        let loaded = self.loaded()?;
        Some(SpaceFigures {
            name: self.name.clone(),
            state: self.state(),
            generation: loaded.generation,
            usage: self.usage(),
            space_memory_bytes: self.memory.used(),
            took: self.distribution(|counters| &counters.took),
            latency: self.distribution(|counters| &counters.latency),
            buried: self.partitions.iter().map(|one| one.counters.buried.load(Ordering::Relaxed)).sum(),
            oldest: self.oldest(),
        })
    }

    /// By which of its subscriptions the space hears that topic.
    pub fn pattern_of(&self, topic: &str) -> Option<Arc<str>> {
        let shared = |pattern: &Pattern| pattern.matches(topic).then(|| pattern.shared());
        match &*self.loaded.load() {
            Some(loaded) => {
                loaded.artifact.descriptor().subscriptions.iter().find_map(|subscribed| shared(&subscribed.pattern))
            }
            None => self.past.load().as_ref().and_then(|past| past.subscriptions.iter().find_map(shared)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_forgets_what_is_older_than_two_steps() {
        let (window, histogram) = (Window::default(), Histogram::default());
        let recent = |window: &Window| window.recent(&histogram.read()).count();
        histogram.note(1);
        assert_eq!(recent(&window), 1);
        window.roll(histogram.read());
        histogram.note(1);
        assert_eq!(recent(&window), 2, "the first step is one still");
        window.roll(histogram.read());
        histogram.note(1);
        assert_eq!(recent(&window), 2);
        window.roll(histogram.read());
        assert_eq!(recent(&window), 1);
    }
}
