//! How a metric's readings are put into windows, and when one is too late for its own. Pure: it knows times, no readings.

use spacehost_sdk::prelude::*;

const HOUR_MS: u64 = 3_600_000;

#[derive(Deserialize, JsonSchema)]
pub struct Plan {
    /// How long a window is.
    hours: u16,
    /// How long a window waits for its last readings, once a newer one has come.
    delay_hours: u16,
    /// For how long after that a reading may still come late.
    late_hours: u16,
}

/// When a reading comes, as its window sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coming {
    OnTime,
    /// The window was told, or would have been if it had held anything.
    Late,
    TooLate,
}

impl Plan {
    /// Where the window of that time begins and ends.
    pub fn window(&self, at: u64) -> (u64, u64) {
        let length = u64::from(self.hours.max(1)) * HOUR_MS;
        let start = at - at % length;
        (start, start.saturating_add(length))
    }

    /// Up to where all readings are taken to have come, after one of that time.
    pub fn watermark(&self, newest: u64) -> u64 {
        newest.saturating_sub(u64::from(self.delay_hours) * HOUR_MS)
    }

    /// How a reading comes whose device's newest one is of that time; 0 if it is the first.
    pub fn coming(&self, at: u64, newest: u64) -> Coming {
        let (_, end) = self.window(at);
        let watermark = self.watermark(newest);
        if watermark < end {
            Coming::OnTime
        } else if watermark < end.saturating_add(u64::from(self.late_hours) * HOUR_MS) {
            Coming::Late
        } else {
            Coming::TooLate
        }
    }
}
