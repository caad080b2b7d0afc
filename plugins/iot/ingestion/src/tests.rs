use super::*;

const START: u64 = 1_325_376_000_000;

/// A host where the device `wind-1` sends.
fn host() -> MockHost {
    let host = MockHost::new();
    host.set_key(Some("wind-1"));
    host
}

fn reading(id: &str, at: u64, value: i64) -> Value {
    json!({ "id": id, "at": at, "metric": "wind", "value": value })
}

fn take(host: &MockHost, body: Value) -> String {
    let answer = host.command::<Ingestion>("take", body).unwrap();
    answer["verdict"].as_str().unwrap().to_owned()
}

fn counts(host: &MockHost) -> Value {
    host.command::<Ingestion>("counts", ()).unwrap()
}

#[test]
fn a_reading_is_accepted_and_that_is_told() {
    let host = host();
    assert_eq!(take(&host, reading("a", START, 470)), "accepted");
    let told = host.published().remove(0);
    assert_eq!(told.to, "ingestion.accepted.wind");
    let body = json!({ "device": "wind-1", "id": "a", "at": START, "metric": "wind", "value": 470, "place": null });
    assert_eq!(told.json(), body);
}

#[test]
fn a_duplicate_is_counted_and_not_told() {
    let host = host();
    for verdict in ["accepted", "duplicate", "duplicate"] {
        assert_eq!(take(&host, reading("a", START, 470)), verdict);
    }
    assert_eq!(host.published().len(), 1);
    assert_eq!(counts(&host), json!({ "accepted": 1, "duplicates": 2, "expired": 0, "refused": 0 }));
}

#[test]
fn devices_may_use_the_same_ids() {
    let host = host();
    take(&host, reading("a", START, 470));
    host.set_key(Some("wind-10"));
    assert_eq!(take(&host, reading("a", START, 470)), "accepted");
}

#[test]
fn an_older_reading_is_accepted_as_long_as_ids_are_remembered() {
    let host = host();
    take(&host, reading("a", START + REMEMBERED_MS, 470));
    assert_eq!(take(&host, reading("b", START, 470)), "accepted");
    assert_eq!(take(&host, reading("c", START - 1, 470)), "expired");
}

#[test]
fn ids_that_cannot_come_again_are_forgotten() {
    let host = host();
    for day in 0..100 {
        take(&host, reading(&day.to_string(), START + day * DAY_MS, 470));
    }
    let seen = host.state().keys().filter(|key| key.starts_with("seen/")).count();
    assert_eq!(seen, 31, "those of thirty days, and today's");
    assert_eq!(take(&host, reading("70", START + 70 * DAY_MS, 470)), "duplicate");
    assert_eq!(take(&host, reading("68", START + 68 * DAY_MS, 470)), "expired");
}

#[test]
fn what_cannot_be_true_is_refused() {
    let host = host();
    let far = json!({ "id": "a", "at": START, "metric": "magnitude", "value": 450,
        "place": { "lat_e7": 900_000_001, "lon_e7": 0 } });
    let other = json!({ "id": "b", "at": START, "metric": "temp-max", "value": 100 });
    take(&host, reading("first", START, 100));
    let refused = [
        other,
        reading("a", START, -1),
        reading("a", START, 15_001),
        reading("", START, 1),
        reading("a b", START, 1),
        reading("a", 1_767_225_600_000 + DAY_MS + 1, 1),
        far,
    ];
    for body in refused {
        assert_eq!(take(&host, body.clone()), "refused", "{body}");
    }
    assert_eq!(counts(&host)["refused"], 7);
    assert_eq!(host.published().len(), 1);
}

#[test]
fn a_refused_reading_may_be_sent_again_as_it_should_be() {
    let host = host();
    take(&host, reading("a", START, 99_999));
    assert_eq!(take(&host, reading("a", START, 470)), "accepted");
}

#[test]
fn without_a_key_there_is_no_device() {
    let host = MockHost::new();
    assert_eq!(host.command::<Ingestion>("take", reading("a", START, 1)).unwrap_err().code, "no-key");
}
