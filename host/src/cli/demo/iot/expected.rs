//! What the spaces must find, computed directly: from each device's whole list of deliveries at once, instead of one
//! message at a time.
//!
//! Pure. It shares no code with the spaces.

use super::deliveries::Delivery;
use super::found::{Alert, Came, Found, Taken, Twin, Window};
use super::input::Reading;
use super::settings::{Plan, Rule, Settings};
use std::collections::{BTreeMap, BTreeSet};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// How long ingestion remembers a reading.
const REMEMBERED_MS: u64 = 30 * DAY_MS;

/// A reading that counts: the first of its id that does, and the newest time that the device had sent before it.
struct Arrival<'a> {
    reading: &'a Reading,
    before: u64,
}

pub fn of(deliveries: &[Delivery], metric: &str, settings: &Settings) -> Found {
    let (arrivals, taken) = arrivals(deliveries);
    let (windows, came) = settings.plans.get(metric).map(|plan| windows(&arrivals, plan)).unwrap_or_default();
    let alerts = alerts(&arrivals, &windows, metric, &settings.rules);
    let twin = twin(&arrivals, alerts.len() as u64);
    Found { taken, twin, came, windows, alerts }
}

fn arrivals<'a>(deliveries: &[Delivery<'a>]) -> (Vec<Arrival<'a>>, Taken) {
    let good: Vec<&Reading> = deliveries.iter().filter(|delivery| !delivery.spoilt).map(|d| d.reading).collect();
    // The newest before each: what is not accepted is never the newest, so all may be asked.
    let newest = good.iter().scan(0, |newest, reading| {
        let before = *newest;
        *newest = before.max(reading.at);
        Some(before)
    });
    let (fresh, old): (Vec<_>, Vec<_>) =
        good.iter().zip(newest).partition(|(reading, before)| reading.at + REMEMBERED_MS >= *before);
    let mut seen = BTreeSet::new();
    let first: Vec<_> = fresh.iter().filter(|(reading, _)| seen.insert(&reading.id)).collect();
    let arrivals: Vec<_> = first.iter().map(|(reading, before)| Arrival { reading, before: *before }).collect();
    let taken = Taken {
        accepted: arrivals.len() as u64,
        duplicates: (fresh.len() - arrivals.len()) as u64,
        expired: old.len() as u64,
        refused: (deliveries.len() - good.len()) as u64,
    };
    (arrivals, taken)
}

fn twin(arrivals: &[Arrival], alerts: u64) -> Twin {
    let times = || arrivals.iter().map(|arrival| arrival.reading.at);
    Twin {
        readings: arrivals.len() as u64,
        late: arrivals.iter().filter(|arrival| arrival.reading.at < arrival.before).count() as u64,
        oldest: times().min().unwrap_or(0),
        newest: times().max().unwrap_or(0),
        value: arrivals.iter().max_by_key(|arrival| arrival.reading.at).map_or(0, |newest| newest.reading.value),
        alerts,
    }
}

/// Each reading's window, and how many hours the watermark was beyond its end when the reading came.
fn windows(arrivals: &[Arrival], plan: &Plan) -> (Vec<Window>, Came) {
    let length = plan.hours * HOUR_MS;
    let watermark = |newest: u64| newest.saturating_sub(plan.delay_hours * HOUR_MS);
    let last = watermark(arrivals.iter().map(|arrival| arrival.reading.at).max().unwrap_or(0));
    let mut came = Came::default();
    let mut contents: BTreeMap<u64, (Vec<i64>, u64)> = BTreeMap::new();
    for Arrival { reading, before } in arrivals {
        let start = reading.at / length * length;
        let beyond = (watermark(*before) + 1).saturating_sub(start + length);
        if beyond > plan.late_hours * HOUR_MS {
            came.too_late += 1;
            continue;
        }
        let is_late = u64::from(beyond > 0);
        came.late += is_late;
        came.on_time += 1 - is_late;
        let (values, late) = contents.entry(start).or_default();
        values.push(reading.value);
        *late += is_late;
    }
    let window = |(start, (values, late)): (u64, (Vec<i64>, u64))| {
        // Once when it was over, if anything had come by then, and once for each that came late.
        let at_its_end = start + length <= last && values.len() as u64 > late;
        summed(start, start + length, late + u64::from(at_its_end), &values)
    };
    (contents.into_iter().map(window).collect(), came)
}

fn summed(start: u64, end: u64, told: u64, values: &[i64]) -> Window {
    let (min, max) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
    Window { start, end, told, count: values.len() as u64, sum: values.iter().sum(), min, max }
}

/// A window's figures in the settings only ever come nearer to their bounds, so the last ones tell whether there was an
/// alert on the way.
fn alerts(arrivals: &[Arrival], windows: &[Window], metric: &str, rules: &[Rule]) -> BTreeSet<Alert> {
    let mut alerts = BTreeSet::new();
    for rule in rules.iter().filter(|rule| rule.metric == metric) {
        let calls = |value: i64| {
            rule.at_least.is_some_and(|least| value >= least) || rule.at_most.is_some_and(|most| value <= most)
        };
        let figure = |window: &Window| match rule.of.as_str() {
            "count" => i64::try_from(window.count).ok(),
            "sum" => Some(window.sum),
            "min" => Some(window.min),
            "max" => Some(window.max),
            _ => None,
        };
        let of_readings = arrivals.iter().filter(|arrival| rule.of == "value" && calls(arrival.reading.value));
        let of_windows = windows.iter().filter(|window| window.told > 0 && figure(window).is_some_and(calls));
        let causes = of_readings.map(|arrival| arrival.reading.id.clone());
        let causes = causes.chain(of_windows.map(|window| window.start.to_string()));
        alerts.extend(causes.map(|cause| Alert { rule: rule.name.clone(), cause }));
    }
    alerts
}

#[cfg(test)]
mod tests;
