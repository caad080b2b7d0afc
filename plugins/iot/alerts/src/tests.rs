use super::*;

/// A host with a rule for each kind of thing.
fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("net-ci"));
    host.set_config(json!({ "rules": [
        { "name": "strong", "metric": "magnitude", "of": "value", "at_least": 450 },
        { "name": "many", "metric": "magnitude", "of": "count", "at_least": 20 },
        { "name": "frost", "metric": "temp-min", "of": "value", "at_most": 0 },
    ] }));
    host
}

fn reading(host: &MockHost, id: &str, metric: &str, value: i64) {
    let body = json!({ "device": "net-ci", "id": id, "at": 0, "metric": metric, "value": value, "place": null });
    host.event::<Alerts>(&format!("ingestion.accepted.{metric}"), body).unwrap();
}

fn window(host: &MockHost, start: u64, revision: u64, count: u64) {
    let body = json!({ "device": "net-ci", "metric": "magnitude", "start": start, "end": start + 1,
        "revision": revision, "count": count, "sum": 0, "min": 0, "max": 0 });
    host.event::<Alerts>("analytics.summed.magnitude", body).unwrap();
}

/// Rule, cause and value of each alert told.
fn raised(host: &MockHost) -> Vec<(String, String, i64)> {
    let told = host.published().into_iter().filter(|event| event.to == "alerts.raised");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told.map(|event| event.json())
        .map(|body| (text(&body["rule"]), text(&body["cause"]), body["value"].as_i64().unwrap()))
        .collect()
}

#[test]
fn a_rule_is_for_its_metric_and_from_its_bound_on() {
    let host = host();
    for (id, metric, value) in [
        ("a", "magnitude", 449),
        ("b", "magnitude", 450),
        ("c", "temp-min", 1),
        ("d", "temp-min", 0),
        ("e", "wind", 900),
    ] {
        reading(&host, id, metric, value);
    }
    assert_eq!(raised(&host), [("strong".into(), "b".into(), 450), ("frost".into(), "d".into(), 0)]);
}

#[test]
fn a_window_that_is_told_again_raises_no_second_alert() {
    let host = host();
    for (revision, count) in [(0, 19), (1, 20), (2, 21)] {
        window(&host, 6, revision, count);
    }
    window(&host, 12, 0, 30);
    assert_eq!(raised(&host), [("many".into(), "6".into(), 20), ("many".into(), "12".into(), 30)]);
}

#[test]
fn each_silence_is_an_alert() {
    let host = host();
    for newest in [100, 200] {
        host.event::<Alerts>("devices.silent", json!({ "device": "net-ci", "metric": "wind", "newest": newest }))
            .unwrap();
    }
    assert_eq!(raised(&host), [("silent".into(), "100".into(), 0), ("silent".into(), "200".into(), 0)]);
}

#[test]
fn alerts_are_listed_by_device_page_by_page() {
    let host = host();
    reading(&host, "b", "magnitude", 500);
    reading(&host, "a", "magnitude", 500);
    let all = host.command::<Alerts>("list", ()).unwrap();
    assert_eq!((&all[0]["cause"], &all[1]["cause"]), (&json!("a"), &json!("b")));
    assert_eq!(host.command::<Alerts>("list", all[0].clone()).unwrap(), json!([all[1]]));
    host.set_key(Some("net-nc"));
    assert_eq!(host.command::<Alerts>("list", ()).unwrap(), json!([]));
}
