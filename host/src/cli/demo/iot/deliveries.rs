//! What a network does to readings on their way: some come late, some come twice, some are spoilt. The same each time.
//!
//! Pure: it knows the order of readings and nothing of what is made of them.

use super::input::{Device, Reading};
use serde_json::{Value, json};

/// By how many readings a late one of the weather station is overtaken: by few, by more than its window waits, and by
/// more than ids are remembered. (The earthquakes' own delays are real.)
const OVERTAKEN_BY: [usize; 5] = [2, 9, 12, 18, 40];
/// One of so many is late,
const LATE: usize = 11;
/// comes again at once, as when an answer was lost,
const REPEATED: usize = 7;
/// or again after some others, as when a gateway empties its buffer twice.
const REPEATED_LATER: usize = 13;
const LATER_BY: [usize; 2] = [10, 45];
/// Before one of so many comes another that cannot be true.
const SPOILT: usize = 97;

/// One sending of a reading.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    pub reading: &'a Reading,
    pub spoilt: bool,
}

/// All that a device sends, in order.
pub fn of(device: &Device) -> Vec<Delivery<'_>> {
    let is_weather = device.readings.iter().all(|reading| reading.place.is_none());
    let mut placed: Vec<(usize, Delivery<'_>)> = Vec::new();
    for (index, reading) in device.readings.iter().enumerate() {
        let late = is_weather && index % LATE == LATE / 2;
        let place = if late { index + OVERTAKEN_BY[index / LATE % OVERTAKEN_BY.len()] } else { index };
        let good = Delivery { reading, spoilt: false };
        if index % SPOILT == SPOILT / 2 {
            placed.push((place, Delivery { reading, spoilt: true }));
        }
        placed.push((place, good.clone()));
        if index % REPEATED == REPEATED / 2 {
            placed.push((place, good.clone()));
        }
        if index % REPEATED_LATER == REPEATED_LATER / 2 {
            placed.push((place + LATER_BY[index / REPEATED_LATER % LATER_BY.len()], good));
        }
    }
    // Stable: what has the same place stays as it was pushed.
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, delivery)| delivery).collect()
}

impl Delivery<'_> {
    /// As the command `ingestion/take` has it; a spoilt one has a value that nothing on earth has.
    pub fn body(&self, metric: &str) -> Value {
        let Reading { id, at, value, place } = self.reading;
        let e7 = |degrees: f64| (degrees * 1e7).round() as i64;
        let place = place.map(|(lat, lon)| json!({ "lat_e7": e7(lat), "lon_e7": e7(lon) }));
        let value = if self.spoilt { 999_999 } else { *value };
        json!({ "id": id, "at": at, "metric": metric, "value": value, "place": place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(place: Option<(f64, f64)>) -> Device {
        let reading = |day: u64| Reading { id: day.to_string(), at: day, value: 1, place };
        Device { name: "d".into(), metric: "wind", readings: (0..500).map(reading).collect() }
    }

    fn times(deliveries: &[Delivery], id: &str) -> usize {
        deliveries.iter().filter(|delivery| delivery.reading.id == id && !delivery.spoilt).count()
    }

    #[test]
    fn no_reading_is_lost_and_some_come_again() {
        let device = device(None);
        let all = of(&device);
        assert!(device.readings.iter().all(|reading| times(&all, &reading.id) >= 1));
        assert_eq!((times(&all, "3"), times(&all, "6"), times(&all, "45")), (2, 2, 3));
        assert_eq!(all.iter().filter(|delivery| delivery.spoilt).count(), 5);
    }

    #[test]
    fn late_ones_are_overtaken_by_others() {
        let device = device(None);
        let order: Vec<u64> = of(&device).iter().map(|delivery| delivery.reading.at).collect();
        let place = |at: u64| order.iter().position(|other| *other == at).unwrap();
        assert!(place(5) > place(6) && place(16) > place(24) && place(49) > place(88));
    }

    #[test]
    fn the_order_of_what_has_delays_of_its_own_stays() {
        let device = device(Some((0.0, 0.0)));
        let all = of(&device);
        let mut first: Vec<u64> = Vec::new();
        for delivery in &all {
            if !first.contains(&delivery.reading.at) {
                first.push(delivery.reading.at);
            }
        }
        assert!(first.is_sorted());
    }
}
