use super::*;

fn settings() -> Settings {
    let plan = Plan { hours: 6, delay_hours: 1, late_hours: 12 };
    let rule = |name: &str, of: &str, at_least| Rule {
        name: name.into(),
        metric: "wind".into(),
        of: of.into(),
        at_least: Some(at_least),
        at_most: None,
    };
    Settings { plans: [("wind".into(), plan)].into(), rules: vec![rule("gale", "value", 9), rule("many", "count", 3)] }
}

/// Readings of these hours and values; the hour is the id.
fn found(sent: &[(u64, i64)]) -> Found {
    let reading =
        |&(hour, value): &(u64, i64)| Reading { id: hour.to_string(), at: hour * HOUR_MS, value, place: None };
    let readings: Vec<Reading> = sent.iter().map(reading).collect();
    let deliveries: Vec<_> = readings.iter().map(|reading| Delivery { reading, spoilt: reading.value < 0 }).collect();
    of(&deliveries, "wind", &settings())
}

#[test]
fn what_is_sent_twice_too_old_or_spoilt_counts_apart() {
    let taken = found(&[(1, 1), (1, 1), (800, 1), (1, 1), (79, 1), (80, 1), (80, 1), (900, -1)]).taken;
    assert_eq!(taken, Taken { accepted: 3, duplicates: 2, expired: 2, refused: 1 });
}

#[test]
fn a_window_is_told_at_its_end_and_for_each_late_reading() {
    let found = found(&[(1, 4), (7, 1), (2, 9), (18, 1), (3, 1), (19, 1), (4, 1), (13, 2)]);
    assert_eq!(found.came, Came { on_time: 4, late: 3, too_late: 1 });
    let windows: Vec<_> =
        found.windows.iter().map(|window| (window.start / HOUR_MS, window.told, window.count)).collect();
    assert_eq!(windows, [(0, 3, 3), (6, 1, 1), (12, 1, 1), (18, 0, 2)]);
    assert_eq!((found.windows[0].sum, found.windows[0].min, found.windows[0].max), (14, 1, 9));
}

#[test]
fn alerts_are_of_readings_and_of_windows_that_were_told() {
    let alert = |rule: &str, cause: &str| Alert { rule: rule.into(), cause: cause.into() };
    let found = found(&[(1, 4), (2, 9), (3, 1), (8, 1), (9, 1), (10, 1)]);
    assert_eq!(found.alerts, [alert("gale", "2"), alert("many", "0")].into());
    assert_eq!(found.twin.alerts, 2);
}

#[test]
fn the_newest_reading_is_the_one_measured_last() {
    let twin = found(&[(5, 1), (9, 2), (7, 3)]).twin;
    assert_eq!((twin.value, twin.late, twin.readings), (2, 1, 3));
}
