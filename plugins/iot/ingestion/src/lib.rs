//! The space `ingestion`: owns which readings have come, and is the only one to let one in. It knows the limits of what
//! can be measured, and nothing of what becomes of a reading. What is no reading is refused with `bad-input`; one that
//! cannot be true is answered as `refused` and counted, because a sensor that lies is no error of the sender's program.

mod plausible;

use iot_messages::{Accepted, Metric, Place, device};
use spacehost_sdk::prelude::*;

const DAY_MS: u64 = 86_400_000;
/// For so long after the newest reading of a device an older one may come; its id is remembered as long, and no longer.
const REMEMBERED_MS: u64 = 30 * DAY_MS;

#[derive(Debug, Deserialize, JsonSchema)]
struct Reading {
    /// The device's own name for it; sent again, it has the same id and time.
    id: String,
    /// When it was measured, in milliseconds since 1970.
    at: u64,
    metric: Metric,
    /// In hundredths.
    value: i64,
    place: Option<Place>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
enum Verdict {
    Accepted,
    /// It was accepted before.
    Duplicate,
    /// It is so old that nobody knows any more whether it came before.
    Expired,
    Refused {
        why: String,
    },
}

/// What is known of a device that has sent something.
#[derive(Serialize, Deserialize)]
struct Known {
    /// A device measures one thing; its first reading says which.
    metric: Metric,
    /// The time of its newest reading.
    newest: u64,
}

/// What became of a device's readings.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Counts {
    accepted: u64,
    duplicates: u64,
    expired: u64,
    refused: u64,
}

#[derive(Cells)]
struct Ingestion {
    /// By device, time and id; the oldest first, so that they are forgotten without a search.
    seen: Map<(String, u64, String), ()>,
    devices: Map<String, Known>,
    counts: Map<String, Counts>,
}

/// Takes in readings; the device is the key of each command.
#[space(partitions = 4, publishes(Accepted))]
impl Ingestion {
    /// Takes in a reading, once; answers what became of it.
    #[command]
    fn take(&self, ctx: &Context, input: Reading) -> Result<Verdict> {
        let device = device(ctx)?;
        let verdict = self.judge(ctx, &device, &input)?;
        self.counts.update(&device, |counts| match verdict {
            Verdict::Accepted => counts.accepted += 1,
            Verdict::Duplicate => counts.duplicates += 1,
            Verdict::Expired => counts.expired += 1,
            Verdict::Refused { .. } => counts.refused += 1,
        })?;
        if verdict == Verdict::Accepted {
            self.accept(ctx, device, input)?;
        }
        Ok(verdict)
    }

    /// Answers what became of the device's readings.
    #[command]
    fn counts(&self, ctx: &Context) -> Result<Counts> {
        Ok(self.counts.get(&device(ctx)?)?.unwrap_or_default())
    }

    fn judge(&self, ctx: &Context, device: &str, reading: &Reading) -> Result<Verdict> {
        if let Some(why) = plausible::objection(device, reading, ctx.now()) {
            return Ok(Verdict::Refused { why });
        }
        match self.devices.get(device)? {
            Some(Known { metric, .. }) if metric != reading.metric => {
                return Ok(Verdict::Refused { why: format!("{device} measures {metric}, not {}", reading.metric) });
            }
            Some(Known { newest, .. }) if reading.at < newest.saturating_sub(REMEMBERED_MS) => {
                return Ok(Verdict::Expired);
            }
            _ => {}
        }
        let key = (device.to_owned(), reading.at, reading.id.clone());
        Ok(if self.seen.contains(&key) { Verdict::Duplicate } else { Verdict::Accepted })
    }

    fn accept(&self, ctx: &Context, device: String, reading: Reading) -> Result<()> {
        let Reading { id, at, metric, value, place } = reading;
        let newest = self.devices.get(&device)?.map_or(at, |known| known.newest.max(at));
        self.devices.set(&device, &Known { metric, newest })?;
        self.forget(&device, newest.saturating_sub(REMEMBERED_MS))?;
        self.seen.set(&(device.clone(), at, id.clone()), &())?;
        ctx.emit(&Accepted { device, id, at, metric, value, place })
    }

    /// What is older than this is not let in, so nobody needs to know whether it has come.
    fn forget(&self, device: &str, oldest: u64) -> Result<()> {
        for key in self.seen.under(device).keys() {
            let key = key?;
            if key.1 >= oldest {
                break;
            }
            self.seen.delete(&key)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
