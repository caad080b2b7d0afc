//! The real readings that the sensor network's demo sends: a week of earthquakes and four years of a weather station.
//!
//! Owns the files' formats. Must not know HTTP or spaces. Fails at what is no reading, and names it.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 1_440 * MINUTE_MS;
/// What the weather station measures, in the order of the file's columns.
const INSTRUMENTS: [&str; 4] = ["precipitation", "temp-max", "temp-min", "wind"];

#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub id: String,
    /// When it was measured, in milliseconds since 1970.
    pub at: u64,
    /// In hundredths.
    pub value: i64,
    /// Latitude and longitude in degrees.
    pub place: Option<(f64, f64)>,
}

/// What one device has to send, in the order in which that became known.
#[derive(Debug)]
pub struct Device {
    pub name: String,
    pub metric: &'static str,
    pub readings: Vec<Reading>,
}

#[derive(Deserialize)]
struct Feed {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    id: String,
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    mag: f64,
    time: u64,
    /// When the feed told of it in this form.
    updated: u64,
    /// The network that reports it.
    net: String,
}

#[derive(Deserialize)]
struct Geometry {
    /// Longitude, latitude, depth.
    coordinates: [f64; 3],
}

/// A device for each seismic network. They send when the feed was updated, which may be days after the quake.
pub fn quakes(json: &str) -> Result<Vec<Device>> {
    let Feed { mut features } = serde_json::from_str(json)?;
    features.sort_by_key(|feature| feature.properties.updated);
    let mut devices: Vec<Device> = Vec::new();
    for feature in features {
        let name = format!("net-{}", feature.properties.net);
        let [longitude, latitude, _] = feature.geometry.coordinates;
        let value = (feature.properties.mag * 100.0).round() as i64;
        let place = Some((latitude, longitude));
        let reading = Reading { id: feature.id, at: feature.properties.time, value, place };
        match devices.iter_mut().find(|device| device.name == name) {
            Some(device) => device.readings.push(reading),
            None => devices.push(Device { name, metric: "magnitude", readings: vec![reading] }),
        }
    }
    Ok(devices)
}

/// A device for each instrument of the station.
pub fn weather(csv: &str) -> Result<Vec<Device>> {
    let device = |metric: &'static str| Device { name: format!("seattle-{metric}"), metric, readings: Vec::new() };
    let mut devices: Vec<Device> = INSTRUMENTS.map(device).into();
    for (number, line) in csv.lines().enumerate().skip(1) {
        let day = day(line).with_context(|| format!("line {}: `{line}`", number + 1))?;
        for (device, reading) in devices.iter_mut().zip(day) {
            device.readings.push(reading);
        }
    }
    Ok(devices)
}

/// Date, the four values, and a word for the weather.
fn day(line: &str) -> Result<[Reading; 4]> {
    let fields: Vec<&str> = line.split(',').collect();
    ensure!(fields.len() == 6, "a day has six fields");
    let at = midnight(fields[0]).context("the date")?;
    let reading = |text: &str| -> Result<Reading> {
        let value = (text.parse::<f64>().with_context(|| format!("`{text}`"))? * 100.0).round() as i64;
        Ok(Reading { id: fields[0].to_owned(), at, value, place: None })
    };
    Ok([reading(fields[1])?, reading(fields[2])?, reading(fields[3])?, reading(fields[4])?])
}

fn midnight(date: &str) -> Result<u64> {
    let time = humantime::parse_rfc3339(&format!("{date}T00:00:00Z"))?;
    Ok(time.duration_since(std::time::UNIX_EPOCH)?.as_secs() / 86_400 * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earthquakes_are_by_network_and_in_the_order_in_which_they_became_known() {
        let devices = quakes(include_str!("../../../../../plugins/iot/data/earthquakes.json")).unwrap();
        assert_eq!((devices.len(), devices.iter().map(|device| device.readings.len()).sum::<usize>()), (12, 1_707));
        let ci = devices.iter().find(|device| device.name == "net-ci").unwrap();
        let castaic = ci.readings.iter().find(|reading| reading.id == "ci37868143").unwrap();
        assert_eq!((castaic.at, castaic.value), (1_517_966_773_840, 200));
        assert_eq!(castaic.place, Some((34.4945, -118.667_166_7)));
        assert!(!ci.readings.is_sorted_by_key(|reading| reading.at), "some became known late");
    }

    #[test]
    fn a_day_of_weather_is_a_reading_of_each_instrument() {
        let devices = weather(include_str!("../../../../../plugins/iot/data/seattle-weather.csv")).unwrap();
        let first = devices.iter().map(|device| (device.name.as_str(), device.readings[0].value)).collect::<Vec<_>>();
        let expected = [
            ("seattle-precipitation", 0),
            ("seattle-temp-max", 1280),
            ("seattle-temp-min", 500),
            ("seattle-wind", 470),
        ];
        assert_eq!(first, expected);
        assert_eq!(devices[0].readings[0].at, 1_325_376_000_000);
        assert!(devices.iter().all(|device| device.readings.len() == 1_461));
    }

    #[test]
    fn a_line_that_is_no_day_is_named() {
        for bad in ["2012-01-01,0.0,1.0,1.0,sun", "2012-13-01,0,0,0,0,sun", "2012-01-01,x,0,0,0,sun"] {
            assert_eq!(weather(&format!("date\n{bad}")).unwrap_err().to_string(), format!("line 2: `{bad}`"));
        }
    }
}
