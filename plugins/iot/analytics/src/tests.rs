use super::*;

const HOUR: u64 = 3_600_000;

/// A host with windows of six hours that wait for one more and take late readings for twelve.
fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("net-ci"));
    host.set_config(json!({ "windows": { "magnitude": { "hours": 6, "delay_hours": 1, "late_hours": 12 } } }));
    host
}

/// A quake at that hour of the first day.
fn quake(host: &MockHost, hour: u64, value: i64) {
    let reading = json!({ "device": "net-ci", "id": "x", "at": hour * HOUR, "metric": "magnitude", "value": value,
        "place": null });
    host.event::<Analytics>("ingestion.accepted.magnitude", reading).unwrap();
}

/// Start, revision, count and sum of each window told, in hours.
fn told(host: &MockHost) -> Vec<[i64; 4]> {
    let number = |body: &Value, field: &str| body[field].as_i64().unwrap();
    let bodies = host.published().into_iter().map(|event| event.json());
    bodies
        .map(|body| {
            let start = number(&body, "start") / HOUR as i64;
            [start, number(&body, "revision"), number(&body, "count"), number(&body, "sum")]
        })
        .collect()
}

fn counts(host: &MockHost) -> Value {
    host.command::<Analytics>("counts", ()).unwrap()
}

#[test]
fn a_window_is_told_once_when_the_watermark_has_passed_its_end() {
    let host = host();
    for (hour, value) in [(1, 100), (5, -20), (6, 300)] {
        quake(&host, hour, value);
    }
    assert!(told(&host).is_empty(), "it waits for an hour more");
    quake(&host, 7, 1);
    quake(&host, 8, 1);
    assert_eq!(told(&host), [[0, 0, 2, 80]]);
    let event = host.published().remove(0);
    assert_eq!(event.to, "analytics.summed.magnitude");
    assert_eq!((&event.json()["min"], &event.json()["max"]), (&json!(-20), &json!(100)));
}

#[test]
fn a_jump_in_time_tells_all_windows_that_it_passes() {
    let host = host();
    quake(&host, 1, 100);
    quake(&host, 6, 200);
    quake(&host, 100, 1);
    assert_eq!(told(&host), [[0, 0, 1, 100], [6, 0, 1, 200]]);
}

#[test]
fn a_late_reading_is_counted_once_and_its_window_told_again() {
    let host = host();
    quake(&host, 1, 100);
    quake(&host, 7, 1);
    quake(&host, 2, 50);
    assert_eq!(told(&host), [[0, 0, 1, 100], [0, 1, 2, 150]]);
    assert_eq!(counts(&host), json!({ "on_time": 2, "late": 1, "too_late": 0 }));
}

#[test]
fn a_late_reading_may_be_the_first_of_its_window() {
    let host = host();
    quake(&host, 7, 1);
    quake(&host, 2, 50);
    assert_eq!(told(&host), [[0, 0, 1, 50]]);
}

#[test]
fn a_reading_that_is_too_late_is_counted_and_left_out() {
    let host = host();
    quake(&host, 1, 100);
    quake(&host, 18, 1);
    quake(&host, 2, 50);
    quake(&host, 19, 1);
    quake(&host, 3, 50);
    assert_eq!(told(&host)[..2], [[0, 0, 1, 100], [0, 1, 2, 150]], "18 is late by less than 12");
    assert_eq!(counts(&host), json!({ "on_time": 3, "late": 1, "too_late": 1 }));
}

#[test]
fn windows_are_shown_in_order_the_open_ones_last() {
    let host = host();
    for hour in [1, 7, 8, 13] {
        quake(&host, hour, 10);
    }
    let shown = |input: Value| {
        let windows = host.command::<Analytics>("windows", input).unwrap();
        let hours = |window: &Value| window["start"].as_u64().unwrap() / HOUR;
        windows.as_array().unwrap().iter().map(|window| (hours(window), window["told"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(shown(Value::Null), [(0, json!(1)), (6, json!(1)), (12, json!(0))]);
    assert_eq!(shown(json!({ "after": 0 })), [(6, json!(1)), (12, json!(0))]);
}

#[test]
fn a_metric_without_a_plan_has_no_windows() {
    let host = host();
    host.set_config(json!({}));
    quake(&host, 1, 100);
    assert!(host.state().is_empty());
}
