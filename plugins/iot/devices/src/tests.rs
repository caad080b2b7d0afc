use super::*;

fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("wind-1"));
    host
}

fn accepted(host: &MockHost, device: &str, at: u64, value: i64) {
    host.set_key(Some(device));
    let reading =
        json!({ "device": device, "id": at.to_string(), "at": at, "metric": "wind", "value": value, "place": null });
    host.event::<Devices>("ingestion.accepted.wind", reading).unwrap();
}

fn show(host: &MockHost) -> Value {
    host.command::<Devices>("show", ()).unwrap()
}

#[test]
fn the_newest_reading_is_the_one_measured_last_not_the_one_that_came_last() {
    let host = host();
    for (at, value) in [(100, 1), (300, 3), (200, 2)] {
        accepted(&host, "wind-1", at, value);
    }
    let twin = show(&host);
    assert_eq!((&twin["newest"], &twin["value"], &twin["oldest"]), (&json!(300), &json!(3), &json!(100)));
    assert_eq!((&twin["readings"], &twin["late"]), (&json!(3), &json!(1)));
}

#[test]
fn a_device_that_says_nothing_for_an_hour_is_silent_once() {
    let host = host();
    accepted(&host, "wind-1", 100, 1);
    host.advance(Duration::from_secs(3_000));
    accepted(&host, "wind-1", 200, 1);
    host.advance(Duration::from_secs(3_000));
    assert_eq!(host.fire_timers::<Devices>(), Ok(0), "the second reading has set the timer anew");
    host.advance(Duration::from_secs(600));
    assert_eq!(host.fire_timers::<Devices>(), Ok(1));
    let told = host.published().remove(0);
    assert_eq!((told.to.as_str(), told.key.as_deref()), ("devices.silent", Some("wind-1")));
    assert_eq!(told.json(), json!({ "device": "wind-1", "metric": "wind", "newest": 200 }));
    assert_eq!(show(&host)["silent"], true);
    assert!(host.timers().is_empty());
}

#[test]
fn a_device_that_speaks_again_is_not_silent() {
    let host = host();
    accepted(&host, "wind-1", 100, 1);
    host.advance(Duration::from_secs(3_600));
    host.fire_timers::<Devices>().unwrap();
    accepted(&host, "wind-1", 200, 1);
    assert_eq!(show(&host)["silent"], false);
}

#[test]
fn alerts_are_counted_for_their_device() {
    let host = host();
    accepted(&host, "wind-1", 100, 900);
    for (device, cause) in [("wind-1", "a"), ("wind-1", "b"), ("wind-10", "a")] {
        let alert = json!({ "device": device, "rule": "gale", "cause": cause, "value": 900 });
        host.event::<Devices>("alerts.raised", alert).unwrap();
    }
    assert_eq!(show(&host)["alerts"], 2);
}

#[test]
fn devices_are_apart() {
    let host = host();
    accepted(&host, "wind-1", 100, 1);
    accepted(&host, "wind-10", 200, 2);
    assert_eq!((show(&host)["readings"].clone(), host.timers().len()), (json!(1), 2));
    host.set_key(Some("wind-2"));
    assert_eq!(host.command::<Devices>("show", ()).unwrap_err().code, "unknown-device");
}
