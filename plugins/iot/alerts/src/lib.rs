//! The space `alerts`: owns the alerts, and raises each one once. What calls for one is in the operator's rules. It is told
//! readings, windows and silences, and asks nobody. It fails only if its settings do not fit or its state cannot be
//! written.

mod rules;

use iot_messages::{Accepted, Metric, Raised, Silent, Summed, device};
use rules::{Figure, Rule};
use spacehost_sdk::prelude::*;

/// How many alerts `list` shows at once.
const PAGE: usize = 500;

#[derive(Deserialize, JsonSchema)]
struct Settings {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Cells)]
struct Alerts {
    /// The value of each alert, by device, rule and cause.
    raised: Map<(String, String, String), i64>,
    settings: Config<Settings>,
}

/// Raises alerts; the device is the key of each message.
#[space(partitions = 4, publishes(Raised))]
impl Alerts {
    #[event("ingestion.accepted.*")]
    fn accepted(&self, ctx: &Context, event: Accepted) -> Result<()> {
        self.check(ctx, event.metric, &event.device, &event.id, &[(Figure::Value, event.value)])
    }

    /// A window is told again when a reading comes late: then this finds its alerts raised already.
    #[event("analytics.summed.*")]
    fn summed(&self, ctx: &Context, event: Summed) -> Result<()> {
        let sums = &event.sums;
        let count = i64::try_from(sums.count).unwrap_or(i64::MAX);
        let figures =
            [(Figure::Count, count), (Figure::Sum, sums.sum), (Figure::Min, sums.min), (Figure::Max, sums.max)];
        self.check(ctx, event.metric, &event.device, &event.start.to_string(), &figures)
    }

    /// Silence is the same for all devices, so it needs no rule.
    #[event("devices.silent")]
    fn silent(&self, ctx: &Context, event: Silent) -> Result<()> {
        let cause = event.newest.to_string();
        self.raise(ctx, Raised { device: event.device, rule: "silent".to_owned(), cause, value: 0 })
    }

    /// Lists the device's alerts, in the order of rule and cause; `after` is the last one of the page before.
    #[command]
    fn list(&self, ctx: &Context, after: Option<Raised>) -> Result<Vec<Raised>> {
        let device = device(ctx)?;
        let mut alerts = self.raised.under(&device);
        if let Some(last) = after {
            alerts = alerts.after(&(device, last.rule, last.cause));
        }
        let shown = |((device, rule, cause), value)| Raised { device, rule, cause, value };
        alerts.take(PAGE).map(|entry| entry.map(shown)).collect()
    }

    fn check(&self, ctx: &Context, metric: Metric, device: &str, cause: &str, figures: &[(Figure, i64)]) -> Result<()> {
        for rule in self.settings.get()?.rules {
            if let Some(value) = rule.called_for(metric, figures) {
                let (device, cause) = (device.to_owned(), cause.to_owned());
                self.raise(ctx, Raised { device, rule: rule.name, cause, value })?;
            }
        }
        Ok(())
    }

    fn raise(&self, ctx: &Context, alert: Raised) -> Result<()> {
        let key = (alert.device.clone(), alert.rule.clone(), alert.cause.clone());
        if self.raised.contains(&key) {
            return Ok(());
        }
        self.raised.set(&key, &alert.value)?;
        ctx.emit(&alert)
    }
}

#[cfg(test)]
mod tests;
