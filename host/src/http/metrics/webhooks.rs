//! The families of webhooks: which figure has which name.
//!
//! As in `families`. There are a hundred webhooks in the settings at most.

use super::series::{counter, gauge, histogram};
use crate::webhooks::{HookFigures, HookState};
use prometheus::proto::MetricFamily;

pub fn of(hooks: &[HookFigures]) -> Vec<MetricFamily> {
    let each = |field: fn(&HookFigures) -> u64| {
        hooks.iter().map(move |hook| (vec![("webhook", &*hook.name)], field(hook) as f64))
    };
    let states = hooks.iter().flat_map(|hook| {
        HookState::ALL.map(|state| {
            let is_in_it = f64::from(u8::from(hook.state == state));
            (vec![("webhook", &*hook.name), ("state", state.word())], is_in_it)
        })
    });
    let took = hooks.iter().map(|hook| (vec![("webhook", &*hook.name)], &hook.took));
    let mut families = vec![
        counter("spacehost_webhook_delivered_total", "Events that were delivered.", each(|hook| hook.delivered)),
        counter("spacehost_webhook_failures_total", "Attempts that have failed.", each(|hook| hook.failed_attempts)),
        histogram(
            "spacehost_webhook_attempt_duration_seconds",
            "How long attempts took, until the answer or the failure.",
            took,
        ),
        gauge(
            "spacehost_webhook_lag_records",
            "Records of the journal that a webhook has not looked at.",
            each(|hook| hook.lag),
        ),
        gauge(
            "spacehost_webhook_dead_letters",
            "Events set aside after their last attempt.",
            each(|hook| hook.dead_letters),
        ),
        counter(
            "spacehost_webhook_dead_lettered_events_total",
            "Events that became dead letters.",
            each(|hook| hook.buried),
        ),
        counter("spacehost_webhook_gaps_total", "Times that events were lost to a webhook.", each(|hook| hook.gaps)),
        gauge("spacehost_webhook_state", "1 for the state that a webhook is in.", states),
    ];
    families.retain(|family| !family.get_metric().is_empty());
    families
}
