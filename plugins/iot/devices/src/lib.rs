//! The space `devices`: owns what is known of each device: its newest reading, how many there were, and whether it is
//! silent. It is told readings and alerts, and takes them as they come, in any order. It fails only if its state cannot be written.

use iot_messages::{Accepted, Metric, Raised, Silent, device};
use spacehost_sdk::prelude::*;

/// The twin of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Twin {
    metric: Metric,
    readings: u64,
    /// Of these, how many came after one that was measured later.
    late: u64,
    oldest: u64,
    newest: u64,
    /// The newest reading's.
    value: i64,
    silent: bool,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    #[serde(flatten)]
    twin: Twin,
    /// How many alerts were raised over it.
    alerts: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// After how many seconds without a reading a device is silent.
    #[serde(default = "an_hour")]
    silent_after_s: u64,
}

fn an_hour() -> u64 {
    3_600
}

#[derive(Cells)]
struct Devices {
    twins: Map<String, Twin>,
    /// How many alerts were raised over each device.
    alerts: Map<String, u64>,
    settings: Config<Settings>,
}

/// Knows the devices; the device is the key of each message.
#[space(partitions = 4, publishes(Silent))]
impl Devices {
    #[event("ingestion.accepted.*")]
    fn accepted(&self, ctx: &Context, event: Accepted) -> Result<()> {
        // Nothing here asks whether the reading came before: ingestion tells each once, and the host delivers it once.
        let twin = match self.twins.get(&event.device)? {
            None => first(&event),
            Some(twin) => twin.with(&event),
        };
        self.twins.set(&event.device, &twin)?;
        let patience = Duration::from_secs(self.settings.get()?.silent_after_s);
        ctx.timers().set(&silence(&event.device), patience, &())
    }

    #[event("alerts.raised")]
    fn raised(&self, event: Raised) -> Result<()> {
        self.alerts.update(&event.device, |alerts| *alerts += 1)
    }

    /// Shows what is known of the device.
    #[command]
    fn show(&self, ctx: &Context) -> Result<Shown> {
        let device = device(ctx)?;
        let twin = self.twins.get(&device)?.or_fail("unknown-device", format!("{device} has sent nothing"))?;
        Ok(Shown { twin, alerts: self.alerts.get(&device)?.unwrap_or(0) })
    }

    /// A device has said nothing for long. Each reading sets its timer anew.
    #[timer]
    fn silent(&self, ctx: &Context) -> Result<()> {
        let device = ctx.timer_key().or_fail("no-device", "the timer's name says which device")?;
        let Some(mut twin) = self.twins.get(device)? else { return Ok(()) };
        twin.silent = true;
        self.twins.set(device, &twin)?;
        // A timer comes without a key, so the event gets the one that the readings had.
        let Twin { metric, newest, .. } = twin;
        ctx.with_key(device).emit(&Silent { device: device.to_owned(), metric, newest })
    }
}

fn first(reading: &Accepted) -> Twin {
    let &Accepted { metric, at, value, .. } = reading;
    Twin { metric, readings: 1, late: 0, oldest: at, newest: at, value, silent: false }
}

impl Twin {
    fn with(self, reading: &Accepted) -> Self {
        let late = reading.at < self.newest;
        Twin {
            metric: reading.metric,
            readings: self.readings + 1,
            late: self.late + u64::from(late),
            oldest: self.oldest.min(reading.at),
            newest: self.newest.max(reading.at),
            value: if late { self.value } else { reading.value },
            silent: false,
        }
    }
}

/// The name of the timer that `silent` handles.
fn silence(device: &str) -> String {
    format!("silent/{device}")
}

#[cfg(test)]
mod tests;
