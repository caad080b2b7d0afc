//! The space `analytics`: owns the windows of time of each device and metric, and says when one is over. Time is what the
//! readings say, not the clock: a device's watermark is its newest reading less the delay of the plan. A window is told
//! when the watermark passes its end, and told again when a reading comes late; what is later than the plan allows is
//! counted and left out. It fails only if its state cannot be written.

mod plan;

use iot_messages::{Accepted, Metric, Summed, Sums, device};
use plan::{Coming, Plan};
use spacehost_sdk::prelude::*;
use std::collections::BTreeMap;

/// How many windows `windows` shows at once.
const PAGE: usize = 500;

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// How the readings of a metric are put into windows; one without a plan has none.
    #[serde(default)]
    windows: BTreeMap<Metric, Plan>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Window {
    end: u64,
    /// How often it was told.
    told: u64,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    start: u64,
    #[serde(flatten)]
    window: Window,
}

#[derive(Deserialize, JsonSchema)]
struct Page {
    /// Only windows that begin after this time.
    after: u64,
}

/// Where a device's readings went; each to one of the three.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Counts {
    on_time: u64,
    late: u64,
    too_late: u64,
}

#[derive(Cells)]
struct Analytics {
    /// By device and start, the windows that are not over yet, and those that were told.
    open: Map<(String, u64), Window>,
    told: Map<(String, u64), Window>,
    /// The time of each device's newest reading.
    newest: Map<String, u64>,
    counts: Map<String, Counts>,
    settings: Config<Settings>,
}

/// Sums up the readings of windows of time; the device is the key of each message.
#[space(partitions = 4, publishes(Summed))]
impl Analytics {
    #[event("ingestion.accepted.*")]
    fn accepted(&self, ctx: &Context, event: Accepted) -> Result<()> {
        let Some(plan) = self.settings.get()?.windows.remove(&event.metric) else { return Ok(()) };
        let newest = self.newest.get(&event.device)?.unwrap_or(0);
        let coming = plan.coming(event.at, newest);
        self.counts.update(&event.device, |counts| match coming {
            Coming::OnTime => counts.on_time += 1,
            Coming::Late => counts.late += 1,
            Coming::TooLate => counts.too_late += 1,
        })?;
        let (start, end) = plan.window(event.at);
        let key = (event.device.clone(), start);
        match coming {
            Coming::OnTime => self.open.set(&key, &with(self.open.get(&key)?, end, event.value))?,
            Coming::Late => self.tell(ctx, event.metric, &key, with(self.told.get(&key)?, end, event.value))?,
            Coming::TooLate => {}
        }
        if event.at > newest {
            self.newest.set(&event.device, &event.at)?;
            self.close(ctx, &event, plan.watermark(event.at))?;
        }
        Ok(())
    }

    /// Shows the device's windows, the oldest first, in pages; `told` is 0 for those that are not over yet.
    #[command]
    fn windows(&self, ctx: &Context, input: Option<Page>) -> Result<Vec<Shown>> {
        let device = device(ctx)?;
        let page = |windows: &Map<(String, u64), Window>| match &input {
            Some(Page { after }) => windows.under(&device).after(&(device.clone(), *after)),
            None => windows.under(&device),
        };
        // Whatever is told ends before whatever is open.
        let all = page(&self.told).chain(page(&self.open));
        all.take(PAGE).map(|entry| entry.map(|((_, start), window)| Shown { start, window })).collect()
    }

    /// Answers where the device's readings went.
    #[command]
    fn counts(&self, ctx: &Context) -> Result<Counts> {
        Ok(self.counts.get(&device(ctx)?)?.unwrap_or_default())
    }

    /// Tells all windows of the reading's device that are over.
    fn close(&self, ctx: &Context, newest: &Accepted, watermark: u64) -> Result<()> {
        for entry in self.open.under(&newest.device) {
            let (key, window) = entry?;
            if window.end > watermark {
                break;
            }
            self.open.delete(&key)?;
            self.tell(ctx, newest.metric, &key, window)?;
        }
        Ok(())
    }

    fn tell(&self, ctx: &Context, metric: Metric, key: &(String, u64), window: Window) -> Result<()> {
        let Window { end, told: revision, sums } = window;
        self.told.set(key, &Window { end, told: revision + 1, sums: sums.clone() })?;
        let (device, start) = key.clone();
        ctx.emit(&Summed { device, metric, start, end, revision, sums })
    }
}

/// The window with one more reading, or of the first one.
fn with(window: Option<Window>, end: u64, value: i64) -> Window {
    let Some(Window { told, sums, .. }) = window else {
        return Window { end, told: 0, sums: Sums { count: 1, sum: value, min: value, max: value } };
    };
    let Sums { count, sum, min, max } = sums;
    let sums = Sums { count: count + 1, sum: sum + value, min: min.min(value), max: max.max(value) };
    Window { end, told, sums }
}

#[cfg(test)]
mod tests;
