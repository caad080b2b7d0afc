//! Whether a reading can be true. Pure; it knows what can be measured on earth, and nothing of other readings.

use super::{DAY_MS, Reading};
use iot_messages::Metric;
use std::ops::RangeInclusive;

const LONGEST_NAME: usize = 64;
/// Clocks differ; but what is from the future would make all that comes after it late.
const CLOCKS_DIFFER_MS: u64 = DAY_MS;
const HIGHEST_LAT_E7: u64 = 900_000_000;
const HIGHEST_LON_E7: u64 = 1_800_000_000;

/// Why it cannot be, if so.
pub fn objection(device: &str, reading: &Reading, now: u64) -> Option<String> {
    let range = possible(reading.metric);
    if !is_name(device) || !is_name(&reading.id) {
        return Some(format!(
            "the names of devices and readings have 1 to {LONGEST_NAME} letters, digits, `-` and `_`"
        ));
    }
    if !range.contains(&reading.value) {
        let (least, most) = range.into_inner();
        return Some(format!("{} is {least} to {most} hundredths, not {}", reading.metric, reading.value));
    }
    if reading.at > now.saturating_add(CLOCKS_DIFFER_MS) {
        return Some(format!("it was measured at {}, and now is {now}", reading.at));
    }
    let place = reading.place.as_ref()?;
    let on_earth = place.lat_e7.unsigned_abs() <= HIGHEST_LAT_E7 && place.lon_e7.unsigned_abs() <= HIGHEST_LON_E7;
    (!on_earth).then(|| format!("{} {} is no place on earth", place.lat_e7, place.lon_e7))
}

/// In hundredths; a little beyond all that was ever measured.
fn possible(metric: Metric) -> RangeInclusive<i64> {
    match metric {
        Metric::Magnitude => -300..=1_000,
        Metric::Precipitation => 0..=200_000,
        Metric::TempMax | Metric::TempMin => -10_000..=6_500,
        Metric::Wind => 0..=15_000,
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(allowed)
}
